"""Slots are shared: who hangs keeps some of them, and never all."""

import asyncio

import pytest

from emqx_autocluster.clients.turns import Turns

LIMIT = 16


async def holding(turns: Turns, namespace: str, workload: str, wanted: int) -> list[asyncio.Task[None]]:
    """Those of so many commands, none of which ends, that have got a slot."""
    got = list[int]()

    async def hang(number: int) -> None:
        async with turns.slot(namespace, workload):
            got.append(number)
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(hang(number)) for number in range(wanted)]
    for _ in range(5):
        await asyncio.sleep(0)
    return [tasks[number] for number in got]


@pytest.mark.parametrize(
    ("tenants", "expected"),
    [
        pytest.param([("a", "x")], [5], id="one workload alone gets a good part"),
        pytest.param([("a", "x"), ("a", "y")], [5, 3], id="a second of its namespace gets less"),
        pytest.param([("a", "x"), ("b", "x")], [5, 4], id="one of another namespace nearly as much"),
        pytest.param(
            [(f"n{n}", "x") for n in range(7)], [5, 4, 2, 2, 1, 1, 1], id="there is one for each who comes"
        ),
    ],
)
async def test_some_are_always_left(tenants: list[tuple[str, str]], expected: list[int]) -> None:
    turns = Turns(LIMIT)
    held = [await holding(turns, *tenant, wanted=32) for tenant in tenants]
    try:
        assert [len(tasks) for tasks in held] == expected
    finally:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()


async def test_one_slot_is_shared_in_turn() -> None:
    turns, order = Turns(1), list[str]()

    async def work(name: str) -> None:
        async with turns.slot(name, name):
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(*(work(name) for name in "abc"))
    assert order == ["a", "b", "c"]
    assert not turns._held


async def test_a_slot_comes_back_from_one_who_was_ended() -> None:
    turns = Turns(1)
    (task,) = await holding(turns, "a", "x", wanted=1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(1), turns.slot("b", "x"):
        pass


async def test_workloads_that_wait_take_turns() -> None:
    turns, order = Turns(1), list[str]()

    async def work(workload: str) -> None:
        async with turns.slot("a", workload):
            order.append(workload)
            await asyncio.sleep(0)

    await asyncio.gather(*(work(workload) for workload in "xxxyyz"))
    assert "".join(order) == "xxyzxy", "the first is at work when the others come"


@pytest.mark.parametrize(
    "handed_over", [False, True], ids=["while it waits", "in the moment in which it gets the slot"]
)
async def test_one_who_waited_and_was_ended_keeps_no_slot(*, handed_over: bool) -> None:
    turns = Turns(1)

    async def work(namespace: str) -> str:
        async with turns.slot(namespace, "x"):
            return namespace

    async with turns.slot("a", "x"):
        second, third = (asyncio.create_task(work(name)) for name in "bc")
        await asyncio.sleep(0)
        if not handed_over:
            second.cancel()
    if handed_over:
        second.cancel()
    async with asyncio.timeout(1):
        assert await third == "c"
    assert second.cancelled()
    assert not turns._held
