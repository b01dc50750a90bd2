"""The work queue on a real event loop: what is worked on when, and by how many at a time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Self

import pytest

from emqx_autocluster.runtime.workqueue import DEBOUNCE, FIRST_RETRY, LAST_RETRY, WorkQueue

DEADLINE = 5.0


class Work:
    """Workers that write down what they were given, and stop in the middle until they are let go."""

    def __init__(self, queue: WorkQueue[str], workers: int = 1) -> None:
        self.done: list[tuple[str, bool]] = []
        self.running = 0
        self.most_running = 0
        self._queue = queue
        self._began: asyncio.Queue[str] = asyncio.Queue()
        self._ended: asyncio.Queue[str] = asyncio.Queue()
        self._go = asyncio.Event()
        self._go.set()
        self._tasks = [asyncio.create_task(queue.work(self._handle)) for _ in range(workers)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self) -> None:
        self._go.clear()

    def let_go(self) -> None:
        self._go.set()

    async def begins(self) -> str:
        return await asyncio.wait_for(self._began.get(), DEADLINE)

    async def ends(self) -> str:
        return await asyncio.wait_for(self._ended.get(), DEADLINE)

    async def _handle(self, key: str, changed: bool) -> None:  # noqa: FBT001 - the queue's signature
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self._began.put_nowait(key)
        await self._go.wait()
        self.running -= 1
        self.done.append((key, changed))
        self._ended.put_nowait(key)


def due(queue: WorkQueue[str], key: str) -> float:
    """Seconds until the key's appointment."""
    return queue._timers[key].when() - asyncio.get_running_loop().time()


async def test_a_burst_of_events_is_one_piece_of_work() -> None:
    queue: WorkQueue[str] = WorkQueue()
    async with Work(queue) as work:
        for _ in range(5):
            queue.add("a")
        await work.ends()
        queue.add("b")
        await work.ends()
        assert work.done == [("a", True), ("b", True)]


async def test_the_work_begins_once_the_burst_is_over() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    first = due(queue, "a")
    queue.add("a")
    assert 0 < due(queue, "a") <= first <= DEBOUNCE


async def test_a_key_that_changes_while_it_is_worked_on_is_worked_on_once_more() -> None:
    queue: WorkQueue[str] = WorkQueue()
    async with Work(queue, workers=3) as work:
        work.hold()
        queue.add("a")
        await work.begins()
        for _ in range(3):
            queue._ring("a")
        work.let_go()
        await work.ends()
        await work.ends()
        queue.add("end")
        await work.ends()
        assert [key for key, _ in work.done] == ["a", "a", "end"]
        assert work.most_running == 1, "two workers never share a key"


async def test_different_keys_are_worked_on_at_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    async with Work(queue, workers=2) as work:
        work.hold()
        queue.add("a")
        queue.add("b")
        assert {await work.begins(), await work.begins()} == {"a", "b"}
        assert len(queue) == 2
        work.let_go()


async def test_the_handler_is_told_whether_something_changed_or_only_the_time_had_come() -> None:
    queue: WorkQueue[str] = WorkQueue()
    async with Work(queue) as work:
        queue.add_after("timed", 0)
        await work.ends()
        queue.add("changed")
        await work.ends()
        queue.add_after("changed", 0)
        await work.ends()
        assert work.done == [("timed", False), ("changed", True), ("changed", False)]


async def test_a_change_during_the_work_is_still_a_change_afterwards() -> None:
    queue: WorkQueue[str] = WorkQueue()
    async with Work(queue) as work:
        work.hold()
        queue.add_after("a", 0)
        await work.begins()
        queue.add("a")
        work.let_go()
        await work.ends()
        await work.ends()
        assert work.done == [("a", False), ("a", True)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(60, 300, 60, id="a later appointment does not move it"),
        pytest.param(300, 60, 60, id="an earlier one does"),
    ],
)
async def test_the_earlier_appointment_stands(first: float, second: float, expected: float) -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", first)
    queue.add_after("a", second)
    assert due(queue, "a") == pytest.approx(expected, abs=1)
    assert len(queue._timers) == 1


async def test_a_change_comes_before_any_appointment() -> None:
    queue: WorkQueue[str] = WorkQueue()
    async with Work(queue) as work:
        queue.add_after("a", 300)
        queue.add("a")
        assert await work.ends() == "a"
        assert queue._timers == {}


async def test_jitter_only_ever_adds() -> None:
    queue: WorkQueue[int] = WorkQueue(random.Random(7))
    for key in range(50):
        queue.add_after(key, 100, jitter=0.2)
    loop = asyncio.get_running_loop()
    delays = [queue._timers[key].when() - loop.time() for key in range(50)]
    assert all(99 <= delay <= 121 for delay in delays)
    assert max(delays) - min(delays) > 5, "they are spread"


async def test_failures_come_back_later_and_later() -> None:
    queue: WorkQueue[str] = WorkQueue()
    delays = [queue.retry("a") for _ in range(12)]
    assert delays[:4] == [FIRST_RETRY, 2, 4, 8]
    assert delays[-1] == LAST_RETRY
    assert queue.retry("b") == FIRST_RETRY, "each key has a count of its own"


async def test_work_that_failed_on_a_change_is_still_about_a_change_when_it_is_tried_again() -> None:
    queue: WorkQueue[str] = WorkQueue()
    async with Work(queue) as work:
        for key, changed in (("timed", False), ("changed", True)):
            queue.retry(key, changed=changed)
            queue._timers.pop(key).cancel()
            queue._ring(key)
            await work.ends()
        assert work.done == [("timed", False), ("changed", True)]


async def test_any_number_of_failures_is_counted() -> None:
    queue: WorkQueue[str] = WorkQueue()
    assert {queue.retry("a") for _ in range(2000)} >= {LAST_RETRY}


async def test_success_forgets_the_failures() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.retry("a")
    queue.retry("a")
    queue.forget("a")
    assert queue.retry("a") == FIRST_RETRY


async def test_a_dropped_key_has_no_appointment_and_no_failures() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.retry("a")
    queue.retry("a")
    queue.drop("a")
    assert queue._timers == {}
    assert queue.retry("a") == FIRST_RETRY
    queue.drop("never seen")


async def test_a_key_that_was_dropped_can_come_again() -> None:
    queue: WorkQueue[str] = WorkQueue()
    async with Work(queue) as work:
        queue.add_after("a", 300)
        queue.drop("a")
        queue.add("a")
        assert await work.ends() == "a"


async def test_a_change_that_came_during_the_last_work_is_not_dropped_with_the_key() -> None:
    """Else somebody who opts in again while the opt-out is worked on would not be heard."""
    queue: WorkQueue[str] = WorkQueue()
    async with Work(queue) as work:
        queue.add("a")
        queue.drop("a")
        assert await work.ends() == "a"


async def test_a_worker_that_crashes_does_not_leave_its_key_behind() -> None:
    queue: WorkQueue[str] = WorkQueue()

    async def crash(_key: str, _changed: bool) -> None:  # noqa: FBT001 - the queue's signature
        raise RuntimeError("boom")

    await ended(queue, crash, "boom")
    async with Work(queue) as work:
        queue.add("a")
        assert await work.ends() == "a"


async def ended(queue: WorkQueue[str], handle: Callable[[str, bool], Awaitable[None]], why: str) -> None:
    queue.add("a")
    with pytest.raises(RuntimeError, match=why):
        await asyncio.wait_for(queue.work(handle), DEADLINE)


async def test_an_idle_queue_holds_nothing() -> None:
    queue: WorkQueue[str] = WorkQueue()
    async with Work(queue) as work:
        for key in "abc":
            queue.add(key)
        for _ in "abc":
            await work.ends()
        queue.add("last")
        await work.ends()
        await asyncio.sleep(0)
        assert len(queue) == 0
        assert not queue._dirty
        assert not queue._changed
        assert not queue._failures


def tenant(key: str) -> str:
    return key[0]


async def test_a_tenant_whose_work_hangs_leaves_workers_for_others() -> None:
    queue: WorkQueue[str] = WorkQueue(tenant=tenant)
    async with Work(queue, workers=10) as work:
        work.hold()
        for number in range(40):
            queue._ring(f"a{number}")
        begun = [await work.begins() for _ in range(5)]
        assert {tenant(key) for key in begun} == {"a"}
        queue._ring("b0")
        assert await work.begins() == "b0"
        queue._ring("c0")
        assert await work.begins() == "c0"
        assert work.running == 7
        work.let_go()
        for _ in range(42):
            await work.ends()
    assert not +queue._at_work


async def test_several_whose_work_hangs_leave_workers_for_the_next() -> None:
    queue: WorkQueue[str] = WorkQueue(tenant=tenant)
    async with Work(queue, workers=32) as work:
        work.hold()
        for name in "abcde":
            for number in range(40):
                queue._ring(f"{name}{number}")
        begun = [tenant(await work.begins()) for _ in range(25)]
        assert sorted(begun) == sorted("abcde" * 5)
        queue._ring("z0")
        assert await work.begins() == "z0"
        work.let_go()
        for _ in range(201):
            await work.ends()


async def test_tenants_that_wait_take_turns() -> None:
    queue: WorkQueue[str] = WorkQueue(tenant=tenant)
    for key in ("a1", "a2", "a3", "b1", "b2", "c1"):
        queue._ring(key)
    async with Work(queue) as work:
        assert [await work.ends() for _ in range(6)] == ["a1", "b1", "c1", "a2", "b2", "a3"]


async def test_one_tenant_alone_is_worked_for_by_a_single_worker_too() -> None:
    queue: WorkQueue[str] = WorkQueue(tenant=tenant)
    async with Work(queue) as work:
        queue.add("a")
        assert await work.ends() == "a"
