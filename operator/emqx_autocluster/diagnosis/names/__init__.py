"""DNSHealthy: which names the pods need, and whether they resolve as they should.

Where they do not, the ladder (`resolution`) says on which rung it breaks. A pod that resolves what it needs is well,
whatever its resolver looks like.
"""

from collections.abc import Iterator

from emqx_autocluster.api.findings import (
    ConditionType,
    Finding,
    Reason,
    Status,
    Unjudged,
    false,
    true,
    unknown,
)
from emqx_autocluster.api.v1alpha1 import delta
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.configuration import address
from emqx_autocluster.diagnosis.configuration.address import is_the_service, service_fqdn
from emqx_autocluster.diagnosis.names import dnspolicy, hostaliases, peername, resolution, serviceaddress
from emqx_autocluster.diagnosis.names.question import Question
from emqx_autocluster.emqx import apiaddress, discovery
from emqx_autocluster.emqx.apiaddress import Address
from emqx_autocluster.observation import (
    CANONICAL_HOST,
    NOT_ASKED,
    DNSAnswer,
    DNSOutcome,
    Fact,
    Identity,
    Member,
    Unobserved,
)

__all__ = ["check", "cluster_answer", "unjudged"]

_TYPE = ConditionType.DNS_HEALTHY


def check(case: Case) -> Finding:
    if case.settings is None or isinstance(case.settings.strategy, Unobserved):
        return unknown(_TYPE, Reason.INITIALIZING, "the discovery strategy is not known yet")
    if case.uses_dns:
        return peername.check(case, case.settings)
    if not case.uses_k8s:
        return true(_TYPE, Reason.NOT_APPLICABLE, "this strategy needs no name of the cluster's DNS")
    hosts = [*([CANONICAL_HOST] if _needs_the_service(case) else []), *_configured_name(case)]
    found = [] if case.progressing else [finding for host in hosts if (finding := _resolution(case, host))]
    bad = [finding for finding in found if finding.bad]
    if bad and _names_matter(case):
        return bad[0]
    failing = _cluster_dns_failing(case)
    if failing:
        return failing
    if case.progressing:
        return unknown(
            _TYPE, Reason.TARGET_PROGRESSING, "names are asked for in the pods once the rollout is over"
        )
    if not hosts:
        return serviceaddress.problem(case, ()) or true(
            _TYPE, Reason.NOT_APPLICABLE, "EMQX asks the API server by an address, not by a name"
        )
    if found:
        worst = min(found, key=lambda finding: not finding.bad)
        return worst if _names_matter(case) else unknown(_TYPE, Reason.PROBE_FAILED, worst.message)
    services = [host for host in hosts if _is_the_services(case, host)]
    resolved = f"the pods resolve {' and '.join(hosts)}{serviceaddress.unjudged(case, services)}"
    return serviceaddress.problem(case, services) or true(_TYPE, Reason.NAMES_RESOLVE, resolved)


def unjudged(case: Case) -> Iterator[Unjudged]:
    """Of a template none of whose pods runs."""
    yield from dnspolicy.unjudged(case)
    yield from hostaliases.unjudged(case)


def cluster_answer(case: Case) -> Fact[DNSAnswer]:
    network = case.observation.network
    return network.dns.get(
        service_fqdn(network.cluster_domain), Unobserved("the cluster's DNS was not asked")
    )


def _cluster_dns_failing(case: Case) -> Finding | None:
    """As the operator sees it: all pods of the cluster may be hit, and what they still resolve may be remembered."""
    answer = cluster_answer(case)
    if isinstance(answer, Unobserved) or answer.outcome is DNSOutcome.ANSWER:
        return None
    return _rung_or_failing(Question(case, CANONICAL_HOST), answer)


def _rung_or_failing(question: Question, answer: DNSAnswer) -> Finding:
    broken, skipped = resolution.broken_rung(question)
    return broken or false(
        _TYPE,
        Reason.CLUSTER_DNS_FAILING,
        f"the cluster's DNS answers {answer.outcome} for {answer.name} to the operator, where the ClusterIP of the"
        f" API server is expected; see kubectl -n kube-system logs -l k8s-app=kube-dns{skipped}",
    )


def _needs_the_service(case: Case) -> bool:
    """Whether the pods ask for the name of the Service, or may be made to ask for it."""
    asked, judged = _address(case), address.problem(case)
    named = asked is not None and not apiaddress.is_ip(asked.host)
    if asked is not None and named and is_the_service(case, asked):
        return True
    return _is_unknown(judged) or _is_replaced(judged)


def _names_matter(case: Case) -> bool:
    """Whether the pods certainly ask by name: not while their address could not be judged."""
    asked = _address(case)
    named = asked is not None and not apiaddress.is_ip(asked.host)
    return named or not _is_unknown(address.problem(case))


def _is_unknown(judged: Finding | None) -> bool:
    return judged is not None and judged.status is Status.UNKNOWN


def _is_replaced(judged: Finding | None) -> bool:
    """Whether Repair gives the pods another address, so that the name of the old one does not matter."""
    return judged is not None and judged.bad and judged.repairable


def _is_the_services(case: Case, host: str) -> bool:
    """Whether it is a spelling of the API server's Service: only the cluster's DNS can know it."""
    return apiaddress.names_the_service(host, case.observation.network.cluster_domain)


def _address(case: Case) -> Address | None:
    value = discovery.text(case.settings.api_server) if case.settings else None
    return apiaddress.parse(value) if value else None


def _configured_name(case: Case) -> list[str]:
    asked = _address(case)
    if asked is None or apiaddress.is_ip(asked.host) or apiaddress.is_loopback(asked.host):
        return []
    return [asked.host] if asked.host != CANONICAL_HOST else []


def _resolution(case: Case, host: str) -> Finding | None:
    """What is wrong with one name in the pods; None: every pod resolves it."""
    if isinstance(case.observation.members, Unobserved):
        return unknown(
            _TYPE, Reason.PROBE_FAILED, f"whether the pods resolve {host} is not known: no list of pods"
        )
    if not case.running:
        return _predicted(case, host)
    answers = {m.pod.name: m.lookups.get(host, NOT_ASKED) for m in case.running}
    failed = [f"{pod}: {a.reason}" for pod, a in answers.items() if isinstance(a, Unobserved)]
    if failed:
        return unknown(_TYPE, Reason.PROBE_FAILED, f"getent hosts {host} could not be asked in {failed[0]}")
    without = [m for m in case.running if not answers[m.pod.name]]
    if not without:
        return None
    if dnspolicy.is_unsuitable(case) and host == CANONICAL_HOST:
        return dnspolicy.problem(case)
    grace = delta(case.spec.dns.negative_grace)
    if any(m.pod.running_since and case.observation.at - m.pod.running_since < grace for m in without):
        return unknown(
            _TYPE, Reason.NEGATIVE_ANSWER_RECENT, f"{host} does not resolve yet in pods that just started"
        )
    return (
        _lost(case, host, without[0]) if _is_the_services(case, host) else _unknown_name(case, host, without)
    )


def _predicted(case: Case, host: str) -> Finding | None:
    """While no pod runs only the policy and the cluster's own answer can be judged."""
    if dnspolicy.is_unsuitable(case):
        return dnspolicy.problem(case)
    if host == CANONICAL_HOST and not isinstance(cluster_answer(case), Unobserved):
        return None
    return unknown(_TYPE, Reason.INITIALIZING, f"no pod runs in which {host} could be looked up")


def _lost(case: Case, host: str, member: Member) -> Finding:
    """Where the Service's name gets lost between this pod and the cluster's DNS."""
    question, answer = Question(case, host, member), cluster_answer(case)
    if isinstance(answer, DNSAnswer) and answer.outcome is not DNSOutcome.ANSWER:
        return _rung_or_failing(question, answer)
    broken, skipped = resolution.broken_rung(question)
    knows = "" if isinstance(answer, Unobserved) else "; the cluster's DNS knows it, asked by the operator"
    return broken or false(
        _TYPE,
        Reason.NAME_NOT_FOUND,
        f"{_seen(host, member)}{knows}{_own_config(case)}; expected is the ClusterIP of the API server:"
        f" {_look(case, member)}{skipped}",
    )


def _unknown_name(case: Case, host: str, without: list[Member]) -> Finding:
    answer = case.observation.network.dns.get(f"{host}.")
    cluster = f"; the cluster's DNS answers {answer.outcome}" if isinstance(answer, DNSAnswer) else ""
    return false(
        _TYPE,
        Reason.NAME_NOT_FOUND,
        f"{_seen(host, without[0])}{cluster}: a name that only nodes know (their /etc/hosts, which pods do not read)"
        f" does not help pods; the name that every pod has is {CANONICAL_HOST}",
        repairable=host != CANONICAL_HOST and _is_replaced(address.problem(case)),
    )


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


def _seen(host: str, member: Member) -> str:
    return f"getent hosts {host} finds nothing in pod {member.pod.name}{_nameservers(member)}"


def _nameservers(member: Member) -> str:
    identity = member.identity
    if not isinstance(identity, Identity) or identity.resolv_conf is None:
        return ""
    return f" (nameserver {', '.join(identity.resolv_conf.nameservers)})"


def _look(case: Case, member: Member) -> str:
    return f"kubectl exec {case.where(member.pod.name)} -- cat /etc/resolv.conf"
