"""DiscoveryReady: whether the Endpoints object that EMQX asks for lists the workload's pods."""

from typing import Any

import pytest

from builders import (
    IN_ROLLOUT,
    NOT_READ,
    a_case,
    a_container,
    a_down_member,
    judge,
    members,
    some_endpoints,
    tells,
)
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.discovery import ADDRESS_TYPE, SERVICE_NAME
from emqx_autocluster.findings import ConditionType, Reason, Status
from emqx_autocluster.observation import EndpointAddress, Endpoints, Service, WorkloadKind

NOBODY = Endpoints(())


def a_service(**selector: str) -> Service:
    return Service("emqx", selector, headless=False, publish_not_ready=False)


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            a_case(service=None, endpoints=None),
            Reason.SERVICE_NOT_FOUND,
            ["Service emqx does not exist in namespace iot", "create it", SERVICE_NAME],
            id="there is no such Service",
        ),
        pytest.param(
            a_case(service=a_service(app="mqtt")),
            Reason.SELECTOR_MISMATCH,
            ["selects app=mqtt", "the pods have app=emqx"],
            id="the Service selects another value",
        ),
        pytest.param(
            a_case(service=a_service(app="emqx", tier="edge")),
            Reason.SELECTOR_MISMATCH,
            ["tier=edge", "tier=(no such label)"],
            id="the Service selects a label that the pods do not have",
        ),
        pytest.param(
            a_case(service=a_service()),
            Reason.SELECTOR_MISMATCH,
            ["no selector"],
            id="the Service has no selector",
        ),
        pytest.param(
            a_case(endpoints=NOBODY),
            Reason.NO_ADDRESSES,
            ["Endpoints emqx lists no address", "kubectl get endpoints -n iot emqx"],
            id="no address although pods are Ready",
        ),
        pytest.param(
            a_case(env={ADDRESS_TYPE: "hostname"}),
            Reason.HOSTNAME_MISSING,
            ["hostname", "emqx-a, emqx-b, emqx-c", "StatefulSet"],
            id="host names are asked for, and a Deployment's pods have none",
        ),
        pytest.param(
            a_case(env={ADDRESS_TYPE: "hostname"}, endpoints=Endpoints((EndpointAddress("10.244.0.9"),))),
            Reason.HOSTNAME_MISSING,
            ["10.244.0.9"],
            id="an address without a pod's name is told by its address",
        ),
    ],
)
def test_what_only_the_user_can_put_right(case: Case, reason: Reason, words: list[str]) -> None:
    finding = judge(case, ConditionType.DISCOVERY_READY)
    tells(finding, (Status.FALSE, reason), *words)
    assert not finding.repairable


STARTING = (a_down_member("a", waiting="ContainerCreating"),)


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"service": NOT_READ}, Reason.PROBE_FAILED, [NOT_READ.reason], id="the Service was not read"
        ),
        pytest.param(
            {"endpoints": NOT_READ}, Reason.PROBE_FAILED, [NOT_READ.reason], id="Endpoints were not read"
        ),
        pytest.param(
            {"endpoints": NOBODY, "members": STARTING},
            Reason.TARGET_PROGRESSING,
            ["until a pod is Ready"],
            id="no pod is Ready",
        ),
        pytest.param(
            {"endpoints": None, "members": STARTING},
            Reason.TARGET_PROGRESSING,
            [],
            id="Endpoints are not made yet",
        ),
        pytest.param(
            {"endpoints": NOBODY, **IN_ROLLOUT},
            Reason.TARGET_PROGRESSING,
            [],
            id="no address during a rollout",
        ),
        pytest.param(
            {"image": "emqx:latest", "members": members("a b c", identity=NOT_READ)},
            Reason.INITIALIZING,
            ["strategy"],
            id="the strategy is not known",
        ),
        pytest.param({"containers": ()}, Reason.INITIALIZING, [], id="there is no EMQX container"),
        pytest.param(
            {"image": "emqx:4.4.19", "env": {SERVICE_NAME: None}},
            Reason.PROBE_FAILED,
            ["name is not known"],
            id="nobody says which Service",
        ),
    ],
)
def test_what_is_not_known(facts: dict[str, Any], reason: Reason, words: list[str]) -> None:
    tells(judge(a_case(**facts), ConditionType.DISCOVERY_READY), (Status.UNKNOWN, reason), *words)


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(
            a_case(), Reason.ENDPOINTS_PUBLISHED, ["Endpoints emqx lists 3 addresses"], id="all listed"
        ),
        pytest.param(
            a_case(kind=WorkloadKind.STATEFUL_SET),
            Reason.ENDPOINTS_PUBLISHED,
            [],
            id="host names of a StatefulSet",
        ),
        pytest.param(
            a_case(endpoints=some_endpoints(members("a b"))),
            Reason.ENDPOINTS_PUBLISHED,
            ["2 addresses"],
            id="one pod is not Ready",
        ),
        pytest.param(
            a_case(env={"EMQX_CLUSTER__DISCOVERY_STRATEGY": "dns"}, service=None),
            Reason.NOT_APPLICABLE,
            ["strategy k8s"],
            id="another strategy reads no Endpoints",
        ),
    ],
)
def test_well(case: Case, reason: Reason, words: list[str]) -> None:
    tells(judge(case, ConditionType.DISCOVERY_READY), (Status.TRUE, reason), *words)


def test_without_pods_the_template_tells_their_labels() -> None:
    """A selector of the workload may name fewer labels than its pods have."""
    service = a_service(app="emqx", tier="edge")
    labels = {"app": "emqx", "tier": "edge"}
    for unseen in ((), NOT_READ):
        case = a_case(service=service, labels=labels, members=unseen, containers=(a_container(),))
        assert not judge(case, ConditionType.DISCOVERY_READY).bad
