"""DNSHealthy: whether the pods resolve the API server's name, and on which rung of DNS it breaks."""

from emqx_autocluster import discovery
from emqx_autocluster.diagnosis import configuration
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import service_fqdn
from emqx_autocluster.discovery import Address
from emqx_autocluster.findings import ConditionType, Finding, Reason, Status, false, true, unknown
from emqx_autocluster.observation import (
    DNSAnswer,
    DNSOutcome,
    Fact,
    Identity,
    Member,
    Unobserved,
    WorkloadRef,
)
from emqx_autocluster.v1alpha1 import delta

_TYPE = ConditionType.DNS_HEALTHY
CANONICAL_HOST = "kubernetes.default.svc"


def check(case: Case) -> Finding:
    if case.settings is None or isinstance(case.settings.strategy, Unobserved):
        return unknown(_TYPE, Reason.INITIALIZING, "the discovery strategy is not known yet")
    if not case.uses_k8s:
        return true(_TYPE, Reason.NOT_APPLICABLE, "only strategy k8s needs the API server's name")
    failing = _cluster_dns_failing(cluster_answer(case))
    if failing:
        return failing
    if case.progressing:
        return unknown(
            _TYPE, Reason.TARGET_PROGRESSING, "names are asked for in the pods once the rollout is over"
        )
    hosts = [*([CANONICAL_HOST] if _needs_the_service(case) else []), *_configured_name(case)]
    if not hosts:
        return true(_TYPE, Reason.NOT_APPLICABLE, "EMQX asks the API server by an address, not by a name")
    findings = [finding for host in hosts if (finding := _resolution(case, host))]
    if findings:
        worst = min(findings, key=lambda finding: not finding.bad)
        return worst if _names_matter(case) else unknown(_TYPE, Reason.PROBE_FAILED, worst.message)
    return true(_TYPE, Reason.NAMES_RESOLVE, f"the pods resolve {' and '.join(hosts)}")


def cluster_answer(case: Case) -> Fact[DNSAnswer]:
    network = case.observation.network
    return network.dns.get(
        service_fqdn(network.cluster_domain), Unobserved("the cluster's DNS was not asked")
    )


def _cluster_dns_failing(answer: Fact[DNSAnswer]) -> Finding | None:
    if isinstance(answer, Unobserved) or answer.outcome is DNSOutcome.ANSWER:
        return None
    return false(
        _TYPE,
        Reason.CLUSTER_DNS_FAILING,
        f"the cluster's DNS answers {answer.outcome} for {answer.name} to the operator, where the ClusterIP of the"
        " API server is expected; see kubectl -n kube-system logs -l k8s-app=kube-dns",
    )


def _needs_the_service(case: Case) -> bool:
    """Whether the pods ask for the name of the Service, or may be made to ask for it."""
    address, finding = _address(case), configuration.check(case)
    named = address is not None and not discovery.is_ip(address.host)
    if address is not None and named and configuration.is_the_service(case, address):
        return True
    return finding.status is Status.UNKNOWN or _is_replaced(finding)


def _names_matter(case: Case) -> bool:
    """Whether the pods certainly ask by name: not while their address could not be judged."""
    address = _address(case)
    named = address is not None and not discovery.is_ip(address.host)
    return named or configuration.check(case).status is not Status.UNKNOWN


def _is_replaced(configured: Finding) -> bool:
    """Whether Repair gives the pods another address, so that the name of the old one does not matter."""
    return configured.bad and configured.repairable


def _address(case: Case) -> Address | None:
    value = discovery.text(case.settings.api_server) if case.settings else None
    return discovery.parse_address(value) if value else None


def _configured_name(case: Case) -> list[str]:
    address = _address(case)
    if address is None or discovery.is_ip(address.host) or discovery.is_loopback(address.host):
        return []
    return [address.host] if address.host != CANONICAL_HOST else []


def _resolution(case: Case, host: str) -> Finding | None:
    """What is wrong with one name in the pods; None: every pod resolves it."""
    if isinstance(case.observation.members, Unobserved):
        return unknown(
            _TYPE, Reason.PROBE_FAILED, f"whether the pods resolve {host} is not known: no list of pods"
        )
    if not case.running:
        return _predicted(case, host)
    answers = {m.pod.name: m.lookups.get(host, Unobserved("not asked")) for m in case.running}
    failed = [f"{pod}: {a.reason}" for pod, a in answers.items() if isinstance(a, Unobserved)]
    if failed:
        return unknown(_TYPE, Reason.PROBE_FAILED, f"getent hosts {host} could not be asked in {failed[0]}")
    without = [m for m in case.running if not answers[m.pod.name]]
    if not without:
        return None
    if unsuitable_policy(case) and host == CANONICAL_HOST:
        return _policy(case)
    grace = delta(case.spec.dns.negative_grace)
    if any(m.pod.running_since and case.observation.at - m.pod.running_since < grace for m in without):
        return unknown(
            _TYPE, Reason.NEGATIVE_ANSWER_RECENT, f"{host} does not resolve yet in pods that just started"
        )
    replaced = host != CANONICAL_HOST and _is_replaced(configuration.check(case))
    return false(_TYPE, Reason.NAME_NOT_FOUND, _not_found(case, host, without[0]), repairable=replaced)


def _predicted(case: Case, host: str) -> Finding | None:
    """While no pod runs only the policy and the cluster's own answer can be judged."""
    if unsuitable_policy(case):
        return _policy(case)
    if host == CANONICAL_HOST and not isinstance(cluster_answer(case), Unobserved):
        return None
    return unknown(_TYPE, Reason.INITIALIZING, f"no pod runs in which {host} could be looked up")


def unsuitable_policy(case: Case) -> bool:
    """Policy Default, and hostNetwork with ClusterFirst, give the pod the node's resolver instead of the cluster's."""
    template = case.workload.template
    if template.dns_config:
        return False
    return template.dns_policy == "Default" or (
        template.host_network and template.dns_policy == "ClusterFirst"
    )


def suitable_policy(case: Case) -> str:
    return "ClusterFirstWithHostNet" if case.workload.template.host_network else "ClusterFirst"


def other_names(case: Case) -> tuple[str, ...]:
    """Names in the container's env that the cluster's DNS does not know, or that it could not be asked for."""
    names = discovery.other_host_names(case.container) if case.container else ()
    answers = case.observation.network.dns
    return tuple(name for name in names if not _answered(answers.get(f"{name}.")))


def _answered(answer: Fact[DNSAnswer] | None) -> bool:
    return isinstance(answer, DNSAnswer) and answer.outcome is DNSOutcome.ANSWER


def _policy(case: Case) -> Finding:
    template, lost = case.workload.template, other_names(case)
    host_network = " with hostNetwork" if template.host_network else ""
    message = (
        f"dnsPolicy is {template.dns_policy}{host_network}, so the pods ask the node's resolver, which does not know"
        f" {CANONICAL_HOST}; it should be {suitable_policy(case)}"
    )
    if lost:
        message += (
            f"; not changed, since the cluster's DNS does not know {', '.join(lost)} of the container's env"
        )
    return false(_TYPE, Reason.DNS_POLICY_UNSUITABLE, message, repairable=not lost)


def _not_found(case: Case, host: str, member: Member) -> str:
    servers = _nameservers(member)
    answer = case.observation.network.dns.get(f"{host}.")
    cluster = f"; the cluster's DNS answers {answer.outcome}" if isinstance(answer, DNSAnswer) else ""
    seen = f"getent hosts {host} finds nothing in pod {member.pod.name}{servers}{cluster}"
    if host == CANONICAL_HOST:
        seen += _own_config(case)
        return f"{seen}; expected is the ClusterIP of the API server: {_look(case.workload.ref, member)}"
    return f"{seen}: a name that only nodes know does not help pods; the name that every pod has is {CANONICAL_HOST}"


def _own_config(case: Case) -> str:
    """A resolver that the user wrote is never changed, so that its owner has to know what is missing."""
    template = case.workload.template
    if not template.dns_config:
        return ""
    domain = case.observation.network.cluster_domain
    return (
        f"; dnsPolicy is {template.dns_policy} with a dnsConfig of yours, which is not changed: its nameservers must"
        f" be the cluster's DNS, and its searches contain {domain}"
    )


def _nameservers(member: Member) -> str:
    identity = member.identity
    if not isinstance(identity, Identity) or identity.resolv_conf is None:
        return ""
    return f" (nameserver {', '.join(identity.resolv_conf.nameservers)})"


def _look(ref: WorkloadRef, member: Member) -> str:
    return f"kubectl exec -n {ref.namespace} {member.pod.name} -- cat /etc/resolv.conf"
