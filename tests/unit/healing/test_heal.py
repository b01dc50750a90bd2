"""Mode Heal: damage of any origin, what is done about it, and each guard that may refuse."""

from dataclasses import replace
from typing import Any

import pytest

from builders import (
    AT,
    IN_ROLLOUT,
    NOT_READ,
    a_case,
    a_down_member,
    a_procedure,
    ago,
    an_attempt,
    an_identity,
    changed,
    half_joined,
    members,
    node_of,
    now,
    outline,
    plan_of,
    some_replicants,
    some_rights,
)
from emqx_autocluster import diagnosis
from emqx_autocluster.api.annotations import QUARANTINE
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.api.v1alpha1 import Done, Procedure, Suspect
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.healing import Action, Memory, guards, suspects
from emqx_autocluster.healing.steps import join
from emqx_autocluster.observation import JoinTrace, Member, View

GONE = ["emqx@10.244.0.71", "emqx@10.244.0.72"]
CLAIM: dict[str, Any] = {"volumes": {"data": "persistentVolumeClaim"}, "mounts": {"/opt/emqx/data": "data"}}


def heal(*islands: str, **facts: Any) -> Case:
    group = facts.pop("members", None) or members(*(islands or ("a b c",)), stopped=facts.pop("stopped", ()))
    return a_case(**{"mode": "Heal", "members": group, **facts})


def remembered(case: Case, *, seconds: float = 3600, looks: int = 3, **facts: Any) -> Memory:
    """As if all of today's damage had been seen that often, since so long ago."""
    seen = suspects.noted((), case)
    old = (s.model_copy(update={"since": ago(seconds), "looks": looks}) for s in seen)
    return Memory(**{"suspects": tuple(old), **facts})


def did(action: Action, subject: str = "Pod/emqx-x", *, seconds: float) -> Done:
    return Done(action=action, subject=subject, result="Succeeded", time=ago(seconds))


def refused_by(case: Case, memory: Memory) -> str | None:
    """The guard that refuses, which is also what the hold tells."""
    plan = plan_of(case, memory)
    refusing = [verdict.guard for verdict in plan.guards if verdict.refusal]
    if not refusing:
        return None
    assert plan.now == ()
    assert plan.hold is not None
    assert plan.hold.reason is Reason.HEAL_REFUSED
    assert refusing[0] in plan.hold.message
    return refusing[0]


# --- what is remembered


def test_damage_is_counted_by_look_until_it_was_seen_often_enough() -> None:
    case = heal("a b", "c")
    [first] = suspects.noted((), case)
    assert (first.kind, first.subject, first.uid, first.looks) == ("Orphan", "Pod/emqx-c", "uid-c", 1)
    assert first.since == AT
    seen: tuple[Suspect, ...] = (first,)
    looks = []
    for _ in range(4):
        seen = suspects.noted(seen, case)
        looks.append(seen[0].looks)
    assert looks == [2, 3, 3, 3], "a status that says the same is not written again"


def test_a_look_that_could_not_tell_has_it_counted_anew() -> None:
    before = remembered(heal("a b", "c")).suspects
    dark = suspects.noted(before, heal(members=changed(members("a b", "c"), "a", view=NOT_READ)))
    assert [(s.looks, s.since) for s in dark] == [(0, before[0].since)]
    assert [s.looks for s in suspects.noted(dark, heal("a b", "c"))] == [1]


@pytest.mark.parametrize(
    ("case", "kept"),
    [
        pytest.param(heal("a b c"), [], id="it is gone"),
        pytest.param(
            heal(members=changed(members("a b", "c"), "a", view=NOT_READ)),
            ["Pod/emqx-c"],
            id="a view was not read",
        ),
        pytest.param(heal("a b", "c", **IN_ROLLOUT), ["Pod/emqx-c"], id="a rollout goes on"),
        pytest.param(heal("a b", "c", mode="Repair"), [], id="the mode is Repair now"),
        pytest.param(
            heal(members=changed(members("a b", "c"), "c", uid="uid-new")),
            ["Pod/emqx-c"],
            id="another pod of its name",
        ),
    ],
)
def test_what_becomes_of_a_suspect(case: Case, kept: list[str]) -> None:
    before = remembered(heal("a b", "c")).suspects
    after = suspects.noted(before, case)
    assert [s.subject for s in after] == kept
    if after and after[0].uid == "uid-new":
        assert after[0].looks == 1, "it begins anew with each pod"


@pytest.mark.parametrize(
    ("case", "kept"),
    [
        pytest.param(
            heal(members=changed(members("a b c", stopped=GONE), "a", view=NOT_READ)),
            GONE,
            id="a view was not read, and nobody has the names",
        ),
        pytest.param(
            heal(members=changed(members("a b c", stopped=GONE), "c", ip="10.244.0.71"), **IN_ROLLOUT),
            GONE[1:],
            id="a new pod of a rollout has the address of one of them",
        ),
        pytest.param(
            heal(
                members=changed(members("a b c", stopped=GONE[1:]), "b", view=View(frozenset({GONE[0]}))),
                **IN_ROLLOUT,
            ),
            GONE[1:],
            id="a member lists one of them as running",
        ),
    ],
)
def test_a_name_that_is_seen_to_be_in_use_is_no_suspect_any_more_also_where_not_all_can_be_told(
    case: Case, kept: list[str]
) -> None:
    before = remembered(heal(stopped=GONE)).suspects
    after = suspects.noted(before, case)
    assert [s.subject.removeprefix("Node/") for s in after] == kept
    assert {s.looks for s in after} == {0}


def test_after_a_time_in_which_nobody_looked_damage_is_counted_anew_and_names_begin_anew() -> None:
    """A name may have been some pod's meanwhile; a pod's own damage has its uid."""
    before = remembered(heal("a b", "c", stopped=GONE)).suspects
    assert [s.kind for s in before] == ["Orphan", "StaleNode", "StaleNode"]
    after = suspects.unwatched(before)
    assert [(s.kind, s.looks, s.since) for s in after] == [("Orphan", 0, before[0].since)]


def test_a_name_that_one_member_lists_as_running_is_no_suspect() -> None:
    group = changed(
        members("a b c", stopped=GONE), "b", view=View(frozenset(map(node_of, "abc")) | {GONE[0]})
    )
    assert [s.subject for s in suspects.noted((), heal(members=group))] == [f"Node/{GONE[1]}"]


def test_replicants_are_never_healed() -> None:
    assert (
        suspects.noted((), heal(members=some_replicants(node_of("z")), env={"EMQX_NODE__ROLE": "replicant"}))
        == ()
    )


# --- the ladder


def test_an_orphan_is_asked_to_look_again_then_joined() -> None:
    case = heal("a b", "c")
    memory = remembered(case)
    assert now(plan_of(case, memory)) == ["EnableDiscovery Pod/emqx-c"]
    asked = an_attempt(Action.ENABLE_DISCOVERY, "Pod/emqx-c", seconds=200)
    under_way = replace(memory, procedure=healing_of(asked))
    assert now(plan_of(case, under_way)) == ["JoinCluster Pod/emqx-c"]


def healing_of(*attempts: Any) -> Procedure:
    return a_procedure("a", "b", "c", attempts=attempts).model_copy(update={"origin": "Heal"})


@pytest.mark.parametrize(
    ("strategy", "more"),
    [
        ("static", {"EMQX_CLUSTER__STATIC__SEEDS": ",".join(map(node_of, "abc"))}),
        ("etcd", {}),
        ("manual", {}),
    ],
)
def test_it_does_not_depend_on_the_strategy(strategy: str, more: dict[str, str]) -> None:
    case = heal("a b", "c", env={"EMQX_CLUSTER__DISCOVERY_STRATEGY": strategy, **more})
    memory = remembered(case)
    taken = now(plan_of(case, memory))
    assert taken in (["EnableDiscovery Pod/emqx-c"], ["JoinCluster Pod/emqx-c"])


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, [], id="is left, and said"),
        pytest.param(
            {"healing": {"actions": ["EvictPod"]}},
            ["EvictPod Pod/emqx-c"],
            id="gets a new pod if that is listed",
        ),
    ],
)
def test_an_orphan_that_could_not_be_joined_twice(spec: dict[str, Any], expected: list[str]) -> None:
    case = heal("a b", "c", spec=spec)
    tried = (
        an_attempt(Action.ENABLE_DISCOVERY, "Pod/emqx-c", seconds=900),
        an_attempt(
            Action.JOIN_CLUSTER, "Pod/emqx-c", count=2, seconds=300, said="Failed to join the cluster"
        ),
    )
    plan = plan_of(case, remembered(case, procedure=healing_of(*tried)))
    assert now(plan) == expected
    if not expected:
        assert plan.hold is not None
        assert plan.hold.reason is Reason.JOIN_FAILED


def test_of_several_orphans_the_one_that_could_not_be_joined_gets_a_new_pod() -> None:
    older = changed(members("c d e", "b", "a"), "b", created=ago(7200))
    case = heal(members=older, replicas=5, spec={"healing": {"actions": ["EvictPod"]}})
    tried = [an_attempt(Action.JOIN_CLUSTER, "Pod/emqx-a", count=2, seconds=900)]
    memory = remembered(case, procedure=healing_of(*tried))
    assert now(plan_of(case, memory)) == ["EnableDiscovery Pod/emqx-b"], (
        "this one can still be helped by less"
    )
    tried += [an_attempt(Action.ENABLE_DISCOVERY, "Pod/emqx-b", seconds=800)]
    tried += [an_attempt(Action.JOIN_CLUSTER, "Pod/emqx-b", count=2, seconds=700)]
    memory = remembered(case, procedure=healing_of(*tried[1:], tried[0]))
    assert now(plan_of(case, memory)) == ["EvictPod Pod/emqx-b"]


def test_a_seed_that_its_user_named_wipes_no_larger_cluster() -> None:
    case = heal("a b", "c", spec={"repair": {"seed": "emqx-c"}})
    assert refused_by(case, remembered(case)) == "SeenLongEnough"


@pytest.mark.parametrize(
    ("facts", "first"),
    [
        pytest.param({}, "EnableDiscovery Pod/emqx-a", id="the one with most devices stays"),
        pytest.param(
            {**CLAIM, "spec": {"repair": {"seed": "emqx-c"}}},
            "EnableDiscovery Pod/emqx-a",
            id="the one stays that its user named",
        ),
    ],
)
def test_where_all_stand_alone_each_may_be_the_one_that_is_joined(facts: dict[str, Any], first: str) -> None:
    case = heal(members=changed(members("a", "b", "c"), "b", connections=700), **facts)
    memory = remembered(case)
    assert [suspect.subject for suspect in memory.suspects] == ["Pod/emqx-a", "Pod/emqx-b", "Pod/emqx-c"]
    assert now(plan_of(case, memory)) == [first]


def test_a_single_member_is_no_damage() -> None:
    assert suspects.noted((), heal("a", replicas=1)) == ()


def test_an_orphan_in_a_cluster_of_others_is_not_taken_from_it() -> None:
    away = View(frozenset({node_of("c"), "emqx@10.244.9.9"}))
    case = heal(members=changed(members("a b", "c"), "c", view=away))
    plan = plan_of(case, remembered(case))
    assert plan.now == ()
    assert plan.hold
    assert "emqx-c is in one cluster with emqx@10.244.9.9" in plan.hold.message


def test_a_stopped_node_that_something_else_has_is_no_name_to_remove() -> None:
    held = {GONE[0]: "pod emqx-zone-b-1 of StatefulSet emqx-zone-b"}
    case = heal("a b c", stopped=GONE, holders=held)
    assert [s.subject for s in suspects.noted((), case)] == [f"Node/{name}" for name in GONE[1:]]
    unread = heal("a b c", stopped=GONE, holders=NOT_READ)
    assert refused_by(unread, remembered(unread)) == "FactsKnown"


def test_of_two_clusters_the_one_stays_that_its_user_named() -> None:
    case = heal("a b c", "d e", replicas=5, spec={"repair": {"seed": "emqx-e"}})
    memory = remembered(case)
    assert [suspect.subject for suspect in memory.suspects] == ["Pod/emqx-a", "Pod/emqx-b", "Pod/emqx-c"]
    assert now(plan_of(case, memory)) == ["JoinCluster Pod/emqx-a"]


@pytest.mark.parametrize(
    ("facts", "spec", "expected"),
    [
        pytest.param({}, {}, ["EvictPod Pod/emqx-c"], id="goes where no data stays behind"),
        pytest.param(CLAIM, {}, [], id="stays with its volume"),
        pytest.param(
            CLAIM,
            {"healing": {"actions": ["EvictPod"]}},
            ["EvictPod Pod/emqx-c"],
            id="goes if that is listed",
        ),
    ],
)
def test_a_half_joined_member_of_any_origin_that_hangs(
    facts: dict[str, Any], spec: dict[str, Any], expected: list[str]
) -> None:
    group = half_joined(members("a b c"), "c", seconds=3600)
    case = heal(members=group, spec=spec, **facts)
    tried = an_attempt(Action.ENABLE_DISCOVERY, "Pod/emqx-c", seconds=900)
    assert now(plan_of(case, remembered(case, procedure=healing_of(tried)))) == expected


def test_a_repair_in_mode_heal_evicts_no_member_that_is_older_than_itself() -> None:
    """Its steps pass no guards, so what is for healing alone waits until the repair is over."""
    case = heal(members=half_joined(members("a b c"), "c", seconds=3600))
    tried = an_attempt(Action.ENABLE_DISCOVERY, "Pod/emqx-c", seconds=500)
    repair = a_procedure("a", "b", "c", attempts=(tried,))
    plan = plan_of(case, remembered(case, procedure=repair))
    assert plan.now == ()
    assert plan.hold is not None
    assert "older than this repair" in plan.hold.message


def test_names_that_nobody_has_are_removed_from_a_cluster_that_is_whole() -> None:
    case = heal(stopped=GONE)
    memory = remembered(case)
    assert outline(plan_of(case, memory)) == [f"ForceLeave Node/{name}" for name in GONE]
    assert now(plan_of(case, memory))


def test_a_name_that_was_removed_twice_and_is_still_there_is_not_removed_again() -> None:
    """EMQX said both times that it worked, and who lists it has to be found by somebody."""
    case = heal(stopped=GONE)
    tried = [an_attempt(Action.FORCE_LEAVE, f"Node/{name}", count=2) for name in GONE]
    plan = plan_of(case, remembered(case, procedure=healing_of(*tried)))
    assert plan.now == ()
    assert plan.hold is not None
    assert plan.hold.reason is Reason.HEAL_FAILED
    one = plan_of(case, remembered(case, procedure=healing_of(tried[0])))
    assert now(one) == [f"ForceLeave Node/{GONE[1]}"], "the other one may still be"


def test_while_members_are_apart_no_name_is_removed() -> None:
    case = heal("a b", "c", stopped=GONE)
    plan = plan_of(case, remembered(case))
    assert [step.action for step in plan.steps] == [Action.ENABLE_DISCOVERY]


@pytest.mark.parametrize(
    ("islands", "policy", "expected"),
    [
        pytest.param(["a b c", "d e"], "Report", [], id="are only told"),
        pytest.param(
            ["a b c", "d e"],
            "LargestWins",
            ["JoinCluster Pod/emqx-d"],
            id="the largest wins if that is asked for",
        ),
        pytest.param(["a b", "c d"], "LargestWins", [], id="of equal ones none wins"),
    ],
)
def test_two_clusters_of_two_or_more(islands: list[str], policy: str, expected: list[str]) -> None:
    replicas = len(" ".join(islands).split())
    case = heal(*islands, replicas=replicas, spec={"healing": {"splitPolicy": policy}})
    plan = plan_of(case, remembered(case))
    assert now(plan) == expected
    if not expected:
        assert plan.hold is not None
        assert plan.hold.reason is Reason.SPLIT_BRAIN


@pytest.mark.parametrize("mode", ["Observe", "Repair"])
def test_other_modes_take_no_such_action(mode: str) -> None:
    case = heal("a b", "c", mode=mode)
    plan = plan_of(case, remembered(heal("a b", "c")))
    assert plan.now == ()
    assert all(step.operation is None for step in plan.steps)


def test_a_setting_is_repaired_before_anything_is_healed() -> None:
    case = heal("a b", "c", env={API_SERVER: "http://192.168.1.31:8888"})
    plan = plan_of(case, remembered(case))
    assert not plan.heals
    assert plan.guards == ()


# --- the guards


def test_an_action_that_is_taken_has_passed_every_guard() -> None:
    case = heal("a b", "c")
    verdicts = plan_of(case, remembered(case)).guards
    names = [name for name, _ in guards._GUARDS]
    assert [verdict.guard for verdict in verdicts] == names
    assert [verdict.refusal for verdict in verdicts] == [None] * len(names)


def orphan(**facts: Any) -> tuple[Member, ...]:
    return changed(members("a b", "c"), "c", **facts)


@pytest.mark.parametrize(
    ("case", "memory", "guard"),
    [
        pytest.param(
            heal("a b", "c", rights=some_rights(allowed=NOT_READ)),
            {},
            "FactsKnown",
            id="whether the pods may ask is not known",
        ),
        pytest.param(
            heal(members=changed(members("a b c", stopped=GONE), "a", running_since=ago(10))),
            {},
            "NothingStarting",
            id="a member has just started",
        ),
        pytest.param(heal("a b", "c"), {"looks": 2}, "SeenLongEnough", id="seen in two looks"),
        pytest.param(
            heal("a b", "c"), {"seconds": 119}, "SeenLongEnough", id="seen for less than orphanAfter"
        ),
        pytest.param(
            heal("a b", "c", service=None), {}, "CauseMended", id="the Service that EMQX asks for is missing"
        ),
        pytest.param(
            heal(members=orphan(annotations={QUARANTINE: ""})),
            {},
            "NotQuarantined",
            id="the pod is in quarantine",
        ),
        pytest.param(
            heal(members=changed(changed(orphan(), "a", ready=False), "b", ready=False)),
            {},
            "OthersServe",
            id="the others serve nobody",
        ),
        pytest.param(
            heal("a b", "c"),
            {"history": (did(Action.JOIN_CLUSTER, seconds=100),)},
            "CooledDown",
            id="something was done a moment ago",
        ),
        pytest.param(
            heal("a b", "c"),
            {"history": tuple(did(Action.EVICT_POD, seconds=3000 - 400 * n) for n in range(6))},
            "BelowHourlyLimit",
            id="six things were done in the last hour",
        ),
        pytest.param(
            heal("a b", "c", spec={"healing": {"actionsPerHour": 0}}),
            {},
            "BelowHourlyLimit",
            id="no action is allowed",
        ),
        pytest.param(
            heal("a b", "c"),
            {"fleet": "7 workloads are damaged"},
            "FleetCalm",
            id="many workloads broke at once",
        ),
        pytest.param(
            heal(stopped=GONE),
            {"seconds": 899},
            "SeenLongEnough",
            id="a name is seen for less than staleAfter",
        ),
        pytest.param(
            heal(members=(*members("a b", stopped=GONE), a_down_member("c"))),
            {},
            "AllPodsRunning",
            id="a pod is to come that may get the name",
        ),
    ],
)
def test_a_guard_refuses(case: Case, memory: dict[str, Any], guard: str) -> None:
    assert refused_by(case, remembered(case, **memory)) == guard


def test_two_major_versions_are_not_joined() -> None:
    """Other checks mostly find such a workload first, so the guard is asked itself."""
    told = members("a b", "c", identity=an_identity("5.8.9"))
    case = heal(members=changed(told, "c", identity=an_identity("4.4.19")))
    stray, target = case.membership.islands[1][0], node_of("a")
    step = join(case.workload.ref, stray.pod, "emqx", target, "the larger cluster")
    guard = dict(guards._GUARDS)["SameMajorVersion"]
    for due in (step, replace(step, action=Action.ENABLE_DISCOVERY)):
        refusal = guard(case, diagnosis.diagnose(case), Memory(), guards.Proposal(due, None))
        assert refusal == "the members run different major versions of EMQX: 4, 5"


def test_a_member_that_waits_for_its_tables_is_left_alone() -> None:
    waits = JoinTrace(None, listening_again=False, line="", waits="waiting for tables")
    case = heal(members=orphan(ready=False, join_trace=waits))
    assert plan_of(case, remembered(case)).now == ()


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"annotations": {"emqx-autocluster.io/paused": "true"}}, id="paused"),
        pytest.param({"image": "emqx/emqx:5.9.0"}, id="without a licence"),
    ],
)
def test_what_holds_a_repair_holds_healing_too(facts: dict[str, Any]) -> None:
    case = heal("a b", "c", **facts)
    assert plan_of(case, remembered(heal("a b", "c"))).now == ()


def test_in_a_rollout_nothing_is_done_but_to_hold_it() -> None:
    memory = remembered(heal("a b", "c", stopped=GONE))
    assert now(plan_of(heal("a b", "c", stopped=GONE, **IN_ROLLOUT), memory)) == [
        "HoldRollout Deployment/emqx"
    ]
    young = changed(members("a b", "c", stopped=GONE), "c", ready=False)
    assert now(plan_of(heal(members=young, **IN_ROLLOUT), memory)) == []


def test_names_may_be_removed_soon_after_something_else_was_done() -> None:
    """It disconnects nobody."""
    case = heal(stopped=GONE)
    assert refused_by(case, remembered(case, history=(did(Action.JOIN_CLUSTER, seconds=10),))) is None
