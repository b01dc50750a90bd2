"""Slots for what takes long, shared among tenants: whoever waits for a hanging pod keeps nobody else waiting."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """At most `limit` at a time.

    A namespace gets no more while it holds as many as are free, and a workload no second one while it holds half as
    many: some are always left for others, and one alone still gets a good part.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._held: Counter[tuple[str, ...]] = Counter()
        self._news = asyncio.Event()

    @asynccontextmanager
    async def slot(self, namespace: str, workload: str) -> AsyncIterator[None]:
        tenants = (namespace,), (namespace, workload)
        while not self._is_entitled(*tenants):
            await self._news.wait()
        self._free -= 1
        self._held.update(tenants)
        try:
            yield
        finally:
            self._free += 1
            self._held.subtract(tenants)
            self._held += Counter()  # forgets those who hold none
            self._news.set()
            self._news.clear()

    def _is_entitled(self, namespace: tuple[str, ...], workload: tuple[str, ...]) -> bool:
        own = self._held[workload]
        return self._held[namespace] < self._free and (not own or own < self._free // 2)
