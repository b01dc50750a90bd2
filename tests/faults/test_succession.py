"""Two operators in one cluster: one acts, and the other takes over whatever becomes of the first."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest

import manifests
from repairs import JOIN, all_well, alone, is_whole, tried
from running import NAMESPACE, RunningOperator
from sandbox.faultgate import FaultGate
from sandbox.handle import SandboxHandle
from story import Story, uids

Pair = tuple[RunningOperator, RunningOperator]
BY_HAND_OVER, BY_EXPIRY = 14, 60
"""Seconds, with room for a busy machine; idle it takes 1 and 16."""


@pytest.fixture
async def pair(sandbox: SandboxHandle, gate: FaultGate) -> AsyncIterator[Pair]:
    """The first leads."""
    there = replace(sandbox, server=gate.server)
    first = RunningOperator.start(there, LEASE_NAMESPACE=NAMESPACE)
    await until(first, "leading")
    second = RunningOperator.start(there, LEASE_NAMESPACE=NAMESPACE)
    await until(second, "standing by")
    yield first, second
    for operator in (first, second):
        operator.process.send_signal(signal.SIGCONT)
        print(operator.log.read_text(errors="replace")[-20000:])
        operator.stop()


@pytest.fixture
def operator_log(pair: Pair) -> object:
    """For the fixture `story`: the operators at work are this test's own."""
    return pair[0].log


def said(operator: RunningOperator) -> str:
    return operator.log.read_text(errors="replace")


async def until(operator: RunningOperator, text: str, seconds: float = 180) -> None:
    try:
        async with asyncio.timeout(seconds):
            while text not in said(operator):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{text!r} is not in the log after {seconds:g} s:\n{said(operator)}") from None


async def ended(operator: RunningOperator, seconds: float = 60) -> int:
    async with asyncio.timeout(seconds):
        while (code := operator.process.poll()) is None:
            await asyncio.sleep(0.05)
    return code


async def test_the_one_that_is_stopped_hands_over_and_the_next_goes_on(story: Story, pair: Pair) -> None:
    first, second = pair
    await all_well(story)
    first.process.terminate()
    await until(second, "leading", BY_HAND_OVER)
    assert await ended(first) == 0
    await story.annotate(paused="true")
    await story.until_condition("Paused", "True")
    assert "no longer enrolled" not in said(second)


async def test_the_one_that_is_killed_is_succeeded_and_its_repair_ends_well(
    story: Story, gate: FaultGate, pair: Pair
) -> None:
    first, second = pair
    await alone(story)
    await story.control.namespace(story.namespace, join_seconds="8")
    await story.annotate(mode="Repair")
    await story.until("the join to begin", partial(has_joined, gate, story))
    first.process.kill()
    await until(second, "leading", BY_EXPIRY)
    await story.until_repaired(seconds=120)
    await is_whole(gate, story)


async def test_the_one_that_was_frozen_in_the_middle_of_a_step_does_nothing_when_it_wakes(
    story: Story, gate: FaultGate, pair: Pair
) -> None:
    """Its rollout, too, is the successor's: one patch, and the frozen one wakes in the middle of it."""
    first, second = pair
    body = manifests.deployment("5.8.9", story.namespace, manifests.DEAD_PROXY, replicas=2)
    await story.apply(manifests.service(story.namespace), body)
    await story.until_lone(2)
    old = uids(await story.pods())
    await story.control.namespace(story.namespace, join_seconds="8")
    await story.annotate(mode="Repair")
    await story.until("the join to begin", partial(has_joined, gate, story))
    first.process.send_signal(signal.SIGSTOP)
    await until(second, "leading", BY_EXPIRY)

    async def patched() -> bool:
        return await story.rollouts() == 1

    await story.until("the successor's rollout", patched, seconds=120)
    before = len(said(first))
    first.process.send_signal(signal.SIGCONT)
    assert await ended(first) == 1
    woken = said(first)[before:]
    assert "does not lead any more" in woken
    await story.until_repaired(seconds=240)
    await story.one_cluster(2)
    assert not uids(await story.pods()) & old
    assert await story.rollouts() == 1
    assert len(tried(gate, story, JOIN)) == 1
    patches = [w for w in story.operator_writes() if (w.resource, w.verb) == ("deployments", "patch")]
    assert sum("template" in w.body.get("spec", {}) for w in patches) == 1, (
        "what else it may do is to hold its rollout, whose members take long to join"
    )


async def has_joined(gate: FaultGate, story: Story) -> bool:
    return bool(tried(gate, story, JOIN))
