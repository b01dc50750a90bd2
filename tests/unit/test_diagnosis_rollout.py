"""RolloutSafe: whether the next rolling restart can end in a split or in a member that serves nothing."""

from typing import Any

import pytest

from builders import IN_ROLLOUT, NOT_READ, a_case, judge, members, tells
from emqx_autocluster.findings import ConditionType, Reason, Status
from emqx_autocluster.observation import WorkloadKind


@pytest.mark.parametrize("seconds", [0, 1, 19])
@pytest.mark.parametrize("kind", list(WorkloadKind))
def test_too_low(kind: WorkloadKind, seconds: int) -> None:
    finding = judge(a_case(kind=kind, min_ready_seconds=seconds), ConditionType.ROLLOUT_SAFE)
    words = [f"minReadySeconds is {seconds}", "at least 20", "before it has joined"]
    tells(finding, (Status.FALSE, Reason.MIN_READY_SECONDS_TOO_LOW), *words)
    assert finding.repairable


@pytest.mark.parametrize(
    ("deadline", "wanted", "repairable"),
    [
        pytest.param(600, 20, True, id="it stays under progressDeadlineSeconds"),
        pytest.param(None, 20, True, id="there is no deadline"),
        pytest.param(21, 20, True, id="just under it"),
        pytest.param(20, 20, False, id="equal: Kubernetes refuses it"),
        pytest.param(60, 90, False, id="the user wants more than the deadline allows"),
    ],
)
def test_it_must_stay_under_the_deadline(deadline: int | None, wanted: int, *, repairable: bool) -> None:
    case = a_case(
        min_ready_seconds=0,
        progress_deadline_seconds=deadline,
        spec={"repair": {"minReadySeconds": wanted}},
    )
    finding = judge(case, ConditionType.ROLLOUT_SAFE)
    assert finding.bad
    assert finding.repairable == repairable
    told = f"progressDeadlineSeconds is {deadline} and must be raised first"
    assert (told in finding.message) != repairable


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"min_ready_seconds": 20},
            Reason.MIN_READY_SECONDS_SUFFICIENT,
            ["minReadySeconds is 20"],
            id="enough",
        ),
        pytest.param(
            {"min_ready_seconds": 120}, Reason.MIN_READY_SECONDS_SUFFICIENT, ["120"], id="more than enough"
        ),
        pytest.param(
            {"env": {"EMQX_CLUSTER__DISCOVERY_STRATEGY": "dns"}},
            Reason.NOT_APPLICABLE,
            ["strategy k8s"],
            id="dns",
        ),
        pytest.param(
            {"replicas": 1, "members": members("a")}, Reason.NOT_APPLICABLE, ["one replica"], id="one replica"
        ),
        pytest.param({"strategy": "Recreate"}, Reason.NOT_APPLICABLE, ["Recreate"], id="all restart at once"),
        pytest.param(
            {"kind": WorkloadKind.STATEFUL_SET, "strategy": "OnDelete"},
            Reason.NOT_APPLICABLE,
            ["OnDelete"],
            id="the user deletes the pods",
        ),
    ],
)
def test_safe_or_not_applicable(facts: dict[str, Any], reason: Reason, words: list[str]) -> None:
    case = a_case(**{"min_ready_seconds": 0, **facts})
    tells(judge(case, ConditionType.ROLLOUT_SAFE), (Status.TRUE, reason), *words)


@pytest.mark.parametrize(
    "facts", [{"containers": ()}, {"image": "emqx:latest", "members": members("a b c", identity=NOT_READ)}]
)
def test_unknown_while_the_strategy_is(facts: dict[str, Any]) -> None:
    case = a_case(min_ready_seconds=0, **facts)
    tells(judge(case, ConditionType.ROLLOUT_SAFE), (Status.UNKNOWN, Reason.INITIALIZING), "strategy")


def test_a_rollout_that_goes_on_changes_nothing_about_it() -> None:
    assert judge(a_case(min_ready_seconds=0, **IN_ROLLOUT), ConditionType.ROLLOUT_SAFE).bad
