"""Something breaks in the middle of a repair's rollout: no member with the data ends before a new one has it."""

import asyncio

import pytest

from breakages import Breakage
from midrollout import Rollout, rolling
from story import Story, is_ready

AWAY = 50.0
"""Seconds; longer than a rollout that nobody holds takes to go over all members but the last."""


async def held_and_said(rollout: Rollout, pod: str, why: str) -> None:
    """It says who it waits for, since when, and the commands that work in this state."""
    story = rollout.story

    waits = f"no further member ends: it waits for {pod}, {why}"

    async def told() -> str:
        found = await story.condition("ClusterFormed")
        said: str = found.get("message", "") if found.get("reason") == "RolloutHeld" else ""
        return said if waits in said else ""

    # While it is being held more than one thing may be in the way for a moment, such as a command that fails.
    message = await story.until(f"RolloutHeld: {waits}", told, seconds=120)
    undo = f"kubectl rollout undo {rollout.reference} -n {story.namespace}"
    resume = f"kubectl rollout resume {rollout.reference} -n {story.namespace}"
    assert f"to go back: {resume} && {undo}" if rollout.kind == "Deployment" else undo in message
    assert await rollout.is_held()


@pytest.mark.parametrize(
    ("breakage", "kind", "version", "number"),
    [
        pytest.param(Breakage.NAMES, "Deployment", "5.8.9", 1, id="DNS, Deployment, 5.8.9, the first"),
        pytest.param(Breakage.NAMES, "StatefulSet", "4.4.19", 2, id="DNS, StatefulSet, 4.4.19, the second"),
        pytest.param(Breakage.API, "StatefulSet", "5.8.9", 1, id="API server, StatefulSet, 5.8.9, the first"),
        pytest.param(Breakage.PORT, "Deployment", "4.4.19", 2, id="port, Deployment, 4.4.19, the second"),
    ],
)
async def test_what_keeps_a_new_member_from_joining_costs_no_member_its_data(
    story: Story, breakage: Breakage, kind: str, version: str, number: int
) -> None:
    async with rolling(story, version, kind) as rollout:
        broken = await rollout.broken(breakage, number)
        lasting = asyncio.create_task(asyncio.sleep(AWAY))  # no condition: it is what the calamity is
        await held_and_said(rollout, broken.pod, "Ready since ")
        await lasting
        assert len(await rollout.new_pods()) == number, "nothing went on"
        await broken.end()
        await rollout.whole()


async def test_rights_that_are_taken_away_are_given_back_in_the_middle_of_the_rollout(story: Story) -> None:
    async with rolling(story, "5.8.9", "StatefulSet") as rollout:
        await rollout.broken(Breakage.RIGHTS, 2)
        await rollout.whole()


@pytest.mark.parametrize(
    ("breakage", "kind"),
    [
        pytest.param(Breakage.HANGS, "StatefulSet", id="hangs in its join, StatefulSet"),
        pytest.param(Breakage.HALF, "Deployment", id="loses whom it joins, Deployment"),
    ],
)
async def test_a_new_member_that_is_half_joined_is_cured_and_costs_no_member_its_data(
    story: Story, breakage: Breakage, kind: str
) -> None:
    async with rolling(story, "5.8.9", kind) as rollout:
        broken = await rollout.broken(breakage, 1)
        await story.until_condition("ClusterFormed", "False", "MemberHalfJoined", seconds=120)
        assert len(await rollout.new_pods()) == 1, "nothing went on"
        if breakage is Breakage.HALF:
            await broken.end()
        await rollout.whole()


async def test_a_new_member_that_is_never_ready_holds_the_rollout_and_is_named(story: Story) -> None:
    async with rolling(story, "4.4.19", "StatefulSet") as rollout:
        broken = await rollout.broken(Breakage.UNREADY, 2)
        await held_and_said(rollout, broken.pod, "which runs and is not Ready")
        assert len(await rollout.new_pods()) == 2
        assert [p["metadata"]["name"] for p in await story.pods() if not is_ready(p)] == [broken.pod]
        assert rollout.holders.fewest >= 2, rollout.holders.least
