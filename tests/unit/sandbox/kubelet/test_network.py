"""The network that only the sandbox knows: addresses, partitions, name lookups."""

from collections.abc import Mapping

import pytest

from sandbox.kubelet import podnetwork
from sandbox.kubelet.addresstable import AddressTable, Target
from sandbox.kubelet.container import NameNotFound, Refused, ResolutionFailed, TimedOut
from sandbox.kubelet.dnsconfig import resolv_conf
from sandbox.kubelet.podnetwork import Endpoint, PodNetwork, names_of
from sandbox.kubelet.resolver import Fault, Nameservers, resolve
from sandbox.kubelet.switches import Switches


class Zone(Nameservers):
    """Answers from a table, and counts the questions."""

    def __init__(self, table: Mapping[str, list[str] | Fault]) -> None:
        super().__init__("127.0.0.1:1")
        self.table = table
        self.asked: list[str] = []

    async def query(self, server: str, name: str, seconds: float) -> list[str] | Fault:
        if server != "10.96.0.10":
            return await super().query(server, name, seconds)
        self.asked.append(name)
        return self.table.get(name, [])


@pytest.fixture
def switches() -> Switches:
    return Switches()


@pytest.fixture
def network(switches: Switches) -> PodNetwork:
    made = PodNetwork(switches)
    for number in range(3):
        ip = f"10.244.0.{number + 10}"
        made.join(Endpoint("ns", f"emqx-{number}", ip, names_of("ns", f"emqx-{number}", "h", ip)))
    return made


def reaches(network: PodNetwork, source: int, target: int, port: int = 4370) -> bool:
    return network.reachable("ns", f"emqx-{source}", f"10.244.0.{target + 10}", port)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("10.244.0.11", True),
        ("emqx-1.h.ns.svc.cluster.local", True),
        ("EMQX-1.h.ns.svc.cluster.local.", True),
        ("10-244-0-11.ns.pod.cluster.local", True),
        ("10-244-0-11.h.ns.svc.cluster.local", True),
        ("emqx-9.h.ns.svc.cluster.local", False),
        ("10.244.9.9", False),
    ],
)
def test_a_pods_addresses(network: PodNetwork, name: str, known: bool) -> None:  # noqa: FBT001
    assert network.reachable("ns", "emqx-0", name, 4370) is known


def test_a_partition_parts_groups_and_nobody_else(network: PodNetwork) -> None:
    network.partition("ns", [["emqx-0"], ["emqx-1"]])
    assert not reaches(network, 0, 1)
    assert not reaches(network, 1, 0)
    assert reaches(network, 0, 2)
    assert reaches(network, 0, 0)
    network.heal("ns")
    assert reaches(network, 0, 1)


def test_a_blocked_port_holds_both_ways_and_for_that_port(network: PodNetwork, switches: Switches) -> None:
    switches.pod("ns", "emqx-0")["blocked_ports"] = "4370, 5370"
    assert not reaches(network, 0, 1)
    assert not reaches(network, 1, 0)
    assert reaches(network, 1, 0, port=1883)


def test_what_a_pod_sends_to_itself_never_leaves_it(network: PodNetwork, switches: Switches) -> None:
    switches.pod("ns", "emqx-0")["blocked_ports"] = "4370"
    assert reaches(network, 0, 0)


async def test_a_connection_needs_somebody_who_listens(
    network: PodNetwork, switches: Switches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podnetwork, "KERNEL_GIVES_UP_AFTER", 0.0)
    network.join(Endpoint("ns", "emqx-9", "10.244.0.60", (), lambda port: port == 5369))
    await network.connect("ns", "emqx-0", "10.244.0.60", 5369)
    with pytest.raises(Refused):
        await network.connect("ns", "emqx-0", "10.244.0.60", 5370)
    switches.pod("ns", "emqx-9")["blocked_ports"] = "5369"
    with pytest.raises(TimedOut):
        await network.connect("ns", "emqx-0", "10.244.0.60", 5369)


def test_a_pod_that_is_gone_is_not_reached_but_its_successor_is(network: PodNetwork) -> None:
    network.join(Endpoint("ns", "emqx-1", "10.244.0.50", ("emqx-1.h",)))
    network.leave("ns", "emqx-1", "10.244.0.11")
    assert not reaches(network, 0, 1)
    assert network.reachable("ns", "emqx-0", "emqx-1.h", 4370)
    network.leave("ns", "emqx-1", "10.244.0.50")
    assert not network.reachable("ns", "emqx-0", "emqx-1.h", 4370)


def test_pod_ips_are_used_again_last(switches: Switches) -> None:
    network = PodNetwork(switches)
    first = network.take_ip()
    network.give_back(first)
    assert network.take_ip() != first


def test_a_pods_switch_overrules_its_namespaces(switches: Switches) -> None:
    view = switches.of("ns", "emqx-0")
    switches.namespace("ns")["exec"] = "hang"
    assert view["exec"] == "hang"
    switches.pod("ns", "emqx-0")["exec"] = ""
    assert view["exec"] == ""
    switches.forget("ns", "emqx-0")
    assert switches.of("ns", "emqx-0")["exec"] == "hang"


def test_the_address_table() -> None:
    table = AddressTable()
    assert table.target("10.96.0.1", 443) is Target.API_SERVER_TLS
    assert table.target("192.168.1.31", 8888) is Target.REFUSE
    table.put("192.168.1.31:8888", "blackhole")
    assert table.target("192.168.1.31", 8888) is Target.BLACKHOLE
    with pytest.raises(ValueError, match="nonsense"):
        table.put("192.168.1.31:8888", "nonsense")


CLUSTER = {"/etc/resolv.conf": resolv_conf({}, "ns").encode(), "/etc/hosts": b"10.244.0.9 me\n"}
NODE = {"/etc/resolv.conf": resolv_conf({"dnsPolicy": "Default"}, "ns").encode()}
KUBERNETES = "kubernetes.default.svc.cluster.local."


async def test_the_search_list_is_gone_through_in_order() -> None:
    zone = Zone({KUBERNETES: ["10.96.0.1"]})
    assert await resolve("kubernetes.default.svc", CLUSTER, zone) == ["10.96.0.1"]
    assert zone.asked == [
        "kubernetes.default.svc.ns.svc.cluster.local.",
        "kubernetes.default.svc.svc.cluster.local.",
        KUBERNETES,
    ]


@pytest.mark.parametrize(("host", "expected"), [("1.2.3.4", "1.2.3.4"), ("ME", "10.244.0.9")])
async def test_addresses_and_the_hosts_file_come_first(host: str, expected: str) -> None:
    zone = Zone({})
    assert await resolve(host, CLUSTER, zone) == [expected]
    assert zone.asked == []


async def test_the_nodes_resolver_knows_the_api_server_and_not_the_clusters_zone() -> None:
    zone = Zone({KUBERNETES: ["10.96.0.1"]})
    assert await resolve("apiserver.cluster.local", NODE, zone) == ["10.0.0.10"]
    with pytest.raises(NameNotFound):
        await resolve("kubernetes.default.svc.cluster.local", NODE, zone)


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.REFUSED, Fault.TIMEOUT])
async def test_a_fault_is_not_taken_for_a_missing_name(fault: Fault) -> None:
    zone = Zone({"x.ns.svc.cluster.local.": fault})
    with pytest.raises(ResolutionFailed) as raised:
        await resolve("x", CLUSTER, zone)
    assert raised.value.kind == fault


async def test_a_name_found_after_a_fault_counts() -> None:
    zone = Zone({"x.ns.svc.cluster.local.": Fault.SERVFAIL, "x.svc.cluster.local.": ["10.96.7.7"]})
    assert await resolve("x", CLUSTER, zone) == ["10.96.7.7"]
