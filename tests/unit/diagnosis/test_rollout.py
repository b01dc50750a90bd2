"""RolloutSafe: whether the next rolling restart can end in a split or in a member that serves nothing."""

from typing import Any

import pytest

from builders import (
    IN_A_SECRET,
    IN_ROLLOUT,
    NOT_READ,
    STRATEGY,
    a_case,
    ago,
    changed,
    judge,
    members,
    tells,
)
from emqx_autocluster.api.annotations import ORIGINAL
from emqx_autocluster.api.findings import ConditionType, Level, Reason, Status
from emqx_autocluster.objects import template
from emqx_autocluster.objects.recorded import FieldChange, Record
from emqx_autocluster.observation import WorkloadKind


@pytest.mark.parametrize("seconds", [0, 1, 19])
@pytest.mark.parametrize("kind", list(WorkloadKind))
def test_too_low(kind: WorkloadKind, seconds: int) -> None:
    finding = judge(a_case(kind=kind, min_ready_seconds=seconds), ConditionType.ROLLOUT_SAFE)
    words = [f"minReadySeconds is {seconds}", "at least 20", "before it has joined"]
    tells(finding, (Status.FALSE, Reason.MIN_READY_SECONDS_TOO_LOW), *words)
    assert finding.repairable


@pytest.mark.parametrize(
    ("safe", "seconds", "bad"),
    [
        pytest.param(30, 20, True, id="its members need longer than most"),
        pytest.param(30, 30, False, id="and get it"),
        pytest.param(10, 10, False, id="they need less than most"),
        pytest.param(10, 9, True, id="and do not get even that"),
    ],
)
def test_what_is_safe_is_the_operators_own_setting(safe: int, seconds: int, *, bad: bool) -> None:
    finding = judge(a_case(min_ready_seconds=seconds, safe_seconds=safe), ConditionType.ROLLOUT_SAFE)
    assert finding.bad is bad
    assert (f"it should be at least {safe}" in finding.message) is bad


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
            {"env": {"EMQX_CLUSTER__DISCOVERY_STRATEGY": "manual"}},
            Reason.NOT_APPLICABLE,
            ["no member that starts joins"],
            id="manual",
        ),
        pytest.param(
            {"replicas": 1, "members": members("a")}, Reason.NOT_APPLICABLE, ["one replica"], id="one replica"
        ),
        pytest.param(
            {"strategy": "Recreate", "replicas": 1, "members": members("a")},
            Reason.NOT_APPLICABLE,
            ["one replica"],
            id="one replica, whose strategy is Recreate",
        ),
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
    ("facts", "told"),
    [
        pytest.param({"max_unavailable": "100%"}, "maxUnavailable is 100% with 3 replicas", id="in per cent"),
        pytest.param(
            {"max_unavailable": 3}, "maxUnavailable is 3 with 3 replicas", id="as many as there are"
        ),
        pytest.param({"max_unavailable": "99%"}, None, id="rounded down, one stays"),
        pytest.param({"max_unavailable": None, "max_surge": None}, None, id="nothing is said"),
        pytest.param({"max_unavailable": 1, "replicas": 1}, None, id="a single member"),
    ],
)
def test_a_rolling_update_that_may_end_all_members_at_once_is_advised_against(
    facts: dict[str, Any], told: str | None
) -> None:
    finding = judge(a_case(**{"max_surge": 1, **facts}), ConditionType.ROLLOUT_SAFE)
    if told is None:
        assert finding.reason is not Reason.ALL_REPLACED_AT_ONCE
        return
    tells(finding, (Status.FALSE, Reason.ALL_REPLACED_AT_ONCE), told, "set it to 0, and maxSurge to 1")
    assert (finding.level, finding.repairable) == (Level.ADVICE, False)


@pytest.mark.parametrize("min_ready_seconds", [0, 20])
def test_a_strategy_that_ends_all_members_at_once_is_advised_against(min_ready_seconds: int) -> None:
    case = a_case(strategy="Recreate", min_ready_seconds=min_ready_seconds)
    finding = judge(case, ConditionType.ROLLOUT_SAFE)
    tells(finding, (Status.FALSE, Reason.ALL_REPLACED_AT_ONCE), "strategy.type is Recreate", "RollingUpdate")
    assert (finding.level, finding.repairable) == (Level.ADVICE, False)
    assert "minReadySeconds" not in finding.message, "no pod waits for another"


@pytest.mark.parametrize(
    "facts",
    [{"containers": ()}, {"env": {STRATEGY: IN_A_SECRET}, "members": members("a b c", identity=NOT_READ)}],
)
def test_unknown_while_the_strategy_is(facts: dict[str, Any]) -> None:
    case = a_case(min_ready_seconds=0, **facts)
    tells(judge(case, ConditionType.ROLLOUT_SAFE), (Status.UNKNOWN, Reason.INITIALIZING), "strategy")


def test_a_rollout_that_goes_on_changes_nothing_about_it() -> None:
    assert judge(a_case(min_ready_seconds=0, **IN_ROLLOUT), ConditionType.ROLLOUT_SAFE).bad


# --- a rollout that goes on


def in_rollout(*islands: str, ready_for: float = 15, **facts: Any) -> Any:
    group = changed(members(*islands), "d", created=ago(ready_for + 7), ready_since=ago(ready_for))
    return a_case(**{**IN_ROLLOUT, "status_replicas": 4, "available_replicas": 3, "members": group, **facts})


def test_a_member_that_has_not_joined_endangers_the_rollout_and_what_ends_next_is_told() -> None:
    finding = judge(in_rollout("a b c", "d"), ConditionType.ROLLOUT_SAFE)
    tells(
        finding,
        (Status.FALSE, Reason.ROLLOUT_ENDANGERED),
        "emqx-d, Ready since 11:59:45 UTC, has not joined the cluster of emqx-a",
        "once it was Ready for 20 s Kubernetes ends the next of 3 pods of the old template",
        "kubectl rollout pause deployment/emqx -n iot",
    )


def test_of_a_stateful_set_the_next_one_is_named() -> None:
    group = changed(members("0 1", "2"), "2", revision="emqx-2", ready_since=ago(15))
    case = a_case(
        kind=WorkloadKind.STATEFUL_SET,
        **{**IN_ROLLOUT, "update_revision": "emqx-2", "available_replicas": 2, "members": group},
    )
    tells(
        judge(case, ConditionType.ROLLOUT_SAFE),
        (Status.FALSE, Reason.ROLLOUT_ENDANGERED),
        "Kubernetes ends emqx-1",
        """kubectl patch statefulset emqx -n iot -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}'""",
    )


def test_a_member_that_could_not_be_asked_is_not_said_to_be_apart() -> None:
    group = changed(members("a b c d"), "d", ready_since=ago(15), view=NOT_READ)
    finding = judge(in_rollout(members=group), ConditionType.ROLLOUT_SAFE)
    tells(finding, (Status.UNKNOWN, Reason.ROLLOUT_ENDANGERED), "could not be seen to have joined")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(in_rollout("a b c d"), id="it has joined"),
        pytest.param(in_rollout("a b c", "d", ready_for=10), id="it has time left"),
        pytest.param(in_rollout("a b c", "d", updated_replicas=4), id="no old member is left"),
        pytest.param(in_rollout("a b c", "d", paused=True), id="nothing ends while it is paused"),
    ],
)
def test_nothing_is_endangered(case: Any) -> None:
    assert judge(case, ConditionType.ROLLOUT_SAFE).reason is not Reason.ROLLOUT_ENDANGERED


# --- and one that the operator holds


def held_by_us(*islands: str, **facts: Any) -> Any:
    original = Record("emqx", (FieldChange(template.PAUSED, None, now=True),)).dump()
    return in_rollout(*islands, paused=True, annotations={ORIGINAL: original}, **facts)


def test_a_held_rollout_says_what_it_waits_for_since_when_and_how_to_go_on_or_back() -> None:
    tells(
        judge(held_by_us("a b c", "d"), ConditionType.CLUSTER_FORMED),
        (Status.FALSE, Reason.ROLLOUT_HELD),
        "the rollout is held (1 of 3 pods updated, 3 available) and no further member ends",
        "it waits for emqx-d, Ready since 11:59:45 UTC, has not joined the cluster of emqx-a",
        "to go on all the same: kubectl rollout resume deployment/emqx -n iot",
        "to go back: kubectl rollout resume deployment/emqx -n iot && kubectl rollout undo deployment/emqx -n iot",
    )
    assert judge(held_by_us("a b c", "d"), ConditionType.ROLLOUT_SAFE).reason is not Reason.ROLLOUT_ENDANGERED


@pytest.mark.parametrize(
    ("case", "verdict", "words"),
    [
        pytest.param(
            held_by_us(members=changed(members("a b c d"), "d", ready_since=ago(15), view=NOT_READ)),
            (Status.UNKNOWN, Reason.ROLLOUT_HELD),
            "emqx-d, Ready since 11:59:45 UTC, could not be seen to have joined",
            id="it could not be asked",
        ),
        pytest.param(
            held_by_us(members=changed(members("a b c d"), "d", ready=False, ready_since=None)),
            (Status.FALSE, Reason.ROLLOUT_HELD),
            "it waits for emqx-d, which runs and is not Ready",
            id="it serves nothing",
        ),
        pytest.param(
            held_by_us("a b c d"),
            (Status.UNKNOWN, Reason.TARGET_PROGRESSING),
            "a rollout goes on: 1 of 3 pods updated",
            id="it has joined a moment ago",
        ),
    ],
)
def test_what_a_held_rollout_waits_for(case: Any, verdict: tuple[Status, Reason], words: str) -> None:
    tells(judge(case, ConditionType.CLUSTER_FORMED), verdict, words)
