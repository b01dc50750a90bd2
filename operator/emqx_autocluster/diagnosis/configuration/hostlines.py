"""Whether the image finds the line of /etc/hosts by which it names its node, where the address type is hostname.

Without one its entrypoint ends before EMQX starts, whatever the node's role and however many there are. Part of
ConfigurationValid.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import ownnames, zones
from emqx_autocluster.emqx import discovery
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.environment import as_hocon
from emqx_autocluster.emqx.ownname import SERVICE_ZONE
from emqx_autocluster.emqx.podwords import POD_NAME
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import Unobserved, WorkloadKind

_TYPE = ConditionType.CONFIGURATION_VALID
_SAYS_SO = 6
"""The major version whose newer images have a line for it in the log."""


def problems(case: Case, settings: DiscoverySettings) -> Iterator[Finding]:
    if not ends_at_once(case, settings):
        return
    place = ownnames.place(case)
    if place.parent is not None and place.why_no_line:
        finding: Finding | None = _by_address(settings, Reason.HOST_MISSING, place.why_no_line)
    else:
        finding = _no_names(case, settings) if place.parent is None else _no_line(case, settings)
    members = case.observation.members
    if finding is None or not isinstance(members, Unobserved):
        yield from (finding,) if finding else ()
        return
    yield unknown(_TYPE, Reason.PROBE_FAILED, f"{finding.message} (not certain: {members.reason})")


def ends_at_once(case: Case, settings: DiscoverySettings) -> bool:
    """By the manifest, and no node that has come through its boot disproves it."""
    return ownnames.predicted(case, settings) is None and not case.has_booted


def _no_names(case: Case, settings: DiscoverySettings) -> Finding:
    """Its pods have no host names there, whatever is looked for."""
    if case.is_replicant:
        return false(
            _TYPE,
            Reason.HOST_MISSING,
            f"{discovery.HOST} is not set: with {discovery.ADDRESS_TYPE}=hostname, which is right for the cores, a node"
            f" looks for its own host name, which pods of a Deployment do not have, and {_ends(settings)}; set"
            f" {discovery.HOST} to $(POD_IP), and before it in the list POD_IP by fieldRef status.podIP",
            field=recorded.ENV + discovery.HOST,
        )
    if case.workload.ref.kind is WorkloadKind.DEPLOYMENT:
        why = "pods of a Deployment have no host names, in Endpoints and in their own /etc/hosts"
    else:
        why = "the StatefulSet has no serviceName, which cannot be given to it later: its pods have no host names"
    return _by_address(settings, Reason.ADDRESS_TYPE_UNSUITABLE, why)


def _by_address(settings: DiscoverySettings, reason: Reason, why: str) -> Finding:
    return false(
        _TYPE,
        reason,
        f"{discovery.ADDRESS_TYPE} is hostname, and {why}: the image finds none for its node, and"
        f" {_ends(settings)}; set {discovery.ADDRESS_TYPE}=ip",
        sets=((discovery.ADDRESS_TYPE, "ip"),),
        field=recorded.ENV + discovery.ADDRESS_TYPE,
    )


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A part of what is looked for that the line does not have. `given` None: what the image takes by itself."""

    variable: str
    given: str | None
    right: str

    def __str__(self) -> str:
        if self.given is None:
            return f"{self.variable} is not set, for which the image takes {SERVICE_ZONE}"
        plain = as_hocon(self.given) == self.given
        return (
            f"{self.variable} is {self.given}" if plain else f"{self.variable} is {self.given!r}, literally"
        )


def _no_line(case: Case, settings: DiscoverySettings) -> Finding | None:
    """None: only the namespace differs, which is told by itself."""
    wrong = tuple(_wrong(case, settings))
    if not wrong:
        return None
    env, place = settings.entrypoint, ownnames.place(case)
    sets = tuple((each.variable, each.right) for each in wrong)
    return false(
        _TYPE,
        Reason.HOST_MISSING,
        f"{' and '.join(map(str, wrong))}: to name its node the image looks in /etc/hosts for"
        f' "{POD_NAME}*.{env.namespace}.{env.suffix or SERVICE_ZONE}", and the pod has {POD_NAME}.{place.parent}.'
        f"{place.namespace}.svc.{place.domain or '<domain>'} there; it finds no such line, and {_ends(settings)}; set"
        f" {' and '.join(f'{name}={value}' for name, value in sets)}",
        sets=sets,
        field=recorded.ENV + wrong[0].variable,
    )


def _wrong(case: Case, settings: DiscoverySettings) -> Iterator[_Wrong]:
    env, place = settings.entrypoint, ownnames.place(case)
    namespace, suffix = str(env.namespace), env.suffix or None
    told = settings.uses_k8s and discovery.text(settings.namespace) not in {None, place.namespace}
    if namespace != place.namespace and not told:
        yield _Wrong(discovery.NAMESPACE, namespace, place.namespace)
    if not place.has_in_hosts(f"{place.parent}.{place.namespace}.{suffix or SERVICE_ZONE}"):
        given = None if suffix is None else str(suffix)
        yield _Wrong(discovery.SUFFIX, given, _right_suffix(case, given or ""))


def _right_suffix(case: Case, given: str) -> str:
    known = f"{zones.LABELS['hostname']}.{case.observation.network.cluster_domain}"
    return (
        known if ownnames.domain_is_known(case) else zones.meant(given, "hostname", known.partition(".")[2])
    )


def _ends(settings: DiscoverySettings) -> str:
    quietly = settings.generation.version.major < _SAYS_SO
    return f"the container ends at once{' with an empty log' if quietly else ', before EMQX starts'}"
