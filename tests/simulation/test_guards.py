"""Each guard is worth its refusals: without it the same disaster ends in harm, or in an action that nobody needed.

`python -m simulation --without each` finds the seeds, which change with the model; docs/healing.md says what happens.
"""

import pytest

from builders import a_case, ago, changed, members, plan_of
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.healing import Memory, suspects
from emqx_autocluster.observation import JoinTrace
from simulation import ablation
from simulation.run import run

SHOWN = {
    "FactsKnown": 43,
    "NothingStarting": 326,
    "AllPodsRunning": 211,
    "SeenLongEnough": 0,
    "CauseMended": 146,
    "NotQuarantined": 12,
    "OthersServe": 592,
    "SameMajorVersion": 32,
    "CooledDown": 3,
    "BelowHourlyLimit": 3,
    "FleetCalm": 43,
    "Fence": 45,
}
TWICE = "NoTablesAwaited"
"""The plan itself refuses the same, so that no seed can show it."""


@pytest.mark.parametrize(("guard", "seed"), SHOWN.items())
def test_without_it_harm_is_seen(guard: str, seed: int) -> None:
    guarded, bare = run(seed), run(seed, without=guard)
    assert (guarded.harm, guarded.needless) == ([], [])
    assert bare.harm or bare.needless


def test_no_guard_is_forgotten() -> None:
    assert {*SHOWN, TWICE} == set(ablation.NAMES)


def test_whoever_waits_for_its_tables_is_left_alone_by_the_plan_as_well() -> None:
    waits = JoinTrace(None, listening_again=False, waits="still waiting for tables")
    case = a_case(mode="Heal", members=changed(members("a b", "c"), "c", ready=False, join_trace=waits))
    old = (s.model_copy(update={"since": ago(3600), "looks": 3}) for s in suspects.noted((), case))
    with ablation.without(TWICE):
        plan = plan_of(case, Memory(suspects=tuple(old)))
    assert plan.now == ()
    assert plan.hold
    assert plan.hold.reason is Reason.WAITING_FOR_TABLES
