"""DiscoveryReady of strategy dns: whether the Service's records lead to the nodes under the names that they have."""

from collections.abc import Iterator
from datetime import timedelta

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx.discovery import DNS_NAME
from emqx_autocluster.emqx.peernames import SRV
from emqx_autocluster.objects import recorded
from emqx_autocluster.observation import DNSAnswer, DNSOutcome, Endpoints, Member, Service

_TYPE = ConditionType.DISCOVERY_READY
_CACHE = timedelta(seconds=35)
"""CoreDNS answers from its cache for 30 s by default, and hears of a new pod within a few seconds."""


def of_the_service(case: Case, service: Service) -> Iterator[Finding]:
    """What its records can never be: told by the Service alone."""
    kind, name = _question(case)
    if not service.headless:
        yield false(
            _TYPE,
            Reason.SERVICE_NOT_HEADLESS,
            f"Service {service.name} has a ClusterIP, and only the records of a headless one (clusterIP: None) lead to"
            f" single pods: for {name} DNS gives that one address or name, which no node is called by; name a headless"
            f" Service of these pods in {DNS_NAME} (the ClusterIP of one that exists cannot be taken away)",
            field=recorded.ENV + DNS_NAME,
        )
    if kind == SRV and service.ports == ():
        yield false(
            _TYPE,
            Reason.SERVICE_WITHOUT_PORTS,
            f"Service {service.name} has no ports, and DNS has SRV records for named ports alone: nobody is found; give"
            " it one, such as name ekka, port 4370",
        )


def problems(case: Case, service: Service, endpoints: Endpoints | None) -> Iterator[Finding]:
    """Of members that the Endpoints list, pod by pod; what DNS itself lacks, DNSHealthy tells."""
    answer, (kind, _) = case.observation.network.peers, _question(case)
    if not isinstance(answer, DNSAnswer) or answer.outcome is not DNSOutcome.ANSWER or case.progressing:
        return
    listed = {address.ip for address in endpoints.ready} if endpoints else set()
    hosts = {host.rstrip(".").lower() for host in answer.addresses}
    unfound = [m for m in case.running if m.pod.ip in listed and _host(m) and _host(m) not in hosts]
    if not unfound or len(case.running) < 2:  # noqa: PLR2004 - nobody looks for a single member
        return
    member, shown, name = unfound[0], ", ".join(answer.addresses[:3]), answer.name.rstrip(".")
    more = f" (and {len(unfound) - 1} more differ)" if len(unfound) > 1 else ""
    seen = f"DNS answers {kind} records of {name} with {shown}, and {member.pod.name} calls itself {member.node}{more}"
    if any(_is_recent(case, each) for each in unfound):
        kept = f", which may be kept for {answer.ttl} s" if answer.ttl else ""
        yield unknown(
            _TYPE, Reason.NODES_STARTING, f"{seen}: that pod is new, and the answer may be older{kept}"
        )
        return
    yield false(
        _TYPE,
        Reason.NODE_NAME_MISMATCH,
        f"{seen}: it is never found; the records of Service {service.name} and the nodes' own names must agree",
        field=recorded.ENV + DNS_NAME,
    )


def _question(case: Case) -> tuple[str, str]:
    dns = case.settings.dns if case.settings else None
    return (dns.kind or "", dns.asked or "") if dns else ("", "")


def _host(member: Member) -> str:
    return (member.node or "").partition("@")[2].lower()


def _is_recent(case: Case, member: Member) -> bool:
    since = member.pod.running_since
    return since is None or case.observation.at - since < _CACHE
