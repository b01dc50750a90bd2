"""The operator itself is away in the middle of its own rollout: the cluster's data does not depend on it."""

import asyncio

import pytest

from breakages import Breakage
from keeper import Keeper
from midrollout import rolling
from sandbox.faultgate import FaultGate
from story import Story

AWAY = 60.0
"""Seconds; in these a rollout that nobody holds would have ended two more members."""


async def test_killed_for_good_a_stateful_sets_rollout_stays_held_by_its_partition(
    story: Story, operator: Keeper
) -> None:
    async with rolling(story, "5.8.9", "StatefulSet") as rollout:
        broken = await rollout.broken(Breakage.NAMES, 1)
        await operator.terminate()
        await asyncio.sleep(AWAY)  # no condition: nothing happens, and that is what is shown
        assert len(await rollout.new_pods()) == 1
        assert rollout.holders.fewest >= 2, rollout.holders.least

        await broken.end()
        operator.start()
        await rollout.whole()


async def test_killed_for_good_a_deployments_rollout_goes_to_its_end_as_without_a_brake(
    story: Story, operator: Keeper
) -> None:
    async with rolling(story, "4.4.19", "Deployment") as rollout:
        await rollout.until_new(1)
        await operator.terminate()
        await story.shell(f"kubectl rollout status -n {story.namespace} {rollout.reference} --timeout=180s")
        assert rollout.holders.fewest >= 2, rollout.holders.least

        operator.start()
        await rollout.whole()


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
async def test_killed_while_it_holds_a_rollout_the_next_one_lets_it_go_on(
    story: Story, operator: Keeper, kind: str
) -> None:
    async with rolling(story, "5.8.9", kind) as rollout:
        broken = await rollout.broken(Breakage.NAMES, 2)
        await story.until_condition("ClusterFormed", "False", "RolloutHeld", seconds=120)
        assert await rollout.is_held()
        await operator.kill()
        await broken.end()
        await rollout.whole()


async def test_cut_off_from_the_api_server_for_a_minute_it_goes_on(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    async with rolling(story, "4.4.19", "StatefulSet") as rollout:
        await rollout.until_new(2)
        await gate.close()
        await asyncio.sleep(AWAY)  # no condition: it is what the fault is
        await gate.open()
        await rollout.whole()
    assert operator.exits == []
