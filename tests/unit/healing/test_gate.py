"""The refusals: for which reasons nothing at all is touched, in the order in which they are told."""

from typing import Any

import pytest

from builders import (
    DEAD_PROXY,
    IN_ROLLOUT,
    NOT_READ,
    a_case,
    a_procedure,
    changed,
    half_joined,
    members,
    now,
    outline,
    plan_of,
    some_rights,
    the_seed_story,
)
from emqx_autocluster import diagnosis
from emqx_autocluster.api.annotations import CONTAINER, PAUSED
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.healing import Memory, gate
from emqx_autocluster.observation import WorkloadKind

APART = members("a", "b", "c")


@pytest.mark.parametrize(
    ("case", "reason", "words"),
    [
        pytest.param(the_seed_story(mode="Observe"), Reason.OBSERVE_ONLY, ["mode is Observe"], id="Observe"),
        pytest.param(
            the_seed_story(mode="Fix"),
            Reason.INVALID_ANNOTATION,
            ['"Fix"'],
            id="an annotation that nobody understands",
        ),
        pytest.param(
            the_seed_story(annotations={CONTAINER: "mqtt"}),
            Reason.NO_EMQX_CONTAINER,
            ["mqtt"],
            id="no EMQX container",
        ),
        pytest.param(
            the_seed_story(owners=(("apps.emqx.io", "EMQX"),)),
            Reason.MANAGED_BY_EMQX_OPERATOR,
            ["official EMQX operator"],
            id="the official operator's workload",
        ),
        pytest.param(
            the_seed_story(replicas=0, members=()), Reason.SCALED_TO_ZERO, ["replicas"], id="scaled to zero"
        ),
        pytest.param(
            the_seed_story(annotations={PAUSED: "true"}), Reason.ANNOTATION_SET, [PAUSED], id="paused"
        ),
        pytest.param(
            the_seed_story(annotations={PAUSED: "perhaps"}),
            Reason.INVALID_ANNOTATION,
            [PAUSED],
            id="perhaps paused",
        ),
        pytest.param(
            the_seed_story(image="emqx/emqx-enterprise:5.9.0"),
            Reason.LICENSE_MISSING,
            ["EMQX 5.9.0"],
            id="a right address would make lone nodes crash-loop",
        ),
        pytest.param(
            the_seed_story(mode="Observe", image="emqx/emqx-enterprise:5.9.0"),
            Reason.LICENSE_MISSING,
            ["EMQX 5.9.0"],
            id="a missing licence is told before Observe, and before what a repair would need",
        ),
        pytest.param(
            the_seed_story(
                image="emqx/emqx-enterprise:5.9.0", members=members("a", "b", "c", identity=NOT_READ)
            ),
            Reason.PROBE_FAILED,
            ["licence"],
            id="it might make them crash-loop: nobody knows",
        ),
        pytest.param(
            the_seed_story(**IN_ROLLOUT), Reason.TARGET_PROGRESSING, ["a rollout goes on"], id="a rollout"
        ),
        pytest.param(
            the_seed_story(**IN_ROLLOUT, annotations={PAUSED: "true"}),
            Reason.ANNOTATION_SET,
            [],
            id="paused is told before the rollout",
        ),
        pytest.param(
            the_seed_story(mode="Observe", annotations={PAUSED: "true"}),
            Reason.OBSERVE_ONLY,
            [],
            id="Observe is told before paused",
        ),
    ],
)
def test_nothing_is_touched(case: Case, reason: Reason, words: list[str]) -> None:
    plan = plan_of(case)
    assert plan.now == ()
    assert plan.hold is not None
    assert plan.hold.reason is reason
    assert all(word in plan.hold.message for word in words)


@pytest.mark.parametrize("mode", ["Repair", "Heal"])
def test_otherwise_it_begins(mode: str) -> None:
    assert now(plan_of(the_seed_story(mode=mode))) == ["JoinCluster Pod/emqx-b"]


def test_observe_shows_what_repair_would_do() -> None:
    assert outline(plan_of(the_seed_story(mode="Observe"))) == outline(plan_of(the_seed_story()))


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        pytest.param(
            {"paused": True},
            Reason.ROLLOUT_BLOCKED,
            ["spec.paused", "kubectl rollout resume deployment/emqx -n iot"],
            id="spec.paused",
        ),
        pytest.param(
            {"paused": True, "updated_replicas": 0},
            Reason.ROLLOUT_BLOCKED,
            ["spec.paused"],
            id="spec.paused with a change that waits behind it",
        ),
        pytest.param(
            {"kind": WorkloadKind.STATEFUL_SET, "partition": 2},
            Reason.ROLLOUT_BLOCKED,
            ["partition is 2", "set it to 0: kubectl patch statefulset emqx"],
            id="a partition",
        ),
        pytest.param(
            {
                "kind": WorkloadKind.STATEFUL_SET,
                "pod_management": "OrderedReady",
                "members": changed(
                    members("0 1 2"), "1", running_since=None, ready=False, waiting="CrashLoopBackOff"
                ),
            },
            Reason.ROLLOUT_BLOCKED,
            ["OrderedReady", "emqx-1 is not Ready", "delete it: kubectl delete pod emqx-1 -n iot"],
            id="OrderedReady with a pod that will not become Ready",
        ),
    ],
)
def test_the_controller_would_not_carry_the_rollout_through(
    facts: dict[str, Any], reason: Reason, words: list[str]
) -> None:
    plan = plan_of(a_case(**{"env": {API_SERVER: "nonsense"}, **facts}))
    assert plan.now == ()
    assert plan.hold is not None
    assert plan.hold.reason is reason
    assert all(word in plan.hold.message for word in words)
    assert outline(plan)[0].startswith("PatchWorkload")


def test_what_only_a_rollout_needs_does_not_keep_strays_from_joining() -> None:
    case = a_case(env={API_SERVER: DEAD_PROXY}, members=APART, paused=True)
    assert now(plan_of(case)) == ["JoinCluster Pod/emqx-b"]


# --- a rollout that is stuck on a half-joined member is no closed gate


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({}, ["EnableDiscovery Pod/emqx-c"], id="the rollout waits for it for ever: it is cured"),
        pytest.param({"mode": "Observe"}, [], id="not in Observe"),
        pytest.param({"annotations": {PAUSED: "true"}}, [], id="not when paused"),
    ],
)
def test_a_half_joined_member_is_cured_in_the_middle_of_the_rollout(
    facts: dict[str, Any], expected: list[str]
) -> None:
    group = half_joined(members("a b", "c"), "c")
    case = a_case(members=group, **IN_ROLLOUT, **facts)
    assert now(plan_of(case, Memory(a_procedure("a", "b")))) == expected


# --- a ServiceAccount that is missing keeps every rollout from ending


def test_a_missing_service_account_is_made_in_the_middle_of_the_rollout_that_waits_for_it() -> None:
    missing = {
        "rights": some_rights(service_account=None, allowed=False),
        "spec": {"repair": {"createServiceAccount": True}},
        **IN_ROLLOUT,
    }
    assert now(plan_of(a_case(**missing))) == ["CreateServiceAccount ServiceAccount/emqx"]
    assert now(plan_of(a_case(**missing, mode="Observe"))) == []


def test_a_workload_that_is_well_is_left_alone() -> None:
    for mode in ("Observe", "Repair", "Heal"):
        assert plan_of(a_case(mode=mode)).steps == ()


def test_a_licence_that_only_some_versions_need_is_not_called_missing() -> None:
    case = a_case(image="emqx/emqx:5", env={API_SERVER: "nonsense"})
    hold = gate.check(case, diagnosis.diagnose(case))
    assert hold is not None
    assert (hold.reason, "depends on its version" in hold.message) == (Reason.VERSION_UNKNOWN, True)
