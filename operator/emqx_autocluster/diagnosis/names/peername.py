"""DNSHealthy of strategy dns: whether the pods resolve the name that their discovery asks for.

As EMQX does it, by the absolute name: the search list has no part in it. Where Repair gives EMQX another name, that one
has to resolve.
"""

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.api.v1alpha1 import delta
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.names import dnspolicy, resolution
from emqx_autocluster.diagnosis.names.question import Question, answers
from emqx_autocluster.emqx import dnsdiscovery
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.observation import NOT_ASKED, DNSAnswer, Endpoints, Fact, Member, Unobserved

_TYPE = ConditionType.DNS_HEALTHY


def check(case: Case, settings: DiscoverySettings) -> Finding:
    name = dnsdiscovery.name_to_ask(settings.dns, case.workload.ref.namespace, _domain(case))
    if name is None and settings.dns.is_unset and not case.running:
        return _predicted(case, "the Service's name")  # which has to be set
    if name is None:
        return unknown(_TYPE, Reason.INITIALIZING, "the name that EMQX asks for is not known")
    shown = name.rstrip(".")
    if not case.running:
        return _predicted(case, shown)
    if case.progressing:
        return unknown(
            _TYPE, Reason.TARGET_PROGRESSING, "the name is asked for in the pods once the rollout is over"
        )
    for member in case.running:
        looked_up = member.lookups.get(name, NOT_ASKED)
        if isinstance(looked_up, Unobserved):
            told = f"getent hosts {name} could not be asked in {member.pod.name}: {looked_up.reason}"
            return unknown(_TYPE, Reason.PROBE_FAILED, told)
    without = [member for member in case.running if not member.lookups[name]]
    if not without:
        return true(_TYPE, Reason.NAMES_RESOLVE, f"the pods resolve {shown}")
    return _lost(case, name, without)


def _domain(case: Case) -> str:
    return case.observation.network.cluster_domain


def _predicted(case: Case, shown: str) -> Finding:
    if isinstance(case.observation.members, Unobserved):
        told = f"whether the pods resolve {shown} is not known: no list of pods"
        return unknown(_TYPE, Reason.PROBE_FAILED, told)
    if dnspolicy.is_unsuitable(case):
        return dnspolicy.problem(case, shown)
    return unknown(_TYPE, Reason.INITIALIZING, f"no pod runs in which {shown} could be looked up")


def _lost(case: Case, name: str, without: list[Member]) -> Finding:
    shown, member = name.rstrip("."), without[0]
    if _has_no_addresses(case):
        told = f"{shown} has no address while the Service has none, so whether the pods would resolve it is not known"
        return unknown(_TYPE, Reason.PROBE_FAILED, told)
    if dnspolicy.is_unsuitable(case):
        return dnspolicy.problem(case, shown)
    grace = delta(case.spec.dns.negative_grace)
    if any(m.pod.running_since and case.observation.at - m.pod.running_since < grace for m in without):
        return unknown(
            _TYPE, Reason.NEGATIVE_ANSWER_RECENT, f"{shown} does not resolve yet in pods that just started"
        )
    broken, skipped = resolution.broken_rung(Question(case, name, member, name))
    return broken or false(
        _TYPE,
        Reason.NAME_NOT_FOUND,
        f"getent hosts {name} finds nothing in pod {member.pod.name}{_cluster(case, name)}: without it discovery finds"
        f" nobody, and says nothing of it; see kubectl exec {case.where(member.pod.name)} -- cat"
        f" /etc/resolv.conf{skipped}",
    )


def _has_no_addresses(case: Case) -> bool:
    endpoints = case.observation.endpoints
    return (
        case.observation.service is None
        or (isinstance(endpoints, Endpoints) and not endpoints.ready)
        or not endpoints
    )


def _cluster(case: Case, name: str) -> str:
    answer: Fact[DNSAnswer] = case.observation.network.dns.get(name, NOT_ASKED)
    if isinstance(answer, Unobserved):
        return ""
    if answers(answer):
        return "; the cluster's DNS knows it, asked by the operator"
    return f"; the cluster's DNS answers {answer.outcome}"
