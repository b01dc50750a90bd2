"""RolloutSafe, NamesHiddenUntilReady: whether members with lasting data come back once all have ended."""

from typing import Any

import pytest

from builders import (
    NOT_READ,
    STRATEGY,
    a_case,
    a_container,
    judge,
    members,
    tells,
)
from emqx_autocluster import diagnosis
from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import Case, rollout
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, DNS_NAME, SUFFIX
from emqx_autocluster.emqx.generation import DNS_RECORD_TYPE
from emqx_autocluster.observation import ContainerPort, Service, WorkloadKind

STATUS = {"httpGet": {"path": "/status", "port": 18083}}
COMMAND = {"exec": {"command": ["emqx", "ctl", "status"]}}
ABOUT_THE_CLUSTER = {"exec": {"command": ["sh", "-c", "emqx ctl cluster status | grep -q emqx-2"]}}
PORTS = (ContainerPort("ekka", 4370), ContainerPort("mqtt", 1883))
BY_HOST = {ADDRESS_TYPE: "hostname", SUFFIX: "svc.cluster.local"}
BY_DNS = {STRATEGY: "dns", DNS_NAME: "emqx.iot.svc.cluster.local", DNS_RECORD_TYPE: "srv"}
HIDDEN = Service("emqx", {"app": "emqx"}, headless=True, publish_not_ready=False, ports=("ekka",))
PUBLISHED = Service("emqx", {"app": "emqx"}, headless=True, publish_not_ready=True, ports=("ekka",))


def kept(
    *probes: dict[str, Any],
    env: Any = BY_HOST,
    image: str = "emqx/emqx:5.8.9",
    data: bool = True,
    **facts: Any,
) -> Case:
    """A StatefulSet whose Service hides pods that are not Ready; its data outlives them."""
    mounts = {"/opt/emqx/data": "data"} if data else {}
    container = a_container(image, env, mounts=mounts, probes=probes, ports=PORTS)
    known = {
        "kind": WorkloadKind.STATEFUL_SET,
        "claim_templates": ("data",),
        "service": HIDDEN,
        "members": (),
    }
    return a_case(containers=(container,), **{**known, **facts})


def in_order(*probes: dict[str, Any], **facts: Any) -> Case:
    return kept(*probes, pod_management="OrderedReady", **facts)


def found(case: Case) -> bool:
    return any(finding.reason is Reason.NAMES_HIDDEN_UNTIL_READY for finding in rollout.problems(case))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(kept(STATUS), id="readiness asks for the status"),
        pytest.param(kept(STATUS, image="emqx/emqx:4.4.19"), id="4.4"),
        pytest.param(kept(STATUS, env=BY_DNS), id="strategy dns"),
        pytest.param(kept({"tcpSocket": {"port": "mqtt"}}), id="a listener by its port's name"),
        pytest.param(kept(COMMAND, {"tcpSocket": {"port": 1883}}), id="one of two probes"),
        pytest.param(
            kept(STATUS, members=members("0 1 2")), id="members run: it is about when all of them end"
        ),
        pytest.param(
            kept(STATUS, env=BY_DNS, service=NOT_READ, governing=HIDDEN),
            id="the Service of the host names is another",
        ),
    ],
)
def test_each_waits_for_the_others(case: Case) -> None:
    assert found(case)


def test_it_is_told_with_what_breaks_it() -> None:
    finding = judge(kept(STATUS, min_ready_seconds=20), ConditionType.ROLLOUT_SAFE)
    words = (
        "publishNotReadyAddresses is not true",
        "waits for the others' tables",
        'kubectl patch service -n iot emqx -p \'{"spec":{"publishNotReadyAddresses":true}}\'',
    )
    tells(finding, (Status.FALSE, Reason.NAMES_HIDDEN_UNTIL_READY), *words)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(kept(STATUS, service=PUBLISHED), id="pods that are not Ready are published"),
        pytest.param(kept(STATUS, service=NOT_READ), id="the Service is not known"),
        pytest.param(kept(STATUS, data=False), id="no data outlives a pod"),
        pytest.param(kept(), id="a pod is Ready once its container runs"),
        pytest.param(kept({"tcpSocket": {"port": 4370}}), id="readiness asks what listens in the boot"),
        pytest.param(kept({"tcpSocket": {"port": "ekka"}}), id="the same by its name"),
        pytest.param(kept(STATUS, replicas=1), id="a single member waits for nobody"),
        pytest.param(kept(STATUS, env={ADDRESS_TYPE: "ip"}), id="names by address"),
        pytest.param(kept(COMMAND), id="nobody can tell what a command waits for"),
    ],
)
def test_where_nobody_waits_for_certain(case: Case) -> None:
    assert not found(case)


@pytest.mark.parametrize(
    ("case", "count"),
    [
        pytest.param(kept(COMMAND), 1, id="with data"),
        pytest.param(
            kept(COMMAND, data=False), 1, id="it may wait for the cluster, which waits for Ready pods"
        ),
        pytest.param(kept(COMMAND, service=PUBLISHED), 0, id="all pods are published"),
        pytest.param(kept(STATUS), 0, id="no command"),
        pytest.param(kept(COMMAND, members=members("0 1 2")), 0, id="members run, and show it"),
    ],
)
def test_a_command_is_not_judged(case: Case, count: int) -> None:
    gaps = [gap for gap in diagnosis.unjudged(case) if "readiness waits for what" in gap.question]
    assert len(gaps) == count


@pytest.mark.parametrize(
    ("case", "count"),
    [
        pytest.param(in_order(ABOUT_THE_CLUSTER), 1, id="one pod after another"),
        pytest.param(in_order(ABOUT_THE_CLUSTER, service=PUBLISHED), 1, id="whatever the Service publishes"),
        pytest.param(kept(ABOUT_THE_CLUSTER), 0, id="all pods at once"),
        pytest.param(in_order(COMMAND), 0, id="a command about the node itself"),
        pytest.param(in_order(ABOUT_THE_CLUSTER, replicas=1), 0, id="a single member"),
        pytest.param(in_order(ABOUT_THE_CLUSTER, members=members("0 1 2")), 0, id="members run, and show it"),
    ],
)
def test_a_first_pod_that_may_wait_for_the_second_is_not_judged(case: Case, count: int) -> None:
    gaps = [gap for gap in diagnosis.unjudged(case) if "first pod's readiness" in gap.question]
    assert len(gaps) == count
