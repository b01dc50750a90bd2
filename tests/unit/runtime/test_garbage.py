"""What lasts is looked through seldom, and no garbage stays for good."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from emqx_autocluster.runtime import garbage

NEVER = 3600.0


class Link:
    """One that keeps itself alive."""

    def __init__(self) -> None:
        self.own = self


@asynccontextmanager
async def collected(every: float) -> AsyncIterator[None]:
    task = asyncio.create_task(garbage.collect(every))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_a_whole_collection_leaves_is_not_looked_through_until_all_ends() -> None:
    lasting = Link()
    async with collected(NEVER):
        gc.collect()
        assert gc.get_freeze_count()
        assert not any(each is lasting for each in gc.get_objects())
    assert not gc.get_freeze_count()
    gc.collect()
    assert not gc.get_freeze_count()


@pytest.mark.parametrize("every", [NEVER, 0.0])
async def test_what_is_garbage_later_is_found_once_all_is_looked_through_again(every: float) -> None:
    link = Link()
    alive = weakref.ref(link)
    async with collected(every):
        gc.collect()
        del link
        gc.collect()
        assert alive(), "it was set aside"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (alive() is None) == (every < NEVER)


async def test_young_garbage_goes_at_once() -> None:
    async with collected(NEVER):
        gc.collect()
        link = Link()
        alive = weakref.ref(link)
        del link
        gc.collect(0)
        assert alive() is None
