"""Rungs of the DNS ladder in the pod: which nameserver it asks, by which names, and whether that one answers."""

from ipaddress import ip_address

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false
from emqx_autocluster.diagnosis.names.question import SERVICE, Question, answers, timed_out
from emqx_autocluster.observation import DNSAnswer, Fact, ResolvConf, Unobserved

_TYPE = ConditionType.DNS_HEALTHY


def nameserver(question: Question) -> Finding | Unobserved | None:
    """Another nameserver than the cluster's, that does not know the name either: a cache on the node would."""
    server = question.nameserver
    if server is None:
        return Unobserved("the pod's resolv.conf") if question.member else None
    own, said = question.dns.addresses, _said_by(question, server)
    if answers(said) or _is_link_local(server):
        return None
    if isinstance(own, Unobserved):
        return Unobserved(f"{SERVICE}: {own.reason}")
    if not own:
        return Unobserved(f"there is no {SERVICE}")
    if server in own:
        return None
    seen = f", which answers {said.outcome} for {question.shown}" if isinstance(said, DNSAnswer) else ""
    return false(
        _TYPE,
        Reason.NAMESERVER_NOT_CLUSTER_DNS,
        f"{question.host} does not resolve in pod {question.pod}: its nameserver is {server}{seen}, and the cluster's"
        f" DNS is {', '.join(own)} ({SERVICE}); {_cure_of_nameserver(question, own)}",
    )


def search_list(question: Question) -> Finding | Unobserved | None:
    """The short name never becomes the absolute one, or not with every C library."""
    conf, server = question.conf, question.nameserver
    if conf is None or server is None or question.host.endswith("."):
        return None  # said already by the rung above, or no search list has a part in it
    said = _said_by(question, server)
    if isinstance(said, DNSAnswer) and not answers(said):
        return None
    domain = question.case.observation.network.cluster_domain
    if question.name not in conf.candidates(question.host):
        shown = " ".join(conf.search) or "empty"
        return false(
            _TYPE,
            Reason.SEARCH_LIST_UNSUITABLE,
            f"{question.host} does not resolve in pod {question.pod}: its search list ({shown}) never makes it"
            f" {question.shown}; the searches of its dnsConfig have to contain {domain}, with ndots 5",
        )
    if answers(said) and question.name not in _tried_by_musl(conf, question.host):
        return false(
            _TYPE,
            Reason.SEARCH_LIST_UNSUITABLE,
            f"{question.host} does not resolve in pod {question.pod}, and {question.shown} does: with ndots"
            f" {conf.ndots} the C library of this image (musl) leaves the search list out; the options of its dnsConfig"
            " have to contain ndots 5",
        )
    return None


def unreachable(question: Question) -> Finding | Unobserved | None:
    """Asked by the operator: it may be cut off itself, but the pod gets no answer either."""
    server = question.nameserver
    if server is None:
        return None
    said = _said_by(question, server)
    if isinstance(said, Unobserved):
        return None if answers(question.answer) else Unobserved(f"nameserver {server}: {said.reason}")
    if not timed_out(said):
        return None
    return false(
        _TYPE,
        Reason.NAMESERVER_UNREACHABLE,
        f"{question.host} does not resolve in pod {question.pod}, and its nameserver {server} does not answer the"
        " operator either: a node-local cache that does not run, kube-proxy, or a firewall or NetworkPolicy on port 53",
    )


def _said_by(question: Question, server: str) -> Fact[DNSAnswer]:
    """What a nameserver says to the operator, who may know the cluster's DNS by another address than the pods do."""
    asked = question.case.observation.network.nameservers.get(server, Unobserved("it was not asked"))
    own = question.dns.addresses
    if isinstance(asked, Unobserved) and not isinstance(own, Unobserved) and server in own:
        return question.answer
    return asked


def _is_link_local(server: str) -> bool:
    """Where a node's own cache of the cluster's DNS listens, 169.254.20.10 by convention."""
    try:
        return ip_address(server).is_link_local
    except ValueError:
        return False


def _tried_by_musl(conf: ResolvConf, host: str) -> tuple[str, ...]:
    """With `ndots` dots the absolute name alone."""
    return (f"{host}.",) if host.count(".") >= conf.ndots else conf.candidates(host)


def _cure_of_nameserver(question: Question, own: tuple[str, ...]) -> str:
    template = question.case.workload.template
    if template.dns_config:
        return (
            f"dnsPolicy is {template.dns_policy} with a dnsConfig of yours, which is not changed: its nameservers"
            f" must be {', '.join(own)}, and its searches contain {question.case.observation.network.cluster_domain}"
        )
    return f"the kubelet's clusterDNS has to be {own[0]}"
