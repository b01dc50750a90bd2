"""DiscoveryReady, NetworkPolicyBlocks, of a template: which ways policies close for pods before any of them runs."""

from collections.abc import Mapping
from typing import Any

import pytest

from builders import ENV_FROM_SETTINGS, NOT_READ, STRATEGY, a_case, a_container, a_network, tells
from emqx_autocluster.api.findings import Reason, Status
from emqx_autocluster.diagnosis import endpoints
from emqx_autocluster.emqx.discovery import API_SERVER, DNS_NAME, NAME, SEEDS
from emqx_autocluster.emqx.generation import DNS_RECORD_TYPE
from emqx_autocluster.emqx.roles import ROLE
from emqx_autocluster.emqx.rpcport import DISCOVERY, TCP_PORT
from emqx_autocluster.observation import ContainerPort, EnvFrom, NetworkPolicy, Service, WorkloadKind

Facts = Mapping[str, Any]
STATEFUL = WorkloadKind.STATEFUL_SET
MINE = {"podSelector": {"matchLabels": {"app": "emqx"}}}
SYSTEM = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
OTHERS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}}
BY_DNS = {"env": {STRATEGY: "dns", DNS_NAME: "emqx.iot.svc.cluster.local", DNS_RECORD_TYPE: "a"}}
BY_SEEDS = {"env": {STRATEGY: "static", SEEDS: "[emqx@10.0.0.7]"}}
REPLICANT = {
    "image": "emqx/emqx-enterprise:5.8.9",
    "env": {ROLE: "replicant"},
    "labels": {"role": "replicant"},
}
CORES = Service("emqx", {"role": "core"}, headless=True, publish_not_ready=True)


def tcp(*ports: int | str) -> list[Facts]:
    return [{"port": port} for port in ports]


MEMBERS_IN = {"from": [MINE], "ports": tcp(4370, 5369)}
MEMBERS_OUT = {"to": [MINE], "ports": tcp(4370, 5369)}
DNS_OUT = {"to": [SYSTEM], "ports": [{"port": 53, "protocol": "UDP"}]}
API_OUT = {"ports": tcp(443)}


def ingress(*rules: Facts, labels: Facts | None = None, name: str = "in") -> NetworkPolicy:
    return NetworkPolicy(
        name, {"matchLabels": labels} if labels else {}, frozenset({"Ingress"}), ingress=rules
    )


def egress(*rules: Facts, labels: Facts | None = None) -> NetworkPolicy:
    return NetworkPolicy(
        "out", {"matchLabels": labels} if labels else {}, frozenset({"Egress"}), egress=rules
    )


def told(found: list[NetworkPolicy], facts: Facts) -> str:
    """What is wrong by these policies; empty: nothing."""
    network = a_network(policies=tuple(found))
    case = a_case(**{"network": network, "members": (), "endpoints": NOT_READ, **facts})
    problems = [f for f in endpoints.problems(case) if f.reason is Reason.NETWORK_POLICY_BLOCKS]
    for finding in problems:
        tells(
            finding,
            (Status.FALSE, Reason.NETWORK_POLICY_BLOCKS),
            "where the cluster's network enforces policies",
        )
    return problems[0].message if problems else ""


@pytest.mark.parametrize(
    ("found", "facts", "words"),
    [
        pytest.param(
            [ingress(name="deny")],
            {},
            "NetworkPolicy deny keeps the members apart: no rule allows their ingress from"
            " each other (4370, 5369); add ingress: [{from: [{podSelector: {matchLabels: {app: emqx}}}]",
            id="all is closed",
        ),
        pytest.param(
            [ingress(name="deny"), ingress({"ports": tcp(1883)})], {}, "deny, in", id="but for devices"
        ),
        pytest.param([ingress({"ports": tcp(1883)})], BY_DNS, "(4370, 5369)", id="strategy dns"),
        pytest.param([ingress({"ports": tcp(1883)})], BY_SEEDS, "(4370, 5369)", id="strategy static"),
        pytest.param(
            [ingress({"ports": tcp(1883)})], {"service": NOT_READ}, "(4370, 5369)", id="no Service is known"
        ),
        pytest.param(
            [ingress({"from": [MINE], "ports": tcp(4370)})], {}, "each other (5369)", id="one of two ports"
        ),
        pytest.param(
            [ingress({"ports": [{"port": 1883, "endPort": 4370}]})],
            {},
            "(5369)",
            id="a range that ends too early",
        ),
        pytest.param(
            [ingress({"ports": [{"port": 4370, "protocol": "UDP"}]})],
            {},
            "(4370, 5369)",
            id="another protocol",
        ),
        pytest.param([ingress({"ports": tcp("ekka")})], {}, "(4370, 5369)", id="a name that no port has"),
        pytest.param(
            [ingress({"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]})],
            {},
            "4370",
            id="other pods",
        ),
        pytest.param([ingress({"from": [OTHERS]})], {}, "4370", id="pods of another namespace"),
        pytest.param(
            [ingress({"from": [MINE], "ports": tcp(4370, 5369)})],
            {"image": "emqx/emqx:4.4.19", "kind": STATEFUL, "env": {NAME: None}},
            "(4371, 4372)",
            id="numbered names",
        ),
        pytest.param(
            [ingress(MEMBERS_IN)],
            {"env": {DISCOVERY: "stateless"}},
            "each other (5370)",
            id="messages by a port that follows from the name",
        ),
        pytest.param(
            [ingress(MEMBERS_IN)], {"env": {TCP_PORT: "5400"}}, "each other (5400)", id="a port of one's own"
        ),
        pytest.param(
            [ingress({"from": [MINE], "ports": tcp(4370)})],
            {"env_from": ENV_FROM_SETTINGS, "config_maps": {"settings": {"EMQX_LOG__TO": "file"}}},
            "each other (5369)",
            id="variables from a ConfigMap that leaves the port alone",
        ),
        pytest.param(
            [egress(DNS_OUT, API_OUT)], {}, "egress to each other (4370, 5369)", id="no way out to each other"
        ),
        pytest.param([egress(MEMBERS_OUT, API_OUT)], {}, "egress to DNS (port 53)", id="no way to DNS"),
        pytest.param(
            [egress({"to": [{"podSelector": {}}]})],
            BY_DNS,
            "egress to DNS",
            id="DNS is not among one's own pods",
        ),
        pytest.param(
            [egress(MEMBERS_OUT, DNS_OUT)],
            {},
            "egress to the API server (443, 6443)",
            id="no way to the API server",
        ),
        pytest.param(
            [egress(MEMBERS_OUT, DNS_OUT, API_OUT)],
            {"env": {API_SERVER: "https://10.1.2.3:7443"}},
            "API server (7443)",
            id="the API server listens elsewhere",
        ),
        pytest.param(
            [
                ingress(
                    {"from": [{"podSelector": {"matchLabels": {"role": "core"}}}]}, labels={"role": "core"}
                )
            ],
            {**REPLICANT, "service": CORES},
            "keeps the replicants from their cores: no rule allows their ingress from the"
            " replicants to the cores (4370, 5369)",
            id="cores let cores in alone",
        ),
        pytest.param(
            [egress(DNS_OUT, API_OUT, labels={"role": "replicant"})],
            {**REPLICANT, "service": CORES},
            "egress to the cores (4370, 5369); add egress: [{to: [{podSelector: {matchLabels: {role: core}}}]",
            id="replicants have no way to their cores",
        ),
    ],
)
def test_what_will_be_closed(found: list[NetworkPolicy], facts: Facts, words: str) -> None:
    assert words in told(found, facts)


NAMED = a_container(ports=(ContainerPort("ekka", 4370), ContainerPort("rpc", 5369)))


@pytest.mark.parametrize(
    ("found", "facts"),
    [
        pytest.param([], {}, id="no policy"),
        pytest.param([ingress(labels={"app": "web"})], {}, id="of other pods"),
        pytest.param([ingress(), ingress(MEMBERS_IN)], {}, id="another one lets the members in"),
        pytest.param([ingress({"from": [{"podSelector": {}}]})], {}, id="all of the namespace"),
        pytest.param([ingress({"from": [{"namespaceSelector": {}}]})], {}, id="all namespaces"),
        pytest.param(
            [ingress({"from": [{"namespaceSelector": {"matchLabels": {"team": "x"}}}]})],
            {},
            id="labels of namespaces",
        ),
        pytest.param(
            [ingress({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]})],
            {},
            id="addresses, which pods may have",
        ),
        pytest.param([ingress({"ports": [{"port": 4370, "endPort": 5400}]})], {}, id="a range"),
        pytest.param(
            [ingress({"ports": tcp("ekka", "rpc")})], {"containers": (NAMED,)}, id="ports by their names"
        ),
        pytest.param(
            [
                ingress(
                    {
                        "from": [
                            {
                                "podSelector": {
                                    "matchExpressions": [
                                        {"key": "statefulset.kubernetes.io/pod-name", "operator": "Exists"}
                                    ]
                                }
                            }
                        ]
                    }
                )
            ],
            {"kind": STATEFUL},
            id="a label that Kubernetes gives",
        ),
        pytest.param([egress({})], {}, id="all goes out"),
        pytest.param([egress(MEMBERS_OUT, DNS_OUT, API_OUT)], {}, id="all that is needed"),
        pytest.param(
            [
                egress(
                    MEMBERS_OUT, DNS_OUT, {"to": [{"ipBlock": {"cidr": "10.0.0.10/32"}}], "ports": tcp(6443)}
                )
            ],
            {},
            id="the API server by its own address",
        ),
        pytest.param([egress(MEMBERS_OUT, DNS_OUT)], BY_DNS, id="strategy dns does not ask the API server"),
        pytest.param(
            [egress(MEMBERS_OUT, {"to": [OTHERS], "ports": [{"port": 5353, "protocol": "UDP"}]})],
            BY_DNS,
            id="DNS may be in any other namespace",
        ),
        pytest.param(
            [egress(MEMBERS_OUT, API_OUT)],
            {"env": {API_SERVER: "https://10.1.2.3:443"}},
            id="no name is asked for",
        ),
        pytest.param([ingress(), egress()], {"replicas": 1}, id="nobody looks for a single member"),
        pytest.param(
            [ingress(), egress()], {"host_network": True}, id="policies are not for the host's network"
        ),
        pytest.param(
            [
                ingress(
                    {"from": [{"podSelector": {"matchLabels": {"role": "replicant"}}}]},
                    labels={"role": "core"},
                )
            ],
            {**REPLICANT, "service": CORES},
            id="cores let replicants in",
        ),
        pytest.param(
            [ingress(labels={"role": "replicant"})], {**REPLICANT, "service": CORES}, id="replicants dial"
        ),
    ],
)
def test_what_may_well_be_open(found: list[NetworkPolicy], facts: Facts) -> None:
    assert told(found, facts) == ""


ONE_PORT = [ingress({"from": [MINE], "ports": tcp(4370)})]
IN_A_SECRET = {"env_from": (EnvFrom(secret="keys"),)}  # noqa: S106 - a name


def untold(found: list[NetworkPolicy], facts: Facts) -> list[str]:
    """What is told of ports that are not known."""
    network = a_network(policies=tuple(found))
    case = a_case(**{"network": network, "members": (), "endpoints": NOT_READ, **facts})
    return [str(gap) for gap in endpoints.unjudged(case) if "gen_rpc" in gap.question]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(IN_A_SECRET, "may come from Secret keys", id="perhaps in a Secret"),
        pytest.param({"env": {DISCOVERY: "epmd"}}, "takes manual or stateless", id="a word that is none"),
        pytest.param(
            {"image": "emqx/emqx:4.4.19", "env": {NAME: None, DISCOVERY: "stateless"}},
            "node's name, which is not known",
            id="by a name that ends as the pod's does",
        ),
        pytest.param(
            {"env_from": ENV_FROM_SETTINGS, "config_maps": {"settings": NOT_READ}},
            "ConfigMap settings could not be read",
            id="perhaps in a ConfigMap that is elsewhere",
        ),
    ],
)
def test_messages_by_a_port_that_is_not_known(facts: Facts, words: str) -> None:
    assert told(ONE_PORT, facts) == ""
    [gap] = untold(ONE_PORT, facts)
    assert words in gap


@pytest.mark.parametrize(
    ("found", "facts"),
    [
        pytest.param([ingress(MEMBERS_IN)], IN_A_SECRET, id="the usual port is open"),
        pytest.param([], IN_A_SECRET, id="no policy"),
        pytest.param(ONE_PORT, {}, id="it is known"),
        pytest.param(ONE_PORT, {**IN_A_SECRET, "replicas": 1}, id="nobody looks for a single member"),
        pytest.param(ONE_PORT, {**IN_A_SECRET, "host_network": True}, id="the host's network"),
    ],
)
def test_a_port_of_which_nothing_need_be_told(found: list[NetworkPolicy], facts: Facts) -> None:
    assert untold(found, facts) == []


BY_PORT = {"to": [{"ipBlock": {"cidr": "10.96.0.1/32"}}], **API_OUT}


def unsure(found: list[NetworkPolicy], facts: Facts) -> list[str]:
    """What is told of the way to the API server."""
    network = a_network(policies=tuple(found))
    case = a_case(**{"network": network, "members": (), "endpoints": NOT_READ, **facts})
    return [str(gap) for gap in endpoints.unjudged(case) if "API server" in gap.question]


@pytest.mark.parametrize("rule", [API_OUT, BY_PORT], ids=["to anywhere", "to the Service's address"])
def test_the_port_behind_the_service_may_be_shut(rule: Facts) -> None:
    found = [egress(MEMBERS_OUT, DNS_OUT, rule)]
    assert told(found, {}) == ""
    [gap] = unsure(found, {})
    assert "NetworkPolicy out lets out to port 443, and not to 6443" in gap


@pytest.mark.parametrize(
    ("found", "facts"),
    [
        pytest.param([egress(MEMBERS_OUT, DNS_OUT, {"ports": tcp(443, 6443)})], {}, id="both are open"),
        pytest.param(
            [egress(MEMBERS_OUT, DNS_OUT, {"ports": tcp(6443)})], {}, id="the port behind it is open"
        ),
        pytest.param([egress(MEMBERS_OUT, DNS_OUT)], {}, id="both are shut, which is an error"),
        pytest.param([ingress(MEMBERS_IN)], {}, id="nothing is said of the way out"),
        pytest.param([egress(MEMBERS_OUT, DNS_OUT, API_OUT)], BY_DNS, id="strategy dns does not ask it"),
        pytest.param(
            [egress(MEMBERS_OUT, DNS_OUT, API_OUT)],
            {"env": {API_SERVER: "https://10.1.2.3:443"}},
            id="it listens where EMQX asks",
        ),
    ],
)
def test_the_way_to_the_api_server_is_known(found: list[NetworkPolicy], facts: Facts) -> None:
    assert unsure(found, facts) == []
