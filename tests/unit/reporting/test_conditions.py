"""From findings to conditions: what Ready says, when times move, and where a hold is explained."""

from datetime import timedelta
from typing import Any

import pytest

from builders import (
    AT,
    DEAD_PROXY,
    IN_ROLLOUT,
    a_case,
    a_procedure,
    an_object,
    changed,
    half_joined,
    members,
    plan_of,
    some_rights,
    the_seed_story,
)
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.api.v1alpha1 import Condition
from emqx_autocluster.diagnosis import Case, Findings, diagnose
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.healing import Hold, Memory
from emqx_autocluster.observation import JoinTrace
from emqx_autocluster.reporting import conditions

WELL = diagnose(a_case())
ORDER = (
    ConditionType.ACCEPTED,
    ConditionType.CONFIGURATION_VALID,
    ConditionType.RBAC_READY,
    ConditionType.DISCOVERY_READY,
    ConditionType.DNS_HEALTHY,
    ConditionType.CLUSTER_FORMED,
)
REASONS = dict(zip(ORDER, list(Reason), strict=False))


def findings(**statuses: Status) -> Findings:
    """All is well but for these; each says a reason and a message of its own."""
    told = {
        kind: Finding(kind, statuses[kind.name], REASONS[kind], f"about {kind}")
        for kind in ORDER
        if kind.name in statuses
    }
    return WELL | told


# --- Ready


def test_all_is_well_in_the_clusters_own_words() -> None:
    ready = conditions.summary(WELL)
    formed = WELL[ConditionType.CLUSTER_FORMED]
    assert (ready.type, ready.status) == (ConditionType.READY, Status.TRUE)
    assert (ready.reason, ready.message) == (formed.reason, formed.message)


@pytest.mark.parametrize("status", [Status.FALSE, Status.UNKNOWN])
@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_cause_comes_before_its_symptoms(first: int, status: Status) -> None:
    ready = conditions.summary(findings(**{kind.name: status for kind in ORDER[first:]}))
    assert (ready.status, ready.reason, ready.message) == (
        status,
        REASONS[ORDER[first]],
        f"about {ORDER[first]}",
    )


def test_what_is_false_is_told_before_what_is_unknown() -> None:
    ready = conditions.summary(findings(ACCEPTED=Status.UNKNOWN, CLUSTER_FORMED=Status.FALSE))
    assert (ready.status, ready.message) == (Status.FALSE, "about ClusterFormed")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(a_case(min_ready_seconds=0), id="RolloutSafe False"),
        pytest.param(
            a_case(members=members("a b c", stopped=["emqx@10.244.0.71"])), id="StaleNodesPresent True"
        ),
        pytest.param(a_case(annotations={"emqx-autocluster.io/paused": "true"}), id="Paused True"),
    ],
)
def test_the_conditions_beside_it_play_no_part(case: Case) -> None:
    assert conditions.summary(diagnose(case)).status is Status.TRUE


def test_during_a_rollout_it_is_unknown() -> None:
    ready = conditions.summary(diagnose(a_case(**IN_ROLLOUT)))
    assert (ready.status, ready.reason) == (Status.UNKNOWN, Reason.TARGET_PROGRESSING)
    assert "1 of 3 pods updated" in ready.message, "not that names are asked for later"


def test_a_stuck_rollout_is_told_by_what_it_is_stuck_on() -> None:
    ready = conditions.summary(diagnose(a_case(**IN_ROLLOUT, members=half_joined(members("a b c"), "c"))))
    assert (ready.status, ready.reason) == (Status.FALSE, Reason.MEMBER_HALF_JOINED)


def test_ready_is_first_and_the_others_keep_their_order() -> None:
    assert [f.type for f in conditions.complete(WELL, None)] == list(ConditionType)


# --- why a repair is held back


def explained(case: Case, memory: Memory | None = None) -> dict[ConditionType, Finding]:
    hold = plan_of(case, memory or Memory()).hold
    return {f.type: f for f in conditions.complete(diagnose(case), hold)}


VOLUME: dict[str, Any] = {"volumes": {"d": "persistentVolumeClaim"}, "mounts": {"/opt/emqx/data": "d"}}
BROKEN: dict[str, Any] = {"env": {API_SERVER: "nonsense"}}
WAITS = JoinTrace(None, listening_again=False, waits="[warning] still waiting for table(s): [emqx_banned]")


@pytest.mark.parametrize(
    ("case", "kind", "reason", "words"),
    [
        pytest.param(
            the_seed_story(**VOLUME),
            ConditionType.CLUSTER_FORMED,
            Reason.SEED_NEEDED,
            ["3 clusters instead of one", "spec.repair.seed"],
            id="a seed is needed: in ClusterFormed, beside what was seen",
        ),
        pytest.param(
            a_case(env={API_SERVER: DEAD_PROXY}, replicas=4, members=members("a b", "c d")),
            ConditionType.CLUSTER_FORMED,
            Reason.SPLIT_BRAIN,
            ["spec.healing.splitPolicy"],
            id="a split that only the user can decide",
        ),
        pytest.param(
            a_case(**BROKEN, members=changed(members("a b", "c"), "c", ready=False), available_replicas=2),
            ConditionType.CLUSTER_FORMED,
            Reason.MEMBER_NOT_READY,
            ["2 clusters instead of one", "tables"],
            id="a lone member that must not be wiped",
        ),
        pytest.param(
            a_case(
                **BROKEN,
                members=changed(members("a b", "c"), "c", ready=False, join_trace=WAITS),
                available_replicas=2,
            ),
            ConditionType.CLUSTER_FORMED,
            Reason.WAITING_FOR_TABLES,
            ["2 clusters instead of one", "emqx-c waits for its tables"],
            id="a lone member that waits for its tables",
        ),
        pytest.param(
            a_case(**BROKEN, paused=True),
            ConditionType.CONFIGURATION_VALID,
            Reason.API_SERVER_MALFORMED,
            ["nonsense", "spec.paused is true"],
            id="the rollout is blocked: in what it would put right, whose reason stays",
        ),
        pytest.param(
            a_case(**BROKEN, spec={"repair": {"rollout": "Manual"}}),
            ConditionType.CONFIGURATION_VALID,
            Reason.API_SERVER_MALFORMED,
            ["let it go with: kubectl annotate"],
            id="a manual rollout waits",
        ),
        pytest.param(
            a_case(
                automount_token=False,
                rights=some_rights(role=an_object("emqx-discovery")),
                service=None,
            ),
            ConditionType.RBAC_READY,
            Reason.TOKEN_NOT_MOUNTED,
            ["would not find each other"],
            id="rights wait for the Service",
        ),
    ],
)
def test_a_hold_is_explained_where_people_look(
    case: Case, kind: ConditionType, reason: Reason, words: list[str]
) -> None:
    told = explained(case)
    assert (told[kind].status, told[kind].reason) == (Status.FALSE, reason)
    assert all(word in told[kind].message for word in words), told[kind]
    others = {k: f for k, f in told.items() if k not in {kind, ConditionType.READY}}
    assert others == {k: f for k, f in diagnose(case).items() if k != kind}


def test_a_member_that_only_a_new_pod_helps_is_told_how() -> None:
    asked = a_procedure("a", "b", "c", attempts=[])
    case = a_case(image="emqx/emqx:5.8.9", members=half_joined(members("a b c"), "c"))
    memory = Memory(asked)
    hold = Hold(Reason.MEMBER_HALF_JOINED, "emqx-c hangs in a join: kubectl delete pod emqx-c -n iot")
    (formed,) = [
        f for f in conditions.complete(diagnose(case), hold) if f.type is ConditionType.CLUSTER_FORMED
    ]
    assert formed.reason is Reason.MEMBER_HALF_JOINED
    assert hold.message in formed.message
    assert plan_of(case, memory).hold is None


def test_a_tool_that_sets_things_back_is_told_as_the_reason() -> None:
    told = explained(a_case(**BROKEN), Memory(undone=True))
    assert told[ConditionType.CONFIGURATION_VALID].reason is Reason.EXTERNAL_REVERT
    assert told[ConditionType.READY].reason is Reason.EXTERNAL_REVERT


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(the_seed_story(mode="Observe"), id="Observe"),
        pytest.param(the_seed_story(annotations={"emqx-autocluster.io/paused": "true"}), id="paused"),
        pytest.param(the_seed_story(**IN_ROLLOUT), id="a rollout"),
    ],
)
def test_what_everybody_knows_is_not_repeated(case: Case) -> None:
    told = explained(case)
    del told[ConditionType.READY]
    assert told == diagnose(case)


def test_a_hold_that_says_what_the_condition_says_already_is_not_said_twice() -> None:
    case = a_case(image="emqx/emqx-enterprise:5.9.0", **BROKEN)
    assert explained(case)[ConditionType.CLUSTER_FORMED] == diagnose(case)[ConditionType.CLUSTER_FORMED]


# --- times

EARLIER = AT - timedelta(hours=2)


def a_condition(status: Status = Status.TRUE, reason: str = "Before", at: Any = EARLIER) -> Condition:
    return Condition(
        type="ClusterFormed", status=status.value, reason=reason, message="before", last_transition_time=at
    )


@pytest.mark.parametrize(
    ("old", "status", "expected"),
    [
        pytest.param([], Status.TRUE, AT, id="seen for the first time"),
        pytest.param([a_condition(Status.FALSE)], Status.TRUE, AT, id="the status changed"),
        pytest.param([a_condition(Status.UNKNOWN)], Status.TRUE, AT, id="it became known"),
        pytest.param(
            [a_condition(Status.TRUE)], Status.TRUE, EARLIER, id="only the reason and the message changed"
        ),
        pytest.param(
            [a_condition().model_copy(update={"type": "Ready"})], Status.TRUE, AT, id="another condition"
        ),
    ],
)
def test_the_transition_time_moves_with_the_status_alone(
    old: list[Condition], status: Status, expected: Any
) -> None:
    finding = Finding(ConditionType.CLUSTER_FORMED, status, Reason.ALL_MEMBERS_CLUSTERED, "now")
    (merged,) = conditions.merge([finding], old, AT.replace(microsecond=500), 7)
    assert merged == Condition(
        type="ClusterFormed",
        status=status.value,
        reason="AllMembersClustered",
        message="now",
        observed_generation=7,
        last_transition_time=expected,
    )


def test_the_same_findings_give_the_same_conditions_so_that_nothing_is_written() -> None:
    first = conditions.merge(conditions.complete(WELL, None), [], AT, 2)
    second = conditions.merge(conditions.complete(WELL, None), first, AT + timedelta(hours=1), 2)
    assert first == second
