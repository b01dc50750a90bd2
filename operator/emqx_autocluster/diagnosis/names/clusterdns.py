"""Rungs of the DNS ladder in the cluster's own DNS: whether it runs, and what its Corefile does with the name."""

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.names import coredns
from emqx_autocluster.diagnosis.names.corefile import Corefile, CorefileError, parse
from emqx_autocluster.diagnosis.names.question import SERVICE, Question, answers, timed_out
from emqx_autocluster.observation import DNSAnswer, DNSOutcome, Fact, Unobserved

_TYPE = ConditionType.DNS_HEALTHY
_COREFILE = "ConfigMap coredns in kube-system"


def loop(question: Question) -> Finding | Unobserved | None:
    if _is_well(question) or not _is_silent(question.answer):
        return None
    corefile = _corefile(question)
    if isinstance(corefile, Unobserved):
        return corefile
    own = question.dns.addresses
    upstream = coredns.loop(corefile, () if isinstance(own, Unobserved) else own, question.name)
    if upstream is None:
        return None
    return false(
        _TYPE,
        Reason.FORWARD_LOOP,
        f"CoreDNS forwards to {upstream}, which is itself: what it does not know goes round until it gives up"
        f" ({_COREFILE}); forward to a resolver outside the cluster",
    )


def down(question: Question) -> Finding | Unobserved | None:
    if _is_well(question) or not _is_silent(question.answer):
        return None
    backends = question.dns.backends
    if isinstance(backends, Unobserved):
        return Unobserved(f"the Endpoints of {SERVICE}: {backends.reason}")
    if backends:
        return None
    return false(
        _TYPE,
        Reason.CLUSTER_DNS_DOWN,
        f"{SERVICE} has no Ready pod behind it, so no name resolves in any pod of the cluster; see kubectl -n"
        " kube-system describe pods -l k8s-app=kube-dns",
    )


def zone(question: Question) -> Finding | Unobserved | None:
    if _is_well(question) or timed_out(question.answer):
        return None
    corefile = _corefile(question)
    if isinstance(corefile, Unobserved) or coredns.answers_for(corefile, question.name):
        return corefile if isinstance(corefile, Unobserved) else None
    seen = ", ".join(zone.rstrip(".") for zone in coredns.kubernetes_zones(corefile)) or "none"
    return false(
        _TYPE,
        Reason.ZONE_MISSING,
        f"CoreDNS does not ask Kubernetes for {question.shown}: the zones of its kubernetes plugin are {seen}"
        f" ({_COREFILE}{_imports(corefile)}), and the pods' cluster domain is"
        f" {question.case.observation.network.cluster_domain}; one of the two has to change",
    )


def swallowed(question: Question) -> Finding | Unobserved | None:
    if _is_well(question) or timed_out(question.answer):
        return None
    corefile = _corefile(question)
    if isinstance(corefile, Unobserved):
        return corefile
    plugin = coredns.swallower(corefile, question.name)
    if plugin is None:
        return None
    return false(
        _TYPE,
        Reason.HOSTS_WITHOUT_FALLTHROUGH,
        f"CoreDNS answers {question.shown} from its block `{coredns.shown(plugin)}`, which has no such name, and never"
        f" asks Kubernetes ({_COREFILE}); add fallthrough to that block",
    )


def _is_well(question: Question) -> bool:
    """Whether the cluster's DNS does its part."""
    return answers(question.answer)


def _is_silent(said: Fact[DNSAnswer]) -> bool:
    """Whether the cluster's DNS has no word to say on a name, or could not be asked."""
    return isinstance(said, Unobserved) or said.outcome in {DNSOutcome.TIMEOUT, DNSOutcome.SERVFAIL}


def _corefile(question: Question) -> Fact[Corefile]:
    text = question.dns.corefile
    if isinstance(text, Unobserved):
        return Unobserved(f"{_COREFILE}: {text.reason}")
    if text is None:
        return Unobserved(f"there is no {_COREFILE}")
    try:
        return parse(text)
    except CorefileError as error:
        return Unobserved(f"{_COREFILE}: {error}")


def _imports(corefile: Corefile) -> str:
    files = ", ".join(corefile.imports)
    return f"; it imports {files}, which is not seen here" if files else ""
