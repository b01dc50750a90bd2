"""When a workload is looked at again: soon while something happens, seldom while nothing does."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import (
    AT,
    DEAD_PROXY,
    IN_ROLLOUT,
    NOT_READ,
    a_case,
    a_procedure,
    a_resource,
    a_workload,
    ago,
    an_identity,
    changed,
    members,
    plan_of,
    the_seed_story,
)
from emqx_autocluster import diagnosis
from emqx_autocluster.api.v1alpha1 import Condition, LastAction, Procedure, StatusModel, Suspect
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.healing import Action, Memory, Setback
from emqx_autocluster.objects import recorded
from emqx_autocluster.objects.recorded import FieldChange, Record
from emqx_autocluster.reporting import report
from emqx_autocluster.reporting.report import Pass
from emqx_autocluster.runtime import schedule

ORPHAN = a_case(members=members("a b", "c"))
STALE = a_case(members=members("a b c", stopped=["emqx@10.244.0.71"]))
UNDER_WAY = a_procedure("a", "b", "c")
ADDRESS = FieldChange(recorded.ENV + API_SERVER, {"name": API_SERVER, "value": "nonsense"}, "")


def seconds(
    case: Case,
    *,
    procedure: Procedure | None = None,
    acted: float | None = None,
    lasts: float = 0,
    setback: Setback | None = None,
) -> float:
    """Until the next look; `acted` and `lasts` are the ages of the last step and of the conditions."""
    memory = Memory(procedure, setback=setback)
    done = Pass(case, diagnosis.diagnose(case), plan_of(case, memory), memory)
    status = report.status(a_resource(), done)
    aged = tuple(c.model_copy(update={"last_transition_time": ago(lasts)}) for c in status.conditions)
    changes: dict[str, object] = {"conditions": aged, "procedure": procedure}
    if acted is not None:
        changes["last_action"] = LastAction(
            action="JoinCluster", subject="Pod/emqx-c", result="Succeeded", time=ago(acted)
        )
    return schedule.next_look(a_resource(status.model_copy(update=changes)), done)


@pytest.mark.parametrize(
    ("case", "facts", "expected"),
    [
        pytest.param(a_case(), {}, 300, id="all is well"),
        pytest.param(a_case(), {"lasts": 9000}, 300, id="all has been well for long"),
        pytest.param(STALE, {}, 60, id="names are left by a rollout, and somebody may remove them"),
        pytest.param(STALE, {"lasts": 301}, 300, id="names that nobody has removed for minutes"),
        pytest.param(ORPHAN, {}, 15, id="an orphan"),
        pytest.param(ORPHAN, {"lasts": 301}, 60, id="an orphan that nobody has cured for minutes"),
        pytest.param(
            a_case(members=changed(members("a b c"), "c", view=NOT_READ)), {}, 15, id="one could not be asked"
        ),
        pytest.param(
            a_case(image="emqx/emqx:latest", members=members("a b c", identity=an_identity("5.8.9"))),
            {},
            300,
            id="the version alone is not in the tag",
        ),
        pytest.param(
            a_case(service=None), {}, 60, id="one cluster, and something that only a person can cure"
        ),
        pytest.param(
            ORPHAN, {"procedure": UNDER_WAY, "acted": 10}, 2.5, id="a repair took a step a moment ago"
        ),
        pytest.param(
            ORPHAN,
            {"procedure": UNDER_WAY, "acted": 301, "lasts": 301},
            60,
            id="a repair waits for a person, and asks the members seldom",
        ),
        pytest.param(
            a_case(**IN_ROLLOUT),
            {"procedure": UNDER_WAY, "acted": 10},
            15,
            id="a rollout brings events itself",
        ),
        pytest.param(
            a_case(
                **IN_ROLLOUT,
                members=tuple(replace(m, pod=replace(m.pod, created=ago(60))) for m in members("a b c")),
            ),
            {"procedure": UNDER_WAY, "acted": 10},
            5,
            id="a rollout that made a pod a moment ago is followed",
        ),
        pytest.param(
            a_case(members=changed(members("a", "b c"), "a", running_since=ago(5))),
            {"lasts": 9000},
            2.5,
            id="a member is just starting",
        ),
    ],
)
def test_the_next_look(case: Case, facts: dict[str, float], expected: float) -> None:
    assert seconds(case, **facts) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "since", "expected"), [(1, 0, 5), (1, 3, 2), (1, 5, 0.05), (9, 0, 60)])
def test_a_step_that_was_refused_is_tried_when_it_is_due(count: int, since: float, expected: float) -> None:
    case = the_seed_story(members=members("a b c"), unreachable="http://192.168.1.31:8888")
    refused = Setback(
        Action.CREATE_SERVICE_ACCOUNT, "ServiceAccount/emqx-discovery", "quota", ago(since), count
    )
    assert seconds(case, setback=refused) == expected


@pytest.mark.parametrize(
    ("status", "suspicious"),
    [
        (StatusModel(), True),
        (StatusModel(procedure=UNDER_WAY), True),
        (
            StatusModel(
                conditions=(
                    _formed := Condition(
                        type="ClusterFormed", status="True", reason="x", last_transition_time=AT
                    ),
                )
            ),
            False,
        ),
        (StatusModel(procedure=UNDER_WAY, conditions=(_formed,)), True),
    ],
)
def test_every_member_is_asked_while_membership_is_not_known_to_be_whole(
    status: StatusModel, *, suspicious: bool
) -> None:
    assert schedule.is_suspicious(status) == suspicious


# --- how closely


def told(reason: str, status: str = "Unknown", **facts: Any) -> StatusModel:
    found = Condition.model_validate(
        {"type": "ClusterFormed", "status": status, "reason": reason, "lastTransitionTime": AT}
    )
    return StatusModel(conditions=(found,), **facts)


WELL = told("AllMembersClustered", "True")
ROLLING, ALONE = told("TargetProgressing"), told("MembersOrphaned", "False")


@pytest.mark.parametrize(
    ("status", "changed", "spec", "expected"),
    [
        pytest.param(WELL, False, {}, (False, 1800, True, True), id="all is well: one in turn, seldom"),
        pytest.param(
            WELL,
            False,
            {"verification": {"interval": "10s"}},
            (False, 10, True, False),
            id="asked as often as its pulse would be taken: without a pulse",
        ),
        pytest.param(
            told("AllMembersClustered", "True", stale_nodes=("emqx@10.244.0.71",)),
            False,
            {},
            (False, 60, True, True),
            id="names are left, and no pulse shows that they were removed: one in turn, each time",
        ),
        pytest.param(WELL, True, {}, (True, 0, True, True), id="something changed: all are asked"),
        pytest.param(ALONE, False, {}, (True, 0, False, True), id="an orphan: all are asked"),
        pytest.param(StatusModel(), False, {}, (True, 0, False, True), id="never seen: all are asked"),
        pytest.param(
            ROLLING, False, {}, (False, 15, False, True), id="a rollout: those whose pulse has changed"
        ),
        pytest.param(
            ROLLING,
            True,
            {},
            (True, 15, False, True),
            id="news of a rollout: what is around the members is read, and those whose pulse has changed are asked",
        ),
        pytest.param(
            told("NotFormed", "False", procedure=UNDER_WAY),
            False,
            {},
            (True, 15, False, True),
            id="between the steps of a repair: those whose pulse has changed",
        ),
    ],
)
def test_how_much_a_look_asks_for(
    status: StatusModel, spec: dict[str, Any], expected: tuple[bool, float, bool, bool], *, changed: bool
) -> None:
    depth = schedule.depth(a_resource(status, **spec), changed=changed)
    assert (depth.thorough, depth.believed.total_seconds(), depth.in_turn, depth.pulse) == expected


@pytest.mark.parametrize("status", [WELL, ALONE, ROLLING, told("NotFormed", "False", procedure=UNDER_WAY)])
def test_a_whole_look_believes_no_earlier_answer(status: StatusModel) -> None:
    depth = schedule.whole(a_resource(status))
    assert (depth.thorough, depth.believed.total_seconds()) == (True, 0)


def appointed(case: Case, wait: float, **spec: Any) -> schedule.Appointment | None:
    done = Pass(case, diagnosis.diagnose(case), plan_of(case), Memory())
    return schedule.appointment(a_resource(**spec), wait, done)


@pytest.mark.parametrize(
    ("case", "wait", "spec", "expected"),
    [
        pytest.param(a_case(), 300, {}, 30, id="the pulse comes between two looks"),
        pytest.param(a_case(), 20, {}, None, id="the look comes as soon"),
        pytest.param(a_case(), 300, {"pulse": "0s"}, None, id="none is wanted"),
        pytest.param(ORPHAN, 60, {}, None, id="members that stand apart are asked"),
        pytest.param(
            a_case(service=None), 60, {}, 30, id="one cluster, and something that only a person can cure"
        ),
    ],
)
def test_when_the_pulse_is_taken(
    case: Case, wait: float, spec: dict[str, Any], expected: float | None
) -> None:
    found = appointed(case, wait, verification=spec)
    assert (found.wait(AT, 0) if found else None) == expected


@pytest.mark.parametrize(("age", "expected"), [(0, 30), (270, 30), (280, 20), (300, 0), (900, 0)])
def test_pulses_do_not_put_the_look_off(age: float, expected: float) -> None:
    found = appointed(a_case(), 300)
    assert found
    assert found.wait(AT + timedelta(seconds=age), 0) == expected


def needs_whole_look(case: Case, status: StatusModel, memory: Memory | None = None) -> bool:
    memory = memory or Memory()
    done = Pass(case, diagnosis.diagnose(case), plan_of(case, memory), memory)
    return schedule.needs_whole_look(a_resource(status), done)


GATHERING = Memory(UNDER_WAY)


@pytest.mark.parametrize(
    ("case", "status", "memory", "expected"),
    [
        pytest.param(a_case(), WELL, None, False, id="it was one cluster and is"),
        pytest.param(a_case(), ROLLING, None, True, id="it would turn True"),
        pytest.param(ORPHAN, WELL, None, False, id="it turns False, and nothing is done"),
        pytest.param(
            the_seed_story(members=members("a b", "c")), ALONE, GATHERING, False, id="one more is to join"
        ),
        pytest.param(
            the_seed_story(members=members("a b c"), unreachable=DEAD_PROXY),
            ROLLING,
            GATHERING,
            True,
            id="anything else is to be done",
        ),
        pytest.param(
            a_case(
                **IN_ROLLOUT,
                members=changed(members("a b c", "d"), "d", created=ago(22), ready_since=ago(15)),
                status_replicas=4,
                available_replicas=3,
            ),
            ROLLING,
            Memory(UNDER_WAY, original=Record("emqx", (ADDRESS,)).dump()),
            False,
            id="a rollout is to be held",
        ),
    ],
)
def test_what_remembered_answers_are_not_enough_for(
    case: Case, status: StatusModel, memory: Memory | None, *, expected: bool
) -> None:
    assert needs_whole_look(case, status, memory) == expected


# --- damage that mode Heal may act on


def a_suspect(*, since: float, looks: int, kind: str = "StaleNode") -> Suspect:
    return Suspect(kind=kind, subject="Node/emqx@10.244.0.71", since=ago(since), looks=looks)


@pytest.mark.parametrize(
    ("suspects", "expected"),
    [
        pytest.param([], 300, id="there is none"),
        pytest.param([a_suspect(since=0, looks=1)], 15, id="it has to be seen again"),
        pytest.param([a_suspect(since=800, looks=3)], 100, id="seen often enough, and due in a while"),
        pytest.param([a_suspect(since=100, looks=3)], 300, id="due later than the usual look"),
        pytest.param([a_suspect(since=901, looks=3)], 300, id="due, and held back by something else"),
        pytest.param(
            [a_suspect(since=100, looks=3), a_suspect(since=20, looks=3, kind="Orphan")],
            100,
            id="the one that is due first counts",
        ),
    ],
)
def test_a_look_comes_when_damage_was_seen_long_enough(suspects: list[Suspect], expected: float) -> None:
    memory = Memory(suspects=tuple(suspects))
    done = Pass(a_case(), diagnosis.diagnose(a_case()), plan_of(a_case()), memory)
    resource = a_resource(report.status(a_resource(), done))
    assert schedule.next_look(resource, done) == expected


def test_no_action_of_mode_heal_rests_on_remembered_answers() -> None:
    """A repair joins one member after the other by them; healing asks everybody once more."""
    case = a_case(mode="Heal", members=members("a b", "c"), image="emqx/emqx:5.4.1")
    orphan = Suspect(kind="Orphan", subject="Pod/emqx-c", uid="uid-c", since=ago(3600), looks=3)
    memory = Memory(suspects=(orphan,))
    assert [step.action for step in plan_of(case, memory).now] == [Action.JOIN_CLUSTER]
    assert needs_whole_look(case, told("MembersOrphaned", "False"), memory)


def told_well(**changes: Any) -> StatusModel:
    done = Pass(case := a_case(), diagnosis.diagnose(case), plan_of(case), Memory())
    return report.status(a_resource(), done).model_copy(update=changes)


@pytest.mark.parametrize(
    ("status", "workload", "expected"),
    [
        pytest.param(told_well(), {}, True, id="all was well"),
        pytest.param(StatusModel(), {}, False, id="never judged"),
        pytest.param(told("NotFormed", "False"), {}, False, id="something was wrong"),
        pytest.param(told_well(procedure=UNDER_WAY), {}, False, id="a repair is under way"),
        pytest.param(told_well(observed_generation=7), {}, False, id="another spec was judged"),
        pytest.param(told_well(), {"generation": 9}, False, id="the workload changed meanwhile"),
        pytest.param(told_well(), {"uid": "another"}, False, id="it is another workload of the same name"),
        pytest.param(told_well(), {"updated_replicas": 1}, False, id="a rollout goes on"),
    ],
)
def test_when_a_status_is_believed_after_a_start(
    status: StatusModel, workload: dict[str, Any], *, expected: bool
) -> None:
    assert schedule.is_believed(a_resource(status), a_workload(**workload)) is expected


def test_in_a_large_fleet_each_pulse_waits_for_as_many_as_there_are_by_then() -> None:
    done = Pass(case := a_case(), diagnosis.diagnose(case), plan_of(case), Memory())
    found = schedule.appointment(a_resource(), 300, done)
    assert found
    assert [found.wait(AT, fewest) for fewest in (0, 150, 60, 900)] == [30, 150, 60, 300]
    assert schedule.appointment(a_resource(), 300, done, fewest=300) is None, "the look comes as soon"


def test_in_a_large_fleet_what_is_around_healthy_members_is_looked_at_less_often() -> None:
    done = Pass(case := a_case(), diagnosis.diagnose(case), plan_of(case), Memory())
    resource = a_resource(told_well())
    assert [schedule.next_look(resource, done, fewest) for fewest in (0, 667)] == [300, 667]
