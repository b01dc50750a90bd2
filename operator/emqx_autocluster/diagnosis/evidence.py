"""What the members' own logs say of a cause: a confirmation, where they have one, and never more."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from emqx_autocluster.api.findings import Finding, Reason, Status
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.observation import DiscoveryError, DiscoveryTrace

_UNKNOWN_NAME = frozenset({DiscoveryError.NAME_NOT_FOUND})
_NO_ANSWER = frozenset({DiscoveryError.REFUSED, DiscoveryError.TIMED_OUT})
_PEERS_DEAD = frozenset({DiscoveryError.PEERS_DEAD})

_ENV = "env/"
"""How a finding's field begins that is a variable."""

CONFIRMED_BY: Mapping[Reason, frozenset[DiscoveryError]] = {
    Reason.API_SERVER_UNREACHABLE: _NO_ANSWER,
    Reason.API_SERVER_NAME_NOT_FOUND: _UNKNOWN_NAME,
    Reason.API_SERVER_NOT_IN_CERTIFICATE: frozenset({DiscoveryError.TLS}),
    Reason.API_SERVER_CERTIFICATE_INVALID: frozenset({DiscoveryError.TLS}),
    Reason.API_SERVER_MALFORMED: frozenset({DiscoveryError.BAD_ADDRESS}) | _NO_ANSWER,
    Reason.API_SERVER_HAS_PATH: frozenset({DiscoveryError.NOT_FOUND}),
    Reason.NAMESPACE_MISMATCH: frozenset({DiscoveryError.NOT_FOUND, DiscoveryError.FORBIDDEN}),
    Reason.ADDRESS_TYPE_UNSUITABLE: frozenset({DiscoveryError.NO_HOSTNAME}),
    Reason.NAME_PART_MISMATCH: _PEERS_DEAD,
    Reason.CLUSTER_DOMAIN_MISMATCH: _PEERS_DEAD,
    Reason.PERMISSION_DENIED: frozenset({DiscoveryError.FORBIDDEN}),
    Reason.TOKEN_NOT_MOUNTED: frozenset({DiscoveryError.NO_TOKEN, DiscoveryError.UNAUTHORIZED}),
    Reason.TOKEN_AUDIENCE_WRONG: frozenset({DiscoveryError.UNAUTHORIZED}),
    Reason.SERVICE_NOT_FOUND: frozenset({DiscoveryError.NOT_FOUND}),
    Reason.HOSTNAME_MISSING: frozenset({DiscoveryError.NO_HOSTNAME}),
    Reason.ENDPOINTS_DIFFER: _PEERS_DEAD,
    Reason.NODE_NAME_MISMATCH: _PEERS_DEAD,
    Reason.NETWORK_POLICY_BLOCKS: frozenset({DiscoveryError.TIMED_OUT}) | _PEERS_DEAD,
    Reason.NAME_NOT_FOUND: _UNKNOWN_NAME,
    Reason.DNS_POLICY_UNSUITABLE: _UNKNOWN_NAME,
    Reason.NAMESERVER_NOT_CLUSTER_DNS: _UNKNOWN_NAME,
    Reason.SEARCH_LIST_UNSUITABLE: _UNKNOWN_NAME,
    Reason.NAMESERVER_UNREACHABLE: _UNKNOWN_NAME,
    Reason.CLUSTER_DNS_DOWN: _UNKNOWN_NAME,
    Reason.FORWARD_LOOP: _UNKNOWN_NAME,
    Reason.ZONE_MISSING: _UNKNOWN_NAME,
    Reason.HOSTS_WITHOUT_FALLTHROUGH: _UNKNOWN_NAME,
    Reason.CORES_NOT_LISTED: frozenset({DiscoveryError.NO_HOSTNAME}) | _PEERS_DEAD,
    Reason.LICENSE_MISSING: frozenset({DiscoveryError.LICENCE}),
}
"""With what failures a member's discovery shows that it is this cause; of others its log says nothing."""


_PLACED = frozenset({Reason.REFERENCE_MISSING, Reason.UNKNOWN_VARIABLE, Reason.FILE_UNSUITABLE})
"""Without a value to set they say themselves what stands where, and no variable would help."""


def confirmed(case: Case, finding: Finding) -> Finding:
    """With where the value to blame stands, and the words of a member's log, if they tell of the same."""
    said = _place(case, finding) + confirmation(case, CONFIRMED_BY.get(finding.reason, frozenset()))
    return replace(finding, message=finding.message + said) if said else finding


def _place(case: Case, finding: Finding) -> str:
    """Empty: in the container's own env, where a reader looks first, or nowhere."""
    reader = case.settings.reader if case.settings else None
    blamed = [finding.field.removeprefix(_ENV)] if finding.field.startswith(_ENV) else []
    names = dict.fromkeys([*blamed, *(name for name, _ in finding.sets)])
    if reader is None or finding.status is Status.UNKNOWN or (finding.reason in _PLACED and not finding.sets):
        return ""
    places = [f"{name} stands in {place}" for name in names if (place := reader.place(name))]
    return f"; {', '.join(places)}, and env of the container would override it" if places else ""


def confirmation(case: Case, errors: AbstractSet[DiscoveryError]) -> str:
    """To be appended to a message: the words of the first member whose discovery fails like this; else nothing."""
    for member in case.running:
        trace = member.discovery_trace
        if isinstance(trace, DiscoveryTrace) and trace.error in errors:
            return f"; {member.pod.name} says so too, its log: {trace.line}"
    return ""
