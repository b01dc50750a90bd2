"""Whom the operator asks, and how often. What it reads of the cluster's DNS is in tests/faults."""

from datetime import timedelta
from itertools import count

import pytest

from builders import AT, SERVICE_FQDN
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import Network, Unobserved
from emqx_autocluster.observer import clusterdns


@pytest.mark.parametrize(
    "server",
    [
        "127.0.0.1",
        "127.0.0.53",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",  # noqa: S104 - what a pod may write
        "::",
        "::ffff:0.0.0.0",
        "169.254.20.10",
        "fe80::1",
        "fd00::1%eth0",
        "224.0.0.1",
        "255.255.255.255",
        "ff02::1",
    ],
)
async def test_what_is_not_the_same_one_machine_for_all_is_not_asked(server: str) -> None:
    said = await clusterdns.ask(server, SERVICE_FQDN, in_cluster=True)
    assert said == Unobserved("it is the pod's or its node's own, or no address of one machine")


@pytest.mark.parametrize("server", ["dns.corp.example", "10.96.0.10:53", "1", ""])
async def test_what_is_no_address_is_not_asked(server: str) -> None:
    assert await clusterdns.ask(server, SERVICE_FQDN, in_cluster=True) == Unobserved("it is no address")


async def test_from_outside_the_cluster_nobody_is_asked() -> None:
    said = await clusterdns.ask("10.96.0.10", SERVICE_FQDN, in_cluster=False)
    assert isinstance(said, Unobserved)
    assert "outside the cluster" in said.reason


async def test_what_is_the_same_for_all_workloads_is_read_once_a_minute() -> None:
    numbers = count()

    async def read() -> int:
        return next(numbers)

    recent = clusterdns.Recent(read)
    ages = (0, 10, 59, 60, 61, -30)
    assert [await recent.value(AT + timedelta(seconds=age)) for age in ages] == [0, 0, 0, 1, 1, 2]


async def test_in_namespaces_that_are_not_named_nothing_is_read() -> None:
    """The connection was never opened, so that whatever it was asked would fail."""
    reader = clusterdns.ClusterDNSReader(Kube.from_kubeconfig(), "cluster.local", ("iot",))
    network = await reader.with_backends(Network(), AT)
    dns = network.cluster_dns
    away = "EMQX_AUTOCLUSTER_NAMESPACES does not name {}, so nothing is read there"
    assert {dns.addresses, dns.backends, dns.corefile} == {Unobserved(away.format("kube-system"))}
    assert {network.service_address, network.api_servers} == {Unobserved(away.format("default"))}
