"""Commands in members whose answer is lost, late or rubbish: no guess, and no second join."""

import pytest

from keeper import Keeper
from repairs import JOIN, ROLE, STATUS, alone, is_whole, made, tried
from sandbox.faultgate import Cut, Fault, FaultGate, Garble, Hang, HoldBack, Wait
from story import Story, condition

DEADLINE = 45.0
"""After which the operator no longer waits for a command."""
MOMENT = 90.0
"""A failed command is followed by another look at once, and a look lasts as long as its commands."""
SETTLED = 180.0
"""Members that started a moment ago may still join by themselves, so the operator waits first."""


@pytest.mark.parametrize(
    ("fault", "bound", "said"),
    [
        pytest.param(Hang(), DEADLINE + MOMENT, "emqx_ctl in", id="hangs"),
        pytest.param(
            HoldBack(DEADLINE + 5), DEADLINE + MOMENT, "did not end within 45 s", id="comes too late"
        ),
        pytest.param(Cut(after=3), MOMENT, "closed without a status", id="is cut off"),
        pytest.param(Garble(), MOMENT, "not what was asked for", id="is rubbish"),
    ],
)
async def test_a_join_is_not_repeated_when_its_answer(
    story: Story, gate: FaultGate, operator: Keeper, fault: Fault, bound: float, said: str
) -> None:
    await alone(story)
    await story.control.namespace(story.namespace, join_seconds="4")
    gate.put(fault, JOIN)
    await story.annotate(mode="Repair")

    async def begun() -> bool:
        return len(tried(gate, story, JOIN)) == 1

    await story.until("the join to begin", begun, seconds=SETTLED)

    async def failed() -> str:
        last = (await story.resource()).get("status", {}).get("lastAction") or {}
        return last.get("message", "") if last.get("result") == "Failed" else ""

    told = await story.until("the join to be told as failed", failed, seconds=bound)
    assert said in told
    await story.until_repaired(seconds=SETTLED)
    await is_whole(gate, story)
    assert operator.exits == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(Cut(after=0.2), "closed without a status", id="are cut off"),
        pytest.param(Garble(), "emqx_ctl cluster status: ", id="are rubbish"),
    ],
)
async def test_it_knows_nothing_and_does_nothing_while_the_answers_of_a_member(
    story: Story, gate: FaultGate, operator: Keeper, fault: Fault, said: str
) -> None:
    await alone(story)
    silent = (await story.pods())[0]["metadata"]["name"]
    spoilt = gate.put(fault, f"{silent}{STATUS}")
    await story.annotate(mode="Repair")
    told = await story.until_condition("ClusterFormed", "Unknown", "ProbeFailed", seconds=SETTLED)
    assert f"{silent}: " in told["message"]
    assert said in told["message"]
    assert condition(await story.resource(), "Ready")["status"] == "False", "the missing rights are known"

    looks = spoilt.hits

    async def looked_again() -> bool:
        return spoilt.hits > looks

    await story.until("another look", looked_again, seconds=MOMENT)
    assert tried(gate, story, JOIN) == []
    assert made(story) == {}
    assert await story.get("Role", ROLE) is None

    gate.lift(spoilt)
    await story.until_repaired(seconds=SETTLED)
    await is_whole(gate, story)
    assert operator.exits == []


async def test_a_pod_may_vanish_between_the_list_and_the_look_into_it(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await alone(story)
    lost = (await story.pods())[0]["metadata"]["name"]

    async def vanish() -> None:
        await story.shell(f"kubectl delete pod {lost} -n {story.namespace} --force --grace-period=0 2>&1")

    rule = gate.put(Wait(meanwhile=vanish), f"{lost}{STATUS}", times=1)
    await story.annotate(mode="Repair")

    async def vanished() -> bool:
        return rule.hits == 1 and lost not in [p["metadata"]["name"] for p in await story.pods()]

    await story.until("the pod to vanish under the look", vanished)
    await story.until_repaired(seconds=SETTLED + MOMENT)
    await story.one_cluster(2)
    assert lost not in tried(gate, story, JOIN)
    assert "crashed" not in operator.log.read_text()
    assert operator.exits == []
