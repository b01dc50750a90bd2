"""DNSHealthy, below the ladder: the name has an address, but it is not the Service's, or it does not answer."""

from collections.abc import Iterator, Sequence

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.endpoints import policies
from emqx_autocluster.observation import NOT_ASKED, DiscoveryError, DiscoveryTrace, Member, Unobserved

_TYPE = ConditionType.DNS_HEALTHY
_SILENT = frozenset({DiscoveryError.TIMED_OUT, DiscoveryError.REFUSED})


def problem(case: Case, hosts: Sequence[str]) -> Finding | None:
    """`hosts` are the spellings of the Service's name that the pods need, all of which they resolve."""
    return _differs(case, hosts) or _unreachable(case)


def _differs(case: Case, hosts: Sequence[str]) -> Finding | None:
    """An address at which neither the Service nor any API server is, and which no certificate of theirs names."""
    network = case.observation.network
    own, servers, named = network.service_address, network.api_servers, network.certificate_hosts
    if isinstance(own, Unobserved) or isinstance(servers, Unobserved) or isinstance(named, Unobserved):
        return None
    if own is None or not servers:
        return None
    right = {own, *servers, *named}
    for member, host, addresses in _lookups(case, hosts):
        if addresses and not right.intersection(addresses):
            return false(
                _TYPE,
                Reason.ANSWER_DIFFERS,
                f"{host} is {', '.join(addresses)} in pod {member.pod.name}, and the Service kubernetes in default has"
                f" {own}; the API servers are {', '.join(sorted(servers))}: look for an entry of that"
                " name in the pod's hostAliases, its nameserver, or CoreDNS's hosts, template and rewrite",
            )
    return None


def unjudged(case: Case, hosts: Sequence[str]) -> str:
    """To be said after all is well: an address that no certificate names, and whose it is could not be read."""
    network = case.observation.network
    facts = (network.service_address, network.api_servers)
    unread = next((f for f in facts if isinstance(f, Unobserved) and f is not NOT_ASKED), None)
    named = network.certificate_hosts
    if unread is None or isinstance(named, Unobserved):
        return ""
    for member, host, addresses in _lookups(case, hosts):
        if addresses and named.isdisjoint(addresses):
            return (
                f"; {host} is {', '.join(addresses)} in pod {member.pod.name}, and whether that is the Service"
                f" kubernetes in default is not judged: {unread.reason}"
            )
    return ""


def _lookups(case: Case, hosts: Sequence[str]) -> Iterator[tuple[Member, str, tuple[str, ...]]]:
    for member in case.running:
        for host in hosts:
            addresses = member.lookups.get(host)
            if isinstance(addresses, tuple):
                yield member, host, addresses


def _unreachable(case: Case) -> Finding | None:
    """The API server answers the operator, so the way from the pods to it is broken: told by the members alone."""
    if not policies.asks_the_service(case) or policies.problem(case):
        return None
    for member in case.running:
        trace = member.discovery_trace
        if isinstance(trace, DiscoveryTrace) and trace.error in _SILENT:
            found = ", ".join(next((a for a in member.lookups.values() if isinstance(a, tuple)), ()))
            address = f" ({found})" if found else ""
            return false(
                _TYPE,
                Reason.SERVICE_ADDRESS_UNREACHABLE,
                f"the Service of the API server{address} does not answer pod {member.pod.name} (its log: {trace.line}),"
                " while the API server answers the operator: likely kube-proxy, or what replaces it, on the pod's node;"
                f" see kubectl get pod -n {case.workload.ref.namespace} {member.pod.name} -o wide",
            )
    return None
