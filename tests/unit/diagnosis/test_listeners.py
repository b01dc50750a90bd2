"""A member that is in the cluster and does not listen where all others do."""

from typing import Any

import pytest

from builders import IN_ROLLOUT, NOT_READ, a_case, ago, changed, members
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.diagnosis import Case, diagnose
from emqx_autocluster.observation import Member, Pulse


def listening(*, since: float = 60, names: str = "a b c", **ports: str) -> tuple[Member, ...]:
    """One cluster, each listening on 1883 and 18083, or on what is named for it."""
    group = members(names)
    for suffix in names.split():
        numbers = frozenset(map(int, ports.get(suffix, "1883 18083").split()))
        found = Pulse(up=True, takes_messages=True, listeners=numbers, nodes=frozenset(), reaches=frozenset())
        group = changed(group, suffix, pulse=found, listening_since=ago(since))
    return group


def judged(case: Case) -> Finding:
    return diagnose(case)[ConditionType.CLUSTER_FORMED]


def judge(group: tuple[Member, ...], **facts: Any) -> Finding:
    return judged(a_case(members=group, replicas=len(group), **facts))


@pytest.mark.parametrize(
    ("group", "words"),
    [
        pytest.param(
            listening(b="18083"),
            ["emqx-b", "does not listen on 1883,", "kubectl exec -n iot emqx-b -- emqx_ctl listeners"],
            id="one listener of one member",
        ),
        pytest.param(
            listening(b=""),
            ["emqx-b", "1883, 18083", "its applications are stopped", "kubectl delete pod -n iot emqx-b"],
            id="all of one member",
        ),
        pytest.param(listening(names="a b", a=""), ["emqx-a", "1883, 18083"], id="one of two"),
    ],
)
def test_it_is_named_with_its_ports_and_the_next_step(group: tuple[Member, ...], words: list[str]) -> None:
    finding = judge(group)
    assert (finding.status, finding.reason) == (Status.FALSE, Reason.LISTENER_MISSING)
    assert not finding.repairable
    assert [word for word in words if word not in finding.message] == []


def test_one_that_stopped_a_moment_ago_may_be_joining_or_healing() -> None:
    finding = judge(listening(b="", since=14))
    assert (finding.status, finding.reason) == (Status.UNKNOWN, Reason.NODES_STARTING)


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(listening(), id="all alike"),
        pytest.param(listening(a="1883", b="1883", c="1883"), id="fewer, and all alike"),
        pytest.param(listening(b="2883 18083"), id="another port instead"),
        pytest.param(listening(b="18083", c="18083"), id="most lack it: it was stopped on purpose"),
        pytest.param(
            changed(listening(b="18083"), "c", pulse=NOT_READ), id="one that could not be looked at"
        ),
        pytest.param(changed(listening(), "b", pulse=NOT_READ), id="the one that may lack it"),
        pytest.param(members("a b c"), id="no pulse at all"),
    ],
)
def test_nothing_is_said(group: tuple[Member, ...]) -> None:
    assert judge(group).reason is Reason.ALL_MEMBERS_CLUSTERED


def test_a_rollout_may_change_what_is_listened_on() -> None:
    assert judge(listening(b="18083"), **IN_ROLLOUT).reason is Reason.TARGET_PROGRESSING
