"""`heal`: mode Heal's plan by the hand of a person, whatever mode the workload is in, and by the same guards."""

from dataclasses import replace
from typing import Any

import pytest

from builders import NOT_READ, a_case, a_procedure, a_spec, ago, an_observation, changed, members
from emqx_autocluster import diagnosis
from emqx_autocluster.api import annotations
from emqx_autocluster.api.annotations import QUARANTINE
from emqx_autocluster.api.v1alpha1 import StatusModel
from emqx_autocluster.commands import damage
from emqx_autocluster.commands.damage import Verdict
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.healing import Action, suspects
from emqx_autocluster.reporting.report import Pass

APART = members("a b", "c")
STALE = members("a b c", stopped=["emqx@10.244.0.71"])


def by_hand(action: Action | None = None, **facts: Any) -> Case:
    seen = an_observation(**{"mode": None, **facts})
    options = damage.options_by_hand(annotations.parse(seen.workload.annotations))
    return diagnosis.build(seen, options, damage.spec_by_hand(a_spec(), action))


def remembered(case: Case) -> StatusModel:
    """As if all damage had been seen often enough and long enough."""
    old = (s.model_copy(update={"since": ago(3600), "looks": 3}) for s in suspects.noted((), case))
    return StatusModel(suspects=tuple(old))


def looked(action: Action | None = None, *, first: bool = False, **facts: Any) -> Pass:
    case = by_hand(action, **facts)
    return damage.judged(case, StatusModel() if first else remembered(case))


@pytest.mark.parametrize(
    ("done", "due", "verdict"),
    [
        pytest.param(looked(), None, Verdict.WELL, id="all is well"),
        pytest.param(looked(members=APART), "EnableDiscovery", Verdict.DUE, id="a member stands apart"),
        pytest.param(looked(members=STALE), "ForceLeave", Verdict.DUE, id="a name that nobody has"),
        pytest.param(
            looked(members=APART, annotations={annotations.PAUSED: "true"}),
            "EnableDiscovery",
            Verdict.DUE,
            id="paused: that keeps the operator still",
        ),
        pytest.param(
            looked(members=APART, mode="Observe"), "EnableDiscovery", Verdict.DUE, id="in mode Observe"
        ),
        pytest.param(looked(members=APART, first=True), None, Verdict.DUE, id="it was seen only once"),
        pytest.param(
            looked(members=changed(APART, "c", annotations={QUARANTINE: ""})),
            None,
            Verdict.DUE,
            id="it is in quarantine",
        ),
        pytest.param(
            looked(members=changed(members("a b c"), "c", view=NOT_READ)),
            None,
            Verdict.UNKNOWN,
            id="a view is missing",
        ),
    ],
)
def test_what_is_due(done: Pass, due: str | None, verdict: Verdict) -> None:
    step = damage.step_of(done.plan, None)
    assert (step and str(step.action), damage.verdict(done)) == (due, verdict)


def test_an_action_is_taken_only_in_its_turn() -> None:
    plan = looked(Action.JOIN_CLUSTER, members=APART).plan
    assert damage.step_of(plan, Action.JOIN_CLUSTER) is None
    hold = damage.hold_of(plan, Action.JOIN_CLUSTER)
    assert hold
    assert (
        hold.message == "EnableDiscovery Pod/emqx-c comes first: JoinCluster is not due before that was tried"
    )
    assert damage.step_of(plan, Action.ENABLE_DISCOVERY) is not None


def test_who_names_the_eviction_allows_it() -> None:
    assert damage.spec_by_hand(a_spec(), Action.EVICT_POD).healing.actions == ("EvictPod",)
    assert damage.spec_by_hand(a_spec(), Action.JOIN_CLUSTER).healing.actions == ()


def test_what_only_needs_time_is_waited_for() -> None:
    assert damage.passes_with_time(looked(members=APART, first=True).plan)
    quarantined = changed(APART, "c", annotations={QUARANTINE: ""})
    assert not damage.passes_with_time(looked(members=quarantined).plan)


@pytest.mark.parametrize(
    ("marks", "repairs", "busy"),
    [
        pytest.param({annotations.MODE: "Heal"}, False, True, id="mode Heal"),
        pytest.param({annotations.MODE: "Heal", annotations.PAUSED: "true"}, False, False, id="paused"),
        pytest.param({annotations.MODE: "Repair"}, False, False, id="mode Repair"),
        pytest.param({annotations.MODE: "Repair"}, True, True, id="a repair is under way"),
        pytest.param({annotations.MODE: "Observe"}, True, False, id="mode Observe"),
        pytest.param({}, False, False, id="not enrolled"),
    ],
)
def test_two_never_act_at_the_same_time(marks: dict[str, str], repairs: bool, busy: bool) -> None:  # noqa: FBT001
    status = StatusModel(procedure=a_procedure("a") if repairs else None)
    assert bool(damage.busy(annotations.parse(marks), status)) == busy


def test_a_repair_that_was_left_in_the_middle_is_none_of_its_business() -> None:
    case = by_hand(members=APART)
    status = remembered(case).model_copy(update={"procedure": a_procedure("a", "b", "c")})
    done = damage.judged(case, status)
    assert done.memory.procedure is None
    assert damage.step_of(done.plan, None) is not None


def test_a_rollout_that_goes_on_is_left_alone() -> None:
    case = by_hand(members=APART, generation=5, observed_generation=5, updated_replicas=1)
    whole = a_case(mode="Heal", members=APART)
    done = damage.judged(replace(case), remembered(whole))
    assert (damage.step_of(done.plan, None), damage.verdict(done)) == (None, Verdict.UNKNOWN)
