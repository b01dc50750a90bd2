"""DiscoveryReady, NetworkPolicyBlocks: which way of EMQX the policies close, and where they are not believed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from builders import (
    CANONICAL_HOST,
    CLUSTER_IP,
    IN_ROLLOUT,
    NOT_READ,
    a_case,
    a_down_member,
    a_network,
    ago,
    changed,
    judge,
    members,
    tells,
)
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.diagnosis.endpoints import policies
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.observation import ClusterDNS, DiscoveryError, DiscoveryTrace, Member, NetworkPolicy

Facts = Mapping[str, Any]
MINE = {"podSelector": {"matchLabels": {"app": "emqx"}}}
SERVER = {"ipBlock": {"cidr": "10.0.0.10/32"}}
ALL_PORTS = [{"port": 4370, "protocol": "TCP"}, {"port": 5369, "protocol": "TCP"}]
MEMBERS_OUT = {"to": [MINE], "ports": ALL_PORTS}
MEMBERS_IN = {"from": [MINE], "ports": ALL_PORTS}
API_OUT = {"to": [SERVER], "ports": [{"port": 6443, "protocol": "TCP"}]}
DNS_OUT = {
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
    "ports": [{"port": 53, "protocol": "UDP"}],
}
APART = members("a", "b", "c")


def egress(*rules: Facts, name: str = "out") -> NetworkPolicy:
    return NetworkPolicy(name, {}, frozenset({"Egress"}), egress=rules)


def ingress(*rules: Facts, name: str = "in") -> NetworkPolicy:
    return NetworkPolicy(name, {}, frozenset({"Ingress"}), ingress=rules)


def traced(error: DiscoveryError) -> tuple[Member, ...]:
    return members("a", "b", "c", discovery_trace=DiscoveryTrace(error, "Discovery error: ..."))


def problem(*found: NetworkPolicy, network: Facts | None = None, **facts: Any) -> Finding | None:
    known: dict[str, Any] = {
        "service_address": CLUSTER_IP,
        "api_servers": frozenset({"10.0.0.10"}),
        "api_ports": frozenset({6443}),
        "cluster_dns": ClusterDNS(("10.96.0.10",), ("10.244.9.9",), None),
        "policies": found,
    }
    facts.setdefault("members", APART)
    return policies.problem(a_case(network=a_network(**{**known, **(network or {})}), **facts))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(
            [egress(MEMBERS_OUT, DNS_OUT, name="deny-out")],
            [
                "likely NetworkPolicy deny-out",
                "egress to the API server (10.96.0.1:443, 10.0.0.10:6443)",
                "{to: [{ipBlock: {cidr: 10.0.0.10/32}}], ports: [{port: 6443, protocol: TCP}]}",
            ],
            id="no way to the API server",
        ),
        pytest.param(
            [egress(API_OUT, DNS_OUT)],
            [
                "egress to each other (4370, 5369)",
                "egress: [{to: [{podSelector: {matchLabels: {app: emqx}}}]",
            ],
            id="no way out to each other",
        ),
        pytest.param(
            [ingress({"ports": [{"port": 1883}]}, name="mqtt-only")],
            [
                "NetworkPolicy mqtt-only",
                "ingress from each other (4370, 5369)",
                (
                    "ingress: [{from: [{podSelector: {matchLabels: {app: emqx}}}], ports: [{port: 4370, protocol: TCP},"
                    " {port: 5369, protocol: TCP}]}]"
                ),
            ],
            id="only devices are let in",
        ),
        pytest.param(
            [ingress({"from": [MINE], "ports": [{"port": 4369}]})],
            ["ingress from each other (4370, 5369)"],
            id="the port of a mapper that EMQX does not use",
        ),
        pytest.param(
            [ingress({"from": [MINE], "ports": [{"port": 5369}]})],
            ["ingress from each other (4370)"],
            id="one of the two ports",
        ),
        pytest.param(
            [egress(name="a"), ingress(name="b")],
            [
                "NetworkPolicy a, b",
                "egress to the API server",
                "and ingress from each other (4370, 5369) and egress to each other (4370, 5369); add egress: [",
                "6443, protocol: TCP}]}, {to: [{podSelector",
                "; ingress: [{from: [{podSelector",
            ],
            id="all is closed",
        ),
    ],
)
def test_what_is_closed(found: list[NetworkPolicy], words: list[str]) -> None:
    finding = problem(*found)
    assert finding
    tells(finding, (Status.FALSE, Reason.NETWORK_POLICY_BLOCKS), *words)
    assert not finding.repairable


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([], id="no policy"),
        pytest.param([egress(API_OUT, MEMBERS_OUT, DNS_OUT), ingress(MEMBERS_IN)], id="all that is needed"),
        pytest.param([egress({}), ingress({})], id="everything"),
        pytest.param([egress(API_OUT), egress(MEMBERS_OUT), ingress(MEMBERS_IN)], id="in several policies"),
        pytest.param(
            [egress({"ports": [{"port": 443}]}, MEMBERS_OUT)], id="the Service's port: some networks judge it"
        ),
        pytest.param([egress({"to": [{"namespaceSelector": {}}]})], id="all namespaces"),
        pytest.param(
            [egress({"to": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]})],
            id="namespaces by labels that are not known",
        ),
        pytest.param(
            [NetworkPolicy("db", {"matchLabels": {"app": "db"}}, frozenset({"Egress"}))], id="other pods"
        ),
        pytest.param([egress(API_OUT, MEMBERS_OUT)], id="names resolve, so the way to DNS is open"),
    ],
)
def test_what_is_open(found: list[NetworkPolicy]) -> None:
    assert problem(*found) is None


ONLY_443 = egress({"ports": [{"port": 443}]}, MEMBERS_OUT)


@pytest.mark.parametrize("error", [DiscoveryError.TIMED_OUT, DiscoveryError.REFUSED])
def test_the_services_port_alone_is_not_enough_where_the_members_get_no_answer(error: DiscoveryError) -> None:
    finding = problem(ONLY_443, members=traced(error))
    assert finding
    assert "10.0.0.10:6443" in finding.message


UNRESOLVED = members("a", "b", "c", lookups={CANONICAL_HOST: ()})


@pytest.mark.parametrize(
    ("rule", "open_"),
    [
        (DNS_OUT, True),
        ({"ports": [{"port": 53, "protocol": "UDP"}]}, True),
        ({"ports": [{"port": 5353, "protocol": "UDP"}]}, True),
        ({"to": [{"ipBlock": {"cidr": "10.96.0.0/16"}}]}, True),
        ({"to": [{"ipBlock": {"cidr": "10.244.9.0/24"}}]}, True),
        ({"ports": [{"port": 53, "protocol": "TCP"}]}, False),
        ({"to": [{"podSelector": {}}]}, False),
        ({"to": [SERVER]}, False),
    ],
)
def test_dns_where_a_pod_does_not_resolve(rule: Facts, *, open_: bool) -> None:
    finding = problem(egress(API_OUT, MEMBERS_OUT, rule), members=UNRESOLVED)
    assert (finding is None) is open_
    if finding:
        assert "egress to DNS (10.96.0.10, port 53)" in finding.message


def test_dns_is_not_judged_while_it_is_not_known_what_stands_behind_its_service() -> None:
    closed = egress(API_OUT, MEMBERS_OUT, {"to": [{"ipBlock": {"cidr": "10.244.9.0/24"}}]})
    known = ClusterDNS(("10.96.0.10",), ("10.244.1.1",))
    unread = ClusterDNS(("10.96.0.10",), NOT_READ)
    assert problem(closed, members=UNRESOLVED, network={"cluster_dns": known})
    assert problem(closed, members=UNRESOLVED, network={"cluster_dns": unread}) is None


@pytest.mark.parametrize(
    ("found", "facts"),
    [
        pytest.param([egress(), ingress()], {"host_network": True}, id="policies are not for the host's network"),
        pytest.param([egress(), ingress()], IN_ROLLOUT, id="in a rollout"),
        pytest.param(
            [egress(), ingress()], {"members": changed(APART, "a", running_since=ago(5))}, id="a member just started"
        ),
        pytest.param([egress(), ingress()], {"members": (a_down_member(),)}, id="no member runs"),
        pytest.param([egress(), ingress()], {"network": {"policies": NOT_READ}}, id="they could not be read"),
        pytest.param([ingress()], {"members": members("a b", "c")}, id="two of them found each other all the same"),
        pytest.param([ingress()], {"members": members("a b c")}, id="one cluster, so nobody enforces them"),
        pytest.param(
            [egress(MEMBERS_OUT)],
            {"members": traced(DiscoveryError.FORBIDDEN)},
            id="the API server answered a member",
        ),
        pytest.param(
            [egress(MEMBERS_OUT)], {"env": {API_SERVER: "https://10.7.7.7:6443"}}, id="another address is asked"
        ),
        pytest.param([egress(MEMBERS_OUT)], {"network": {"service_address": NOT_READ}}, id="the Service is unknown"),
        pytest.param([egress(MEMBERS_OUT)], {"network": {"api_servers": NOT_READ}}, id="the API servers are unknown"),
        pytest.param([egress(MEMBERS_OUT)], {"network": {"api_ports": frozenset()}}, id="their port is unknown"),
    ],
)  # fmt: skip
def test_where_policies_are_not_believed(found: list[NetworkPolicy], facts: Facts) -> None:
    assert problem(*found, **facts) is None


def test_messages_that_do_not_cross_between_members_of_one_cluster() -> None:
    only_dist = ingress({"from": [MINE], "ports": [{"port": 4370}]})
    together = changed(members("a b c"), "a", rpc={"emqx-b": False})
    finding = problem(only_dist, members=together)
    assert finding
    assert "ingress from each other (5369)" in finding.message
    got_through = changed(members("a b c"), "a", rpc={"emqx-b": False, "emqx-c": True})
    assert problem(only_dist, members=got_through) is None


def test_a_node_name_with_a_number_has_another_port() -> None:
    numbered = tuple(
        replace(m, node=f"emqx-{number}@{m.pod.ip}") for number, m in enumerate(members("a", "b"), start=1)
    )
    finding = problem(ingress(MEMBERS_IN), members=numbered, replicas=2)
    assert finding
    assert "(4371, 4372)" in finding.message


def test_it_comes_after_what_is_certain() -> None:
    closed = a_network(policies=(egress(), ingress()))
    told = judge(a_case(members=APART, network=closed, service=None), ConditionType.DISCOVERY_READY)
    assert told.reason is Reason.SERVICE_NOT_FOUND
    told = judge(a_case(members=APART, network=closed), ConditionType.DISCOVERY_READY)
    assert told.reason is Reason.NETWORK_POLICY_BLOCKS
