"""DiscoveryReady, AddressFamilyUnsuitable: what a Service of IPv6 or of both families gives to nodes named by IPv4."""

from dataclasses import replace
from typing import Any

import pytest

from builders import NOT_READ, STRATEGY, a_case, members, tells
from emqx_autocluster import diagnosis
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.diagnosis import Case, endpoints
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, DNS_NAME, HOST, SUFFIX
from emqx_autocluster.emqx.generation import DNS_RECORD_TYPE
from emqx_autocluster.observation import EnvVar, Service, WorkloadKind

V4, V6 = ("IPv4",), ("IPv6",)
BOTH, BOTH_BY_V6 = ("IPv4", "IPv6"), ("IPv6", "IPv4")
POD_IP = EnvVar("POD_IP", None, {"fieldRef": {"fieldPath": "status.podIP"}})
BY_ADDRESS = {"POD_IP": POD_IP, HOST: "$(POD_IP)"}
STATEFUL = {"kind": WorkloadKind.STATEFUL_SET}
PROTOCOL = "EMQX_CLUSTER__PROTO_DIST"


def a_case_with(families: tuple[str, ...], *, single: bool = True, **facts: Any) -> Case:
    """Of a workload that nobody has rolled out yet."""
    alone = single and len(families) == 1
    service = Service("emqx", {"app": "emqx"}, headless=True, publish_not_ready=True, ports=("ekka",))
    service = replace(service, families=families, single_stack=alone)
    return a_case(**{"service": service, "members": (), "endpoints": NOT_READ, **facts})


def of_dns(kind: str, **env: Any) -> dict[str, Any]:
    name = "emqx.iot.svc.cluster.local"
    return {**STATEFUL, "env": {STRATEGY: "dns", DNS_NAME: name, DNS_RECORD_TYPE: kind, **env}}


def problem(case: Case) -> Finding | None:
    found = endpoints.problems(case)
    return next((f for f in found if f.reason is Reason.ADDRESS_FAMILY_UNSUITABLE), None)


def told(case: Case) -> list[str]:
    """What is not judged for want of a fact."""
    return [str(gap) for gap in diagnosis.unjudged(case) if "IPv6" in str(gap)]


@pytest.mark.parametrize(
    ("families", "facts", "words"),
    [
        pytest.param(V6, {}, ["IPv6 as its first family", "IPv4 address", ADDRESS_TYPE], id="by address"),
        pytest.param(V6, {"image": "emqx/emqx:4.4.19"}, ["IPv6"], id="4.4 by address"),
        pytest.param(
            BOTH_BY_V6,
            {},
            ["IPv6 as its first family"],
            id="both families, IPv6 first: Endpoints have it alone",
        ),
        pytest.param(
            V6,
            {"env": {ADDRESS_TYPE: "dns", SUFFIX: "pod.cluster.local"}},
            ["is dns"],
            id="by dashed address",
        ),
        pytest.param(
            V6,
            of_dns("a"),
            ["IPv6 addresses alone", "no a records", "let the Service have IPv4"],
            id="A records",
        ),
        pytest.param(
            V4, of_dns("aaaa", **BY_ADDRESS), ["IPv4 addresses alone", "no aaaa records"], id="AAAA records"
        ),
    ],
)
def test_addresses_of_the_wrong_family(
    families: tuple[str, ...], facts: dict[str, Any], words: list[str]
) -> None:
    finding = problem(a_case_with(families, **facts))
    assert finding
    tells(finding, (Status.FALSE, Reason.ADDRESS_FAMILY_UNSUITABLE), *words)
    assert finding.type is ConditionType.DISCOVERY_READY


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(a_case_with(()), id="nothing is said of families"),
        pytest.param(a_case_with(V4), id="IPv4"),
        pytest.param(a_case_with(BOTH), id="both, IPv4 first"),
        pytest.param(
            a_case_with(V6, single=False, **of_dns("a")), id="A records of what may get IPv4 as well"
        ),
        pytest.param(a_case_with(V6, **of_dns("aaaa", **BY_ADDRESS)), id="AAAA records"),
        pytest.param(a_case_with(V6, env=BY_ADDRESS), id="a variable names the node"),
        pytest.param(a_case_with(V6, replicas=1), id="nobody looks for a single member"),
        pytest.param(a_case_with(V6, **STATEFUL), id="by host name"),
        pytest.param(a_case_with(V6, members=members("a b c")), id="members found each other all the same"),
    ],
)
def test_what_may_well_work(case: Case) -> None:
    assert problem(case) is None


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (a_case_with(V6, env=BY_ADDRESS), "whether the address in EMQX_HOST is an IPv6 one"),
        (
            a_case_with(V6, **STATEFUL),
            "whether the nodes reach each other over IPv6: EMQX_CLUSTER__PROTO_DIST",
        ),
        (a_case_with(V6, **of_dns("srv")), "whether the nodes reach each other over IPv6"),
        (a_case_with(V6, **STATEFUL, env={PROTOCOL: "inet6_tcp"}), ""),
        (a_case_with(V6, **of_dns("srv", **{PROTOCOL: "inet6_tls"})), ""),
        (a_case_with(V6, single=False, **STATEFUL), ""),
        (a_case_with(BOTH, **STATEFUL), ""),
        (a_case_with(V6, **STATEFUL, members=members("0 1 2")), ""),
    ],
)
def test_what_only_a_cluster_shows_is_not_judged(case: Case, words: str) -> None:
    assert [words in gap for gap in told(case)] == ([True] if words else [])
