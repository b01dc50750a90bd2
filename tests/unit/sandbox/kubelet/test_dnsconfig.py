"""resolv.conf and /etc/hosts of pods, and how names are looked up by them."""

from typing import Any

import pytest

from sandbox.kubelet.dnsconfig import (
    ResolvConf,
    candidates,
    hosts,
    parse_hosts,
    parse_resolv_conf,
    resolv_conf,
)

CLUSTER = (
    "search ns.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
)
NODE = "nameserver 10.0.0.2\n"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, CLUSTER),
        ({"dnsPolicy": "ClusterFirst"}, CLUSTER),
        ({"dnsPolicy": "ClusterFirst", "hostNetwork": True}, NODE),
        ({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True}, CLUSTER),
        ({"dnsPolicy": "Default"}, NODE),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"]}}, "nameserver 1.1.1.1\n"),
        (
            {
                "dnsPolicy": "Default",
                "dnsConfig": {
                    "nameservers": ["10.96.0.10"],
                    "searches": ["a.b"],
                    "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
                },
            },
            "search a.b\nnameserver 10.0.0.2\nnameserver 10.96.0.10\noptions ndots:2 edns0\n",
        ),
        (
            {"dnsConfig": {"options": [{"name": "ndots", "value": "1"}], "searches": ["cluster.local", "x"]}},
            "search ns.svc.cluster.local svc.cluster.local cluster.local x\nnameserver 10.96.0.10\noptions ndots:1\n",
        ),
    ],
)
def test_resolv_conf(spec: dict[str, Any], expected: str) -> None:
    assert resolv_conf(spec, "ns") == expected


def test_resolv_conf_is_read_as_the_c_library_does() -> None:
    text = "search old\nsearch a b\n" + "".join(f"nameserver 10.0.0.{i}\n" for i in range(5))
    assert parse_resolv_conf(text) == ResolvConf(("10.0.0.0", "10.0.0.1", "10.0.0.2"), ("a", "b"))
    assert parse_resolv_conf("options ndots:5 timeout:1 attempts:3 edns0") == ResolvConf(
        ndots=5, timeout=1.0, attempts=3
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("emqx", ["emqx.a.", "emqx.b.", "emqx."]),
        ("x.y", ["x.y.", "x.y.a.", "x.y.b."]),
        ("x.y.", ["x.y."]),
    ],
)
def test_search_list_and_ndots(host: str, expected: list[str]) -> None:
    assert candidates(host, ResolvConf(search=("a", "b"), ndots=1)) == expected


def test_hosts_of_a_stateful_pod() -> None:
    spec = {"subdomain": "emqx-headless", "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a", "b"]}]}
    text = hosts(spec, "ns", "emqx-0", "10.244.0.9")
    assert "10.244.0.9\temqx-0.emqx-headless.ns.svc.cluster.local\temqx-0\n" in text
    assert text.endswith("# Entries added by HostAliases.\n1.2.3.4\ta\tb\n")
    table = parse_hosts(text)
    assert table["localhost"] == ["127.0.0.1"]
    assert table["emqx-0"] == table["emqx-0.emqx-headless.ns.svc.cluster.local"] == ["10.244.0.9"]
    assert table["b"] == ["1.2.3.4"]


def test_hosts_of_a_pod_on_the_host_network_has_no_line_of_its_own() -> None:
    assert "10.0.1.1" not in hosts({"hostNetwork": True}, "ns", "emqx-0", "10.0.1.1")
