"""Settle and clear: members that stayed alone or half-joined, and names whose pods are gone."""

from dataclasses import replace
from typing import Any

import pytest

from builders import (
    IN_ROLLOUT,
    NOT_READ,
    a_case,
    a_down_member,
    a_member,
    a_pod,
    a_procedure,
    ago,
    an_attempt,
    changed,
    half_joined,
    members,
    node_of,
    now,
    outline,
    plan_of,
    some_endpoints,
)
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.api.v1alpha1 import Attempt
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import NAMESPACE, NODE_NAME
from emqx_autocluster.healing import Action, Memory, steps
from emqx_autocluster.healing.steps import Evict, ForceLeave, Join
from emqx_autocluster.observation import EnvVar, Member, View, WorkloadKind

GONE = ["emqx@10.244.0.71", "emqx@10.244.0.72"]
NEW = members("a b c", stopped=GONE)
CLAIM: dict[str, Any] = {"volumes": {"data": "persistentVolumeClaim"}, "mounts": {"/opt/emqx/data": "data"}}


def repairing(*attempts: Attempt, **nodes: str) -> Memory:
    """A repair that began ten minutes ago and saw, beside today's pods, those that are gone."""
    seen: dict[str, Any] = {**(nodes or {"x": GONE[0], "y": GONE[1]})}
    return Memory(a_procedure("a", "b", "c", attempts=attempts, **seen))


def young(group: tuple[Member, ...], suffix: str, seconds: float) -> tuple[Member, ...]:
    return changed(group, suffix, running_since=ago(seconds), created=ago(seconds))


# --- a new member that is alone


@pytest.mark.parametrize(
    ("image", "seconds", "attempts", "expected"),
    [
        pytest.param("emqx/emqx:5.8.9", 50, [], [], id="its own loop gets a minute"),
        pytest.param(
            "emqx/emqx:5.8.9", 61, [], ["EnableDiscovery Pod/emqx-c"], id="then it is asked to look again"
        ),
        pytest.param(
            "emqx/emqx:5.8.9",
            200,
            [an_attempt(Action.ENABLE_DISCOVERY, "Pod/emqx-c", seconds=100)],
            ["JoinCluster Pod/emqx-c"],
            id="then it is told whom to join",
        ),
        pytest.param(
            "emqx/emqx:5.4.1", 61, [], ["JoinCluster Pod/emqx-c"], id="a version that cannot be asked"
        ),
        pytest.param("emqx/emqx:4.4.19", 61, [], ["JoinCluster Pod/emqx-c"], id="nor can 4.x"),
    ],
)
def test_a_member_that_stayed_alone(
    image: str, seconds: float, attempts: list[Attempt], expected: list[str]
) -> None:
    case = a_case(image=image, members=young(members("a b", "c"), "c", seconds))
    assert now(plan_of(case, repairing(*attempts))) == expected


def test_while_its_own_loop_has_its_minute_the_join_is_shown_once_and_held() -> None:
    plan = plan_of(a_case(members=young(members("a b", "c"), "c", 50)), repairing())
    assert outline(plan) == ["JoinCluster Pod/emqx-c"]
    assert plan.hold
    assert plan.hold.reason is Reason.NODES_STARTING
    assert "emqx-c is given a minute" in plan.hold.message


def test_after_a_recreate_lone_members_are_settled_like_all_others() -> None:
    case = a_case(image="emqx/emqx:4.4.19", strategy="Recreate", members=members("a b", "c"))
    assert now(plan_of(case, repairing())) == ["JoinCluster Pod/emqx-c"]


def test_a_lone_member_is_left_alone_where_no_repair_is_under_way() -> None:
    plan = plan_of(a_case(members=members("a b", "c")))
    assert plan.now == ()
    assert plan.steps[0].message.startswith("by hand: join emqx-c")


# --- half-joined

HALF = half_joined(members("a b", "c"), "c")
LISTED = half_joined(members("a b c"), "c")
MADE_BY_US = changed(LISTED, "c", created=ago(500))
ASKED = an_attempt(Action.ENABLE_DISCOVERY, "Pod/emqx-c", seconds=61)


@pytest.mark.parametrize("group", [pytest.param(HALF, id="alone"), pytest.param(LISTED, id="listed by all")])
@pytest.mark.parametrize(
    "facts", [pytest.param(IN_ROLLOUT, id="in a rollout"), pytest.param({}, id="after it")]
)
def test_it_is_asked_to_look_for_its_peers_again(group: tuple[Member, ...], facts: dict[str, Any]) -> None:
    assert now(plan_of(a_case(members=group, **facts), repairing())) == ["EnableDiscovery Pod/emqx-c"]


def test_a_version_that_cannot_be_asked_is_told_to_join_the_oldest_that_serves() -> None:
    group = changed(LISTED, "b", created=ago(9000))
    (step,) = plan_of(a_case(image="emqx/emqx:4.4.19", members=group), repairing()).now
    assert step.operation == Join("emqx-c", "emqx", node_of("b"))


def test_it_is_given_time_before_the_next_step() -> None:
    asked = an_attempt(Action.ENABLE_DISCOVERY, "Pod/emqx-c", seconds=59)
    plan = plan_of(a_case(members=MADE_BY_US), repairing(asked))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.NODES_STARTING


@pytest.mark.parametrize("action", [Action.ENABLE_DISCOVERY, Action.JOIN_CLUSTER])
def test_one_that_hangs_in_its_join_is_evicted(action: Action) -> None:
    plan = plan_of(a_case(members=MADE_BY_US), repairing(an_attempt(action, "Pod/emqx-c", seconds=61)))
    (step,) = plan.now
    assert step.operation == Evict("emqx-c", "uid-c")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(
            {"members": LISTED}, ["older than this repair"], id="a pod that this repair did not make"
        ),
        pytest.param(
            {"members": MADE_BY_US, **CLAIM}, ["data on a volume"], id="a volume that outlives the pod"
        ),
        pytest.param({"members": LISTED, **CLAIM}, ["older than this repair"], id="both"),
    ],
)
def test_it_is_not_evicted(facts: dict[str, Any], words: list[str]) -> None:
    plan = plan_of(a_case(**facts), repairing(ASKED))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.MEMBER_HALF_JOINED
    assert all(word in plan.hold.message for word in [*words, "kubectl delete pod emqx-c -n iot"])


def test_what_was_tried_on_an_earlier_pod_of_its_name_does_not_count() -> None:
    """In a StatefulSet the pod that was gathered by a join had the same name."""
    earlier = an_attempt(Action.JOIN_CLUSTER, "Pod/emqx-2", seconds=400)
    group = changed(half_joined(members("0 1 2"), "2"), "2", created=ago(300))
    case = a_case(kind=WorkloadKind.STATEFUL_SET, members=group)
    assert now(plan_of(case, repairing(earlier))) == ["EnableDiscovery Pod/emqx-2"]


def test_without_evidence_from_the_log_nothing_is_done() -> None:
    group = changed(members("a b c"), "c", ready=False, join_trace=NOT_READ)
    assert plan_of(a_case(members=group), repairing(ASKED)).now == ()


def test_a_half_joined_member_is_left_alone_where_no_repair_is_under_way() -> None:
    assert plan_of(a_case(members=LISTED)).now == ()


# --- clear


def cleared(case: Case, memory: Memory) -> list[str]:
    """All names that will be removed, in order."""
    planned = plan_of(case, memory).steps
    return [node for s in planned if isinstance(s.operation, ForceLeave) for node in s.operation.nodes]


def test_the_recorded_names_are_removed_all_at_once_and_each_can_be_by_hand() -> None:
    plan = plan_of(a_case(members=NEW), repairing())
    assert outline(plan) == [f"ForceLeave Node/{name}" for name in GONE]
    (step,) = plan.now
    assert step.operation == ForceLeave("emqx-a", "emqx", tuple(GONE))
    assert step.message == f"remove the names {', '.join(GONE)}, whose pods are gone"
    assert (
        plan.steps[0].command
        == f"kubectl exec -n iot emqx-a -c emqx -- emqx_ctl cluster force-leave {GONE[0]}"
    )


def test_names_that_this_repair_did_not_see_are_left_alone() -> None:
    assert cleared(a_case(members=NEW), repairing(x=GONE[0])) == [GONE[0]]


def test_names_that_were_left_behind_before_it_began_are_removed_too() -> None:
    procedure = a_procedure("a", "b", "c").model_copy(update={"left_behind": (GONE[1],)})
    assert cleared(a_case(members=NEW), Memory(procedure)) == [GONE[1]]


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"endpoints": NOT_READ}, id="not known"),
        pytest.param(
            {"endpoints": some_endpoints([a_member("x", pod=a_pod("x", ip="10.244.0.72"))])}, id="listed"
        ),
    ],
)
def test_a_left_behind_name_that_another_workload_behind_the_service_may_have_stays(
    facts: dict[str, Any],
) -> None:
    procedure = a_procedure("a", "b", "c").model_copy(update={"left_behind": (GONE[1],)})
    assert cleared(a_case(members=NEW, **facts), Memory(procedure)) == []


def seeing(
    group: tuple[Member, ...], suffix: str, *, running: list[str], stopped: list[str]
) -> tuple[Member, ...]:
    """The same members, one of which lists other names beside the three."""
    live = {node_of(name) for name in "abc"}
    return changed(group, suffix, view=View(frozenset(live | set(running)), frozenset(stopped)))


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        pytest.param(seeing(NEW, "c", running=[], stopped=[]), GONE, id="one that lists them no more agrees"),
        pytest.param(
            seeing(NEW, "c", running=GONE[:1], stopped=GONE[1:]), GONE[1:], id="one still sees it running"
        ),
        pytest.param(changed(NEW, "c", view=NOT_READ), [], id="one could not be asked"),
        pytest.param(
            (*NEW, a_member("x", pod=a_pod("x", deleting=True))), GONE[1:], id="its pod still terminates"
        ),
        pytest.param(members("a b", "c", stopped=GONE), [], id="they are two clusters"),
        pytest.param(tuple(replace(m, pod=replace(m.pod, ready=False)) for m in NEW), [], id="nobody serves"),
    ],
)
def test_all_members_must_see_them_stopped(group: tuple[Member, ...], expected: list[str]) -> None:
    assert cleared(a_case(members=group), repairing()) == expected


@pytest.mark.parametrize(
    "group",
    [
        pytest.param((*NEW, a_down_member("d", ip="10.244.0.71")), id="of a pod whose container is down"),
        pytest.param(changed(members("a b c d", stopped=GONE), "d", ip="10.244.0.71"), id="of one that runs"),
    ],
)
def test_a_name_made_of_a_live_pods_address_is_never_removed(group: tuple[Member, ...]) -> None:
    assert cleared(a_case(members=group, replicas=4), repairing()) == GONE[1:]


def test_a_stateful_sets_names_can_be_taken_again_and_are_never_removed() -> None:
    case = a_case(
        kind=WorkloadKind.STATEFUL_SET, members=(*members("0 1", stopped=[node_of("2")]), a_down_member("2"))
    )
    assert cleared(case, Memory(a_procedure("0", "1", "2"))) == []


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(IN_ROLLOUT, id="a rollout"),
        pytest.param({"available_replicas": 2}, id="a member that is not available yet"),
    ],
)
def test_nothing_is_removed_before_the_rollout_is_over(facts: dict[str, Any]) -> None:
    assert cleared(a_case(members=NEW, **facts), repairing()) == []


def test_without_a_repair_stale_names_are_only_shown_with_the_commands() -> None:
    plan = plan_of(a_case(members=NEW))
    assert plan.now == ()
    assert [step.subject for step in plan.steps] == [f"Node/{name}" for name in GONE]
    assert all(step.message.startswith("by hand: remove the name") for step in plan.steps)


def test_lone_members_with_data_and_right_settings_need_the_users_word() -> None:
    volume: dict[str, Any] = {"volumes": {"d": "persistentVolumeClaim"}, "mounts": {"/opt/emqx/data": "d"}}
    plan = plan_of(a_case(members=members("a", "b", "c"), **volume))
    assert plan.steps == ()
    assert plan.hold
    assert plan.hold.reason is Reason.SEED_NEEDED


def test_strays_come_before_names() -> None:
    plan = plan_of(a_case(image="emqx/emqx:4.4.19", members=members("a b", "c", stopped=GONE)), repairing())
    assert outline(plan) == ["JoinCluster Pod/emqx-c"]


def test_no_stray_is_let_join_while_a_setting_is_unknown_behind_one_that_is_wrong() -> None:
    """It may turn out to be for the user to put right, and then the join was for nothing."""
    secret = EnvVar(NAMESPACE, None, {"secretKeyRef": {"name": "s", "key": "namespace"}})
    case = a_case(env={NODE_NAME: "emqx@10.0.0.1", NAMESPACE: secret}, members=members("a b", "c"))
    plan = plan_of(case, Memory(a_procedure("a", "b", "c")))
    assert outline(plan) == ["EnableDiscovery Pod/emqx-c"]
    assert now(plan) == []
    assert plan.hold
    assert plan.hold.reason is Reason.SETTING_UNREADABLE


@pytest.mark.parametrize("node", ["emqx@10.0.0.99;reboot", "emqx@$(id)", "-x@10.0.0.99", "emqx@10.0.0.99'"])
def test_no_command_is_offered_about_a_name_that_no_node_has(node: str) -> None:
    ref = a_case().workload.ref
    removal = steps.force_leave(ref, ("emqx-a", "emqx"), node, "whose pod is gone")
    joining = steps.join(ref, a_pod("a"), "emqx", node, "the seed")
    for step in (removal, joining):
        assert step.command is None
        assert step.message.endswith("; no command is offered, since that is no name of an EMQX node")
