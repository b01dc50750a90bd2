"""Situations that are made side by side, the next ones while one is looked at: what each waits for is time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from zlib import crc32

from story import Story

ROWS = 4
"""So many workers of pytest-xdist share the tests of a module that looks ahead."""
_AT_A_TIME = 6
"""In one row."""
Make = Callable[[str], AbstractAsyncContextManager[Story]]


def row(nodeid: str) -> int:
    """Which row a test is of: the same in each process."""
    return crc32(nodeid.encode()) % ROWS


@dataclass(slots=True)
class _Situation:
    made: asyncio.Future[Story] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    async def last(self, made: AbstractAsyncContextManager[Story]) -> None:
        """Until it was seen."""
        try:
            async with made as story:
                self.made.set_result(story)
                await self.seen.wait()
        except Exception as error:
            if self.made.done():
                raise
            self.made.set_exception(error)


class Ahead:
    """`async with Ahead(rows, make) as ahead`."""

    def __init__(self, rows: Mapping[str, int], make: Make) -> None:
        """`rows`: by name, in the order in which they will be asked for.

        `make` opens a situation by its name: its story stands at the moment that is to be looked at.
        """
        self._rows, self._make = rows, make
        self._begun: dict[str, _Situation] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [situation.task for situation in self._begun.values() if situation.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def at(self, name: str) -> AsyncIterator[Story]:
        """The story of that name; raises what went wrong when it was made."""
        mine = [each for each, row in self._rows.items() if row == self._rows[name]]
        place = mine.index(name)
        for each in mine[place : place + _AT_A_TIME]:
            self._begin(each)
        situation = self._begun[name]
        try:
            yield await situation.made
        finally:
            situation.seen.set()
            if situation.task:
                await situation.task

    def _begin(self, name: str) -> None:
        if name not in self._begun:
            situation = self._begun[name] = _Situation()
            situation.task = asyncio.create_task(situation.last(self._make(name)))
