"""NetworkPolicies, by the sentences of Kubernetes' documentation."""

from collections.abc import Mapping
from typing import Any

import pytest

from emqx_autocluster import objects
from emqx_autocluster.diagnosis.endpoints.networkpolicy import Direction, Peer, Way, allows, isolating
from emqx_autocluster.observation import ContainerPort, NetworkPolicy

Rule = Mapping[str, Any]
EMQX = {"app": "emqx"}
IN, OUT = Direction.INGRESS, Direction.EGRESS


def policy(
    *rules: Rule, direction: Direction = IN, selector: Rule | None = None, types: tuple[str, ...] = ()
) -> NetworkPolicy:
    """As the API server gives it; without a selector it selects all pods."""
    spec = {
        "podSelector": selector or {},
        "policyTypes": list(types or (direction,)),
        direction.lower(): [dict(rule) for rule in rules],
    }
    return objects.network_policy({"metadata": {"name": "p"}, "spec": spec})


def way(port: int = 4370, *, direction: Direction = IN, protocol: str = "TCP", **peer: Any) -> Way:
    """From or to another pod of the workload, unless told otherwise."""
    known: dict[str, Any] = {
        "namespaces": frozenset({"iot"}),
        "addresses": frozenset({"10.244.0.7"}),
        "labels": EMQX,
    }
    named = peer.pop("named", None)
    return Way(direction, EMQX, "iot", Peer(**{**known, **peer}), port, protocol, named)


ELSEWHERE: dict[str, Any] = {"namespaces": frozenset({"shop"}), "labels": None}


@pytest.mark.parametrize(
    ("policies", "open_"),
    [
        pytest.param([], True, id="without policies all goes through"),
        pytest.param([policy()], False, id="default deny: it selects all, and allows nothing"),
        pytest.param([policy({})], True, id="allow all: one empty rule"),
        pytest.param(
            [policy(selector={"matchLabels": {"app": "db"}})], True, id="one that selects other pods"
        ),
        pytest.param([policy(selector={"matchLabels": EMQX})], False, id="one that selects these pods"),
        pytest.param([policy(direction=OUT)], True, id="one for the other direction"),
        pytest.param([policy(), policy({})], True, id="policies add up, in any order"),
        pytest.param([policy({}), policy()], True, id="policies add up, in the other order"),
        pytest.param(
            [policy({"ports": [{"port": 1}]}, {"ports": [{"port": 4370}]})], True, id="rules add up"
        ),
    ],
)
def test_who_is_isolated(policies: list[NetworkPolicy], *, open_: bool) -> None:
    assert allows(policies, way()) is open_


@pytest.mark.parametrize(
    ("ports", "open_"),
    [
        ([], True),
        ([{"port": 4370}], True),
        ([{"port": 4370, "protocol": "TCP"}], True),
        ([{"port": 4370, "protocol": "UDP"}], False),
        ([{"protocol": "TCP"}], True),
        ([{"protocol": "UDP"}], False),
        ([{"port": 5369}], False),
        ([{"port": 5369}, {"port": 4370}], True),
        ([{"port": 4000, "endPort": 5000}], True),
        ([{"port": 4371, "endPort": 5000}], False),
        ([{"port": 4370, "endPort": 4370}], True),
        ([{"port": "dist"}], True),
        ([{"port": "rpc"}], False),
        ([{"port": "dist", "protocol": "UDP"}], False),
        ([{"port": "nowhere"}], False),
    ],
)
def test_ports(ports: list[Rule], *, open_: bool) -> None:
    named = (ContainerPort("dist", 4370), ContainerPort("rpc", 5369))
    assert allows([policy({"ports": ports})], way(named=named)) is open_


def test_a_named_port_of_a_pod_that_is_not_known_may_be_any() -> None:
    assert allows([policy({"ports": [{"port": "dns"}]}, direction=OUT)], way(53, direction=OUT))


@pytest.mark.parametrize(
    ("peers", "open_"),
    [
        ([], True),
        ([{"podSelector": {"matchLabels": EMQX}}], True),
        ([{"podSelector": {"matchLabels": {"app": "db"}}}], False),
        ([{"podSelector": {}}], True),
        ([{"podSelector": {"matchLabels": {"app": "db"}}}, {"podSelector": {"matchLabels": EMQX}}], True),
        ([{"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["emqx", "db"]}]}}], True),
        ([{"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["emqx"]}]}}], False),
        ([{"podSelector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]}}], True),
        ([{"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}], True),
        ([{"podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}], False),
        ([{"namespaceSelector": {}}], True),
        ([{"namespaceSelector": {"matchLabels": {"team": "a"}}}], True),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "iot"}}}], True),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}], False),
        ([{"namespaceSelector": {}, "podSelector": {"matchLabels": EMQX}}], True),
        ([{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "db"}}}], False),
        ([{"namespaceSelector": {}}, {"podSelector": {"matchLabels": {"app": "db"}}}], True),
        ([{"ipBlock": {"cidr": "10.244.0.0/16"}}], True),
        ([{"ipBlock": {"cidr": "10.244.0.7/32"}}], True),
        ([{"ipBlock": {"cidr": "192.168.0.0/16"}}], False),
        ([{"ipBlock": {"cidr": "10.244.0.0/16", "except": ["10.244.0.0/24"]}}], False),
        ([{"ipBlock": {"cidr": "10.244.0.0/16", "except": ["10.244.9.0/24"]}}], True),
        ([{"ipBlock": {"cidr": "fd00::/8"}}], False),
        ([{"ipBlock": {"cidr": "10.244.0.7/16"}}], True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("direction", [IN, OUT])
def test_peers(direction: Direction, peers: list[Rule], *, open_: bool) -> None:
    rule = {direction.peers: peers}
    assert allows([policy(rule, direction=direction)], way(direction=direction)) is open_


@pytest.mark.parametrize(
    ("peers", "open_"),
    [
        ([{"podSelector": {}}], False),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "iot"}}}], False),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}], True),
        ([{"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": EMQX}}], True),
    ],
)
def test_peers_in_other_namespaces_whose_labels_nobody_knows(peers: list[Rule], *, open_: bool) -> None:
    assert allows([policy({"from": peers})], way(**ELSEWHERE)) is open_


def test_peers_and_ports_of_a_rule_have_to_fit_both() -> None:
    rule = {"from": [{"podSelector": {"matchLabels": EMQX}}], "ports": [{"port": 5369}]}
    assert not allows([policy(rule)], way(4370))
    assert allows([policy(rule)], way(5369))


def test_an_address_that_is_not_known_may_be_in_any_block() -> None:
    block = {"to": [{"ipBlock": {"cidr": "192.168.0.0/16"}}]}
    assert allows([policy(block, direction=OUT)], way(direction=OUT, addresses=frozenset()))


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, {"Ingress"}),
        ({"ingress": [{}]}, {"Ingress"}),
        ({"egress": [{}]}, {"Ingress", "Egress"}),
        ({"policyTypes": ["Egress"]}, {"Egress"}),
        ({"policyTypes": ["Ingress", "Egress"]}, {"Ingress", "Egress"}),
    ],
)
def test_which_directions_a_policy_is_for(spec: Rule, types: set[str]) -> None:
    found = objects.network_policy({"metadata": {"name": "p"}, "spec": {"podSelector": {}, **spec}})
    assert found.types == types
    assert {d for d in Direction if isolating([found], d, EMQX)} == types
