"""DNSHealthy, rung by rung: the first broken one is told, and what could not be read is skipped with a word."""

from collections.abc import Mapping
from typing import Any

import pytest

from builders import (
    CANONICAL_HOST,
    CLUSTER_IP,
    IN_ROLLOUT,
    NOT_READ,
    SERVICE_FQDN,
    a_case,
    a_network,
    an_answer,
    changed,
    judge,
    members,
    tells,
)
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.observation import (
    ClusterDNS,
    DiscoveryError,
    DiscoveryTrace,
    DNSAnswer,
    DNSOutcome,
    Identity,
    Member,
    NetworkPolicy,
    ResolvConf,
    Unobserved,
)

DNS_IP, CACHE, OTHER = "10.96.0.10", "169.254.20.10", "10.9.9.9"
SEARCH = ("iot.svc.cluster.local", "svc.cluster.local", "cluster.local")
GOOD = ".:53 {\n kubernetes cluster.local in-addr.arpa\n forward . /etc/resolv.conf\n}\n"
LOOP = ".:53 {\n kubernetes cluster.local\n forward . 10.96.0.10\n loop\n}\n"
OTHER_ZONE = ".:53 {\n kubernetes mesh.internal\n import custom/*.override\n}\n"
HOSTS = ".:53 {\n hosts {\n 10.0.0.5 db.corp\n }\n kubernetes cluster.local\n}\n"

Facts = Mapping[str, Any]


def cluster_dns(corefile: Any = GOOD, **facts: Any) -> ClusterDNS:
    known: dict[str, Any] = {
        "addresses": (DNS_IP,),
        "backends": ("10.244.0.2", "10.244.0.3"),
        "corefile": corefile,
    }
    return ClusterDNS(**{**known, **facts})


def said(outcome: DNSOutcome | Unobserved) -> Any:
    if isinstance(outcome, Unobserved):
        return outcome
    return an_answer() if outcome is DNSOutcome.ANSWER else DNSAnswer(SERVICE_FQDN, outcome)


def lost(conf: ResolvConf | None = None) -> tuple[Member, ...]:
    """All pods, none of which resolves the name."""
    known = ResolvConf((DNS_IP,), SEARCH, 5) if conf is None else conf
    return members("a b c", lookups={CANONICAL_HOST: ()}, identity=Identity({}, "5.8.9", known))


def ladder(
    outcome: DNSOutcome | Unobserved = DNSOutcome.ANSWER,
    *,
    dns: ClusterDNS | None = None,
    conf: ResolvConf | None = None,
    nameservers: Mapping[str, DNSOutcome] | None = None,
    **facts: Any,
) -> Finding:
    """What is told where the pods do not resolve the name, and the cluster's DNS answers the operator like this."""
    network = a_network(
        dns={SERVICE_FQDN: said(outcome)},
        cluster_dns=dns or cluster_dns(),
        nameservers={server: said(answer) for server, answer in (nameservers or {}).items()},
    )
    return judge(a_case(members=lost(conf), network=network, **facts), ConditionType.DNS_HEALTHY)


ALL_BROKEN: Facts = {
    "outcome": DNSOutcome.TIMEOUT,
    "dns": cluster_dns(LOOP, backends=()),
    "conf": ResolvConf((OTHER,), (), 1),
    "nameservers": {OTHER: DNSOutcome.NXDOMAIN},
}
"""Each step down the ladder puts one of these right."""


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"dns_policy": "Default"}, Reason.DNS_POLICY_UNSUITABLE, ["should be ClusterFirst"], id="policy"
        ),
        pytest.param(
            {},
            Reason.NAMESERVER_NOT_CLUSTER_DNS,
            [
                f"nameserver is {OTHER}, which answers NXDOMAIN",
                f"cluster's DNS is {DNS_IP}",
                "kubelet's clusterDNS",
            ],
            id="nameserver",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP,), (), 1), "outcome": DNSOutcome.ANSWER},
            Reason.SEARCH_LIST_UNSUITABLE,
            ["search list (empty)", f"never makes it {SERVICE_FQDN.rstrip('.')};", "contain cluster.local"],
            id="search list",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP,), SEARCH, 5)},
            Reason.FORWARD_LOOP,
            ["forwards to 10.96.0.10, which is itself", "ConfigMap coredns in kube-system"],
            id="loop",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP,), SEARCH, 5), "dns": cluster_dns(HOSTS, backends=())},
            Reason.CLUSTER_DNS_DOWN,
            ["Service kube-dns in kube-system has no Ready pod", "k8s-app=kube-dns"],
            id="down",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP,), SEARCH, 5), "dns": cluster_dns(HOSTS)},
            Reason.NAMESERVER_UNREACHABLE,
            [f"nameserver {DNS_IP} does not answer the operator either", "kube-proxy"],
            id="silent",
        ),
        pytest.param(
            {
                "conf": ResolvConf((DNS_IP,), SEARCH, 5),
                "dns": cluster_dns(OTHER_ZONE),
                "outcome": DNSOutcome.NXDOMAIN,
            },
            Reason.ZONE_MISSING,
            [
                "zones of its kubernetes plugin are mesh.internal (",
                "cluster domain is cluster.local",
                "custom/*.override",
            ],
            id="zone",
        ),
        pytest.param(
            {
                "conf": ResolvConf((DNS_IP,), SEARCH, 5),
                "dns": cluster_dns(HOSTS),
                "outcome": DNSOutcome.SERVFAIL,
            },
            Reason.HOSTS_WITHOUT_FALLTHROUGH,
            ["its block `hosts`", "add fallthrough"],
            id="hosts",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP,), SEARCH, 5), "dns": cluster_dns(), "outcome": DNSOutcome.SERVFAIL},
            Reason.CLUSTER_DNS_FAILING,
            ["answers SERVFAIL", "k8s-app=kube-dns"],
            id="failing in another way",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP,), SEARCH, 5), "dns": cluster_dns(), "outcome": DNSOutcome.ANSWER},
            Reason.NAME_NOT_FOUND,
            ["finds nothing in pod emqx-a", "the cluster's DNS knows it", "cat /etc/resolv.conf"],
            id="every rung is whole",
        ),
    ],
)
def test_the_first_broken_rung_is_told(facts: Facts, reason: Reason, words: list[str]) -> None:
    finding = ladder(**{**ALL_BROKEN, **facts})
    tells(finding, (Status.FALSE, reason), *words)
    assert finding.repairable is (reason is Reason.DNS_POLICY_UNSUITABLE)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param(
            {"conf": ResolvConf((CACHE,), SEARCH, 5), "nameservers": {CACHE: DNSOutcome.SERVFAIL},
             "outcome": DNSOutcome.TIMEOUT, "dns": cluster_dns(backends=())},
            Reason.CLUSTER_DNS_DOWN,
            id="a cache on the node is not to blame for what is behind it",
        ),
        pytest.param(
            {"conf": ResolvConf((CACHE,), SEARCH, 5), "nameservers": {CACHE: DNSOutcome.TIMEOUT}},
            Reason.NAMESERVER_UNREACHABLE,
            id="a cache on the node that does not run",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP,), SEARCH, 5), "nameservers": {DNS_IP: DNSOutcome.TIMEOUT}},
            Reason.NAMESERVER_UNREACHABLE,
            id="the operator gets its answers another way than the pods",
        ),
        pytest.param(
            {"conf": ResolvConf((OTHER,), (), 1), "nameservers": {OTHER: DNSOutcome.ANSWER}},
            Reason.SEARCH_LIST_UNSUITABLE,
            id="another nameserver that knows the name is fine",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP,), (), 1), "outcome": DNSOutcome.NXDOMAIN, "dns": cluster_dns(OTHER_ZONE)},
            Reason.ZONE_MISSING,
            id="a search list is no cause while the absolute name is unknown as well",
        ),
        pytest.param(
            {"conf": ResolvConf((OTHER, DNS_IP), SEARCH, 5), "nameservers": {OTHER: DNSOutcome.NXDOMAIN}},
            Reason.NAMESERVER_NOT_CLUSTER_DNS,
            id="the first nameserver is the one that counts",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP, OTHER), SEARCH, 5)}, Reason.NAME_NOT_FOUND, id="a second one does not"
        ),
        pytest.param(
            {"conf": ResolvConf((OTHER,), SEARCH, 5)},
            Reason.NAMESERVER_NOT_CLUSTER_DNS,
            id="another one that cannot be asked from here, while the name does not resolve",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP,), SEARCH, 1)},
            Reason.SEARCH_LIST_UNSUITABLE,
            id="ndots that keeps a C library from the search list",
        ),
        pytest.param(
            {"conf": ResolvConf((DNS_IP,), SEARCH, 1), "outcome": NOT_READ},
            Reason.NAME_NOT_FOUND,
            id="only some C libraries mind that, so without the absolute name's answer it is no proof",
        ),
        pytest.param(
            {"outcome": NOT_READ, "dns": cluster_dns(backends=())},
            Reason.CLUSTER_DNS_DOWN,
            id="no Ready pod is enough where the cluster's DNS cannot be asked",
        ),
        pytest.param(
            {"outcome": DNSOutcome.NXDOMAIN, "dns": cluster_dns(LOOP)},
            Reason.CLUSTER_DNS_FAILING,
            id="a loop is not the cause of an answer",
        ),
        pytest.param(
            {"dns": cluster_dns(OTHER_ZONE, backends=())},
            Reason.NAME_NOT_FOUND,
            id="whatever the cluster's DNS looks like: it knows the name",
        ),
    ],
)  # fmt: skip
def test_which_rung(facts: Facts, reason: Reason) -> None:
    tells(ladder(**facts), (Status.FALSE, reason))


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"outcome": DNSOutcome.NXDOMAIN, "dns": cluster_dns(Unobserved("Forbidden: configmaps"))},
            Reason.CLUSTER_DNS_FAILING,
            ["(not looked at: ConfigMap coredns in kube-system: Forbidden: configmaps)"],
            id="the Corefile may not be read",
        ),
        pytest.param(
            {"outcome": DNSOutcome.NXDOMAIN, "dns": cluster_dns(None)},
            Reason.CLUSTER_DNS_FAILING,
            ["(not looked at: there is no ConfigMap coredns in kube-system)"],
            id="another DNS than CoreDNS, or renamed",
        ),
        pytest.param(
            {"outcome": DNSOutcome.NXDOMAIN, "dns": cluster_dns(". {\n")},
            Reason.CLUSTER_DNS_FAILING,
            ["not looked at: ConfigMap coredns in kube-system: the brace of . is never closed"],
            id="a Corefile that nobody understands",
        ),
        pytest.param(
            {"outcome": DNSOutcome.TIMEOUT, "dns": cluster_dns(Unobserved("refused"), backends=())},
            Reason.CLUSTER_DNS_DOWN,
            ["(not looked at: ConfigMap coredns in kube-system: refused)"],
            id="the rungs below one that was skipped speak",
        ),
        pytest.param(
            {"conf": ResolvConf((OTHER,), SEARCH, 5), "dns": cluster_dns(addresses=NOT_READ)},
            Reason.NAME_NOT_FOUND,
            [f"nameserver {OTHER}", "not looked at: Service kube-dns in kube-system: the request timed out"],
            id="which DNS is the cluster's is not known",
        ),
        pytest.param(
            {"conf": ResolvConf((OTHER,), (), 1), "dns": cluster_dns(addresses=())},
            Reason.SEARCH_LIST_UNSUITABLE,
            ["not looked at: there is no Service kube-dns in kube-system"],
            id="the cluster's DNS has another name",
        ),
        pytest.param(
            {"outcome": DNSOutcome.TIMEOUT, "dns": cluster_dns(backends=NOT_READ)},
            Reason.NAMESERVER_UNREACHABLE,
            ["not looked at: the Endpoints of Service kube-dns in kube-system"],
            id="its Endpoints may not be read",
        ),
        pytest.param(
            {"outcome": NOT_READ, "dns": ClusterDNS()},
            Reason.NAME_NOT_FOUND,
            ["not looked at", "kube-dns", "coredns"],
            id="nothing of it could be read",
        ),
    ],
)
def test_what_could_not_be_read_is_skipped(facts: Facts, reason: Reason, words: list[str]) -> None:
    tells(ladder(**facts), (Status.FALSE, reason), *words)


def test_a_dns_configuration_of_the_users_own_is_named() -> None:
    own = {"dns_policy": "None", "dns_config": True, "conf": ResolvConf((OTHER,), (), 1)}
    words = (
        "dnsPolicy is None with a dnsConfig of yours, which is not changed",
        f"nameservers must be {DNS_IP}",
    )
    tells(
        ladder(**own),
        (Status.FALSE, Reason.NAMESERVER_NOT_CLUSTER_DNS),
        *words,
        "searches contain cluster.local",
    )


def test_a_pod_whose_resolver_could_not_be_read() -> None:
    pods = changed(lost(), "a", identity=Identity({}, "5.8.9", None))
    finding = judge(
        a_case(members=pods, network=a_network(cluster_dns=cluster_dns())), ConditionType.DNS_HEALTHY
    )
    tells(finding, (Status.FALSE, Reason.NAME_NOT_FOUND), "not looked at: the pod's resolv.conf")


@pytest.mark.parametrize("host", ["kubernetes.default", "kubernetes.default.svc.cluster.local"])
def test_the_ladder_is_for_every_spelling_of_the_service(host: str) -> None:
    pods = members("a b c", lookups={CANONICAL_HOST: (CLUSTER_IP,), host: ()})
    network = a_network(cluster_dns=cluster_dns(backends=()), dns={SERVICE_FQDN: said(NOT_READ)})
    case = a_case(members=pods, network=network, env={API_SERVER: f"https://{host}:443"})
    tells(judge(case, ConditionType.DNS_HEALTHY), (Status.FALSE, Reason.CLUSTER_DNS_DOWN))


@pytest.mark.parametrize(
    ("dns", "outcome", "reason"),
    [
        (cluster_dns(backends=()), DNSOutcome.TIMEOUT, Reason.CLUSTER_DNS_DOWN),
        (cluster_dns(OTHER_ZONE), DNSOutcome.NXDOMAIN, Reason.ZONE_MISSING),
        (cluster_dns(), DNSOutcome.TIMEOUT, Reason.CLUSTER_DNS_FAILING),
        (cluster_dns(OTHER_ZONE), DNSOutcome.TIMEOUT, Reason.CLUSTER_DNS_FAILING),
    ],
)
@pytest.mark.parametrize("facts", [{}, IN_ROLLOUT], ids=["at rest", "in a rollout"])
def test_the_clusters_dns_is_judged_by_what_it_says_to_the_operator_also_where_pods_were_not_asked_again(
    facts: Facts, dns: ClusterDNS, outcome: DNSOutcome, reason: Reason
) -> None:
    network = a_network(dns={SERVICE_FQDN: said(outcome)}, cluster_dns=dns)
    tells(judge(a_case(network=network, **facts), ConditionType.DNS_HEALTHY), (Status.FALSE, reason))


# --- the address


FOREIGN = "203.0.113.7"
KNOWN: Facts = {"service_address": CLUSTER_IP, "api_servers": frozenset({"10.0.0.10"})}


def resolving_to(*addresses: str, **network: Any) -> Finding:
    pods = members("a b c", lookups={CANONICAL_HOST: addresses})
    return judge(a_case(members=pods, network=a_network(**{**KNOWN, **network})), ConditionType.DNS_HEALTHY)


def test_an_address_at_which_no_api_server_is() -> None:
    words = (f"{CANONICAL_HOST} is {FOREIGN} in pod emqx-a", f"has {CLUSTER_IP}", "API servers are 10.0.0.10")
    tells(resolving_to(FOREIGN), (Status.FALSE, Reason.ANSWER_DIFFERS), *words)


@pytest.mark.parametrize(
    ("addresses", "facts"),
    [
        pytest.param([CLUSTER_IP], {}, id="the Service's"),
        pytest.param(["10.0.0.10"], {}, id="an API server's own"),
        pytest.param(["fd00::1", CLUSTER_IP], {}, id="one of two families"),
        pytest.param(
            [FOREIGN], {"certificate_hosts": frozenset({FOREIGN})}, id="one that the certificate names"
        ),
        pytest.param([FOREIGN], {"service_address": NOT_READ}, id="the Service could not be read"),
        pytest.param([FOREIGN], {"service_address": None}, id="there is no such Service"),
        pytest.param([FOREIGN], {"api_servers": NOT_READ}, id="the API servers could not be read"),
        pytest.param([FOREIGN], {"api_servers": frozenset()}, id="no API server is listed"),
        pytest.param([FOREIGN], {"certificate_hosts": NOT_READ}, id="the certificate could not be read"),
    ],
)
def test_an_address_that_may_be_right(addresses: list[str], facts: Facts) -> None:
    tells(resolving_to(*addresses, **facts), (Status.TRUE, Reason.NAMES_RESOLVE))


@pytest.mark.parametrize("unread", ["service_address", "api_servers"])
def test_an_address_of_which_it_could_not_be_read_whose_it_is_is_told_as_not_judged(unread: str) -> None:
    words = (f"{CANONICAL_HOST} is {FOREIGN} in pod emqx-a", f"is not judged: {NOT_READ.reason}")
    tells(resolving_to(FOREIGN, **{unread: NOT_READ}), (Status.TRUE, Reason.NAMES_RESOLVE), *words)
    assert "not judged" not in resolving_to(CLUSTER_IP, certificate_hosts=frozenset({CLUSTER_IP})).message


def test_what_could_not_be_looked_at_for_one_reason_is_told_with_it_once() -> None:
    away = Unobserved("EMQX_AUTOCLUSTER_NAMESPACES does not name kube-system, so nothing is read there")
    conf = ResolvConf((OTHER,), SEARCH, 5)
    found = ladder(DNSOutcome.TIMEOUT, dns=ClusterDNS(away, away, away), conf=conf)
    things = (
        "Service kube-dns in kube-system, ConfigMap coredns in kube-system, the Endpoints of Service kube-dns"
    )
    tells(found, (Status.FALSE, Reason.CLUSTER_DNS_FAILING), things)
    assert found.message.count(away.reason) == 1


def silent(error: DiscoveryError = DiscoveryError.TIMED_OUT, **facts: Any) -> Finding:
    trace = DiscoveryTrace(error, "Discovery error: {failed_connect,[...,etimedout]}")
    facts.setdefault("network", a_network(**KNOWN))
    return judge(a_case(members=members("a", "b", discovery_trace=trace), **facts), ConditionType.DNS_HEALTHY)


@pytest.mark.parametrize("error", [DiscoveryError.TIMED_OUT, DiscoveryError.REFUSED])
@pytest.mark.parametrize(
    "env", [{}, {API_SERVER: f"https://{CLUSTER_IP}:443"}], ids=["by name", "by address"]
)
def test_a_service_that_does_not_answer_while_the_api_server_does(error: DiscoveryError, env: Facts) -> None:
    words = (f"({CLUSTER_IP}) does not answer pod emqx-a", "its log: Discovery error", "likely kube-proxy")
    tells(silent(error, env=env), (Status.FALSE, Reason.SERVICE_ADDRESS_UNREACHABLE), *words)


CLOSED = NetworkPolicy("deny", {}, frozenset({"Egress"}))


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"error": DiscoveryError.FORBIDDEN}, id="it answers"),
        pytest.param({"env": {API_SERVER: "https://10.7.7.7:6443"}}, id="another address is asked"),
        pytest.param(IN_ROLLOUT, id="in a rollout"),
        pytest.param(
            {"network": a_network(**KNOWN, api_ports=frozenset({6443}), policies=(CLOSED,))},
            id="a NetworkPolicy that closes the way is cause enough",
        ),
    ],
)
def test_a_silence_that_has_another_cause(facts: Facts) -> None:
    assert silent(**facts).reason is not Reason.SERVICE_ADDRESS_UNREACHABLE


def test_who_is_well_is_not_asked_for_his_resolver() -> None:
    """A healthy pod stays well with whatever oddities its resolver has."""
    odd = members("a b c", identity=Identity({}, "5.8.9", ResolvConf((OTHER,), (), 1)))
    network = a_network(cluster_dns=cluster_dns(LOOP, backends=()), **KNOWN)
    tells(
        judge(a_case(members=odd, network=network), ConditionType.DNS_HEALTHY),
        (Status.TRUE, Reason.NAMES_RESOLVE),
    )
