"""The API server is away, overloaded, rude or slow, in the middle of a repair: afterwards it goes on by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from keeper import Keeper
from repairs import JOIN, ROLE, all_well, alone, empty, is_whole, made, noticed, tried
from sandbox.faultgate import FaultGate, Status, Wait
from story import Story

OUTAGE = 120.0
BACK = 150.0
"""A failed look is repeated after 1, 2, 4 … s, so at most another minute passes after two minutes; a watch is tried
again every 21 s; an operator that ended is started by Kubernetes within 40 s. Twice that, for a busy machine."""
SLOW = 1.0
"""For each request to the API server."""
SLOW_REPAIR = 240.0
"""About fifteen looks of five requests that depend on each other, and what a repair takes anyway."""


async def away(gate: FaultGate) -> None:
    await gate.close()


async def answering(code: int, gate: FaultGate) -> None:
    gate.put(Status(code))
    gate.cut()


async def back(gate: FaultGate) -> None:
    gate.lift_all()
    await gate.open()


@pytest.mark.parametrize(
    ("fault", "survives"),
    [
        pytest.param(away, True, id="is away"),
        pytest.param(partial(answering, 429), True, id="answers 429"),
        pytest.param(partial(answering, 500), False, id="answers 500"),
    ],
)
async def test_a_repair_goes_on_after_the_api_server_for_two_minutes(
    story: Story,
    gate: FaultGate,
    operator: Keeper,
    fault: Callable[[FaultGate], Awaitable[None]],
    survives: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    await alone(story)
    # The members are joined; it begins where the operator would give the rights.
    began = gate.put(Wait(meanwhile=partial(fault, gate)), f"{story.namespace}/roles", method="POST", times=1)
    await story.annotate(mode="Repair")

    async def has_begun() -> bool:
        return began.hits == 1

    await story.until("the fault to begin", has_begun)
    await story.apply(empty(story, "meanwhile"))
    await asyncio.sleep(OUTAGE)  # no condition: it is what the fault is
    assert not await noticed(story, "meanwhile")
    await back(gate)

    await story.until(
        "what happened meanwhile to be noticed", partial(noticed, story, "meanwhile"), seconds=BACK
    )
    await story.until_repaired(seconds=BACK)
    await is_whole(gate, story)
    assert all(code > 0 for code in operator.exits), "an operator that cannot go on says so by its exit code"
    assert bool(operator.exits) is not survives


async def test_forbidden_to_list_pods_it_says_so_and_touches_nothing_until_it_may(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await alone(story)
    forbidden = gate.put(Status(403), f"{story.namespace}/pods[?]")
    await story.annotate(mode="Repair")
    told = await story.until_condition("ClusterFormed", "Unknown")
    assert "Forbidden: GET" in told["message"]
    looks = forbidden.hits

    async def looked_again() -> bool:
        return forbidden.hits >= looks + 2

    await story.until("two more looks", looked_again)
    assert made(story) == {}
    assert tried(gate, story, JOIN) == []

    gate.lift(forbidden)
    await story.until_repaired(seconds=BACK)
    await is_whole(gate, story)
    assert operator.exits == []


async def test_forbidden_to_watch_one_kind_it_ends_and_started_again_it_sees_what_it_missed(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await all_well(story)
    forbidden = gate.put(Status(403), "/rolebindings[?]")
    assert gate.cut("/rolebindings[?].*watch=true") == 1

    async def ended() -> bool:
        return len(operator.exits) == 1

    await story.until("the operator to end instead of watching in part", ended, seconds=BACK)
    assert operator.exits[0] > 0
    await story.delete("RoleBinding", ROLE)
    gate.lift(forbidden)

    async def there() -> bool:
        return await story.get("RoleBinding", ROLE) is not None

    await story.until("the RoleBinding again", there, seconds=BACK)
    assert len(operator.exits) == 1


async def test_a_slow_api_server_makes_a_repair_slow_and_nothing_else(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await alone(story)
    gate.put(Wait(SLOW))
    await story.annotate(mode="Repair")
    await story.until_repaired(seconds=SLOW_REPAIR)
    await is_whole(gate, story)
    assert operator.exits == []
