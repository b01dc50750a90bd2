"""DiscoveryReady, HostnameMissing, of a manifest: other pods in the Service by which EMQX looks for host names."""

from typing import Any

import pytest

from builders import NOT_READ, STRATEGY, a_case, tells
from emqx_autocluster.api.findings import Finding, Reason, Status
from emqx_autocluster.diagnosis import endpoints
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE
from emqx_autocluster.emqx.roles import ROLE
from emqx_autocluster.observation import ContainerPort, OtherPods, Service, TargetPort, WorkloadKind

BY_NAME = Service(
    "emqx", {"app": "emqx"}, headless=True, publish_not_ready=True, targets=(TargetPort("ekka"),)
)
HAS_PORT = (ContainerPort("ekka", 4370),)
SERVICE = Service("emqx", {"app": "emqx"}, headless=True, publish_not_ready=True)
WEB = OtherPods("Deployment/web", {"app": "emqx", "tier": "web"})
CORES = OtherPods("StatefulSet/core", {"app": "emqx", "role": "core"}, governing="emqx")
STATEFUL = {"kind": WorkloadKind.STATEFUL_SET}
CORE_LABELS = {"app": "emqx", "role": "core"}
REPLICANT: dict[str, Any] = {
    "image": "emqx/emqx-enterprise:5.7.2",
    "env": {ROLE: "replicant", ADDRESS_TYPE: "hostname"},
    "labels": {"app": "emqx", "role": "replicant"},
}


def found(beside: tuple[OtherPods, ...], **facts: Any) -> list[Finding]:
    known = {"service": SERVICE, "members": (), "endpoints": NOT_READ, "beside": beside}
    return [
        f for f in endpoints.problems(a_case(**{**known, **facts})) if f.reason is Reason.HOSTNAME_MISSING
    ]


@pytest.mark.parametrize(
    ("beside", "facts", "words"),
    [
        pytest.param(
            (WEB,),
            STATEFUL,
            [
                "Service emqx selects app=emqx, and so the pods of Deployment/web as well, without a host name",
                "give these pods a label that the others do not have, and add it to the Service's selector",
            ],
            id="a Deployment",
        ),
        pytest.param(
            (WEB,),
            {**STATEFUL, "labels": CORE_LABELS},
            ["add role: core to the Service's selector"],
            id="a label of its own would do",
        ),
        pytest.param(
            (OtherPods("Pod/debug", {"app": "emqx"}),),
            STATEFUL,
            ["and so Pod/debug as well"],
            id="a bare pod",
        ),
        pytest.param(
            (OtherPods("StatefulSet/b", {"app": "emqx"}, governing="b"),),
            STATEFUL,
            ["StatefulSet/b"],
            id="host names in another Service",
        ),
        pytest.param(
            (CORES, WEB),
            REPLICANT,
            ["the pods of Deployment/web as well", "give the cores a label"],
            id="replicants look there for their cores",
        ),
    ],
)
def test_other_pods_that_break_discovery(
    beside: tuple[OtherPods, ...], facts: dict[str, Any], words: list[str]
) -> None:
    [finding] = found(beside, **facts)
    tells(finding, (Status.FALSE, Reason.HOSTNAME_MISSING), *words)


@pytest.mark.parametrize(
    ("beside", "facts"),
    [
        pytest.param((), STATEFUL, id="no other pods"),
        pytest.param((OtherPods("Deployment/web", {"app": "web"}),), STATEFUL, id="the Service does not select them"),
        pytest.param((CORES,), STATEFUL, id="they have host names in it as well"),
        pytest.param((CORES,), REPLICANT, id="replicants ask for cores"),
        pytest.param((WEB,), {}, id="discovery by addresses"),
        pytest.param((WEB,), {**STATEFUL, "env": {STRATEGY: "manual"}}, id="no discovery"),
        pytest.param((WEB,), {**STATEFUL, "replicas": 1}, id="a single member looks for nobody"),
        pytest.param((WEB,), {**STATEFUL, "service": NOT_READ}, id="a Service that is elsewhere"),
        pytest.param((WEB,), {**STATEFUL, "service_name": "b"}, id="its own pods have no host name in it either"),
        pytest.param((WEB,), {**STATEFUL, "service": BY_NAME}, id="a port that only EMQX has keeps them out"),
    ],
)  # fmt: skip
def test_other_pods_that_do_no_harm(beside: tuple[OtherPods, ...], facts: dict[str, Any]) -> None:
    assert found(beside, **facts) == []


def test_other_pods_with_the_port_of_that_name() -> None:
    with_port = OtherPods("Deployment/web", {"app": "emqx"}, ports=HAS_PORT)
    assert found((with_port,), **STATEFUL, service=BY_NAME)
