"""Slots for what takes long, shared among tenants: whoever waits for a hanging pod keeps nobody else waiting."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_Tenant = tuple[str, str]
"""A namespace, and a workload in it."""


class Turns:
    """At most `limit` at a time.

    A namespace gets no more while it holds as many as are free, and a workload no second one while it holds half as
    many: some are always left for others, and one alone still gets a good part. Workloads that wait take turns.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._held: Counter[str | _Tenant] = Counter()
        self._queues: dict[_Tenant, deque[asyncio.Future[None]]] = {}
        """Of each workload that waits; the one whose turn is next stands first. None of them is entitled to a slot."""

    @asynccontextmanager
    async def slot(self, namespace: str, workload: str) -> AsyncIterator[None]:
        tenant = namespace, workload
        if self._is_entitled(tenant):
            self._take(tenant)
        else:
            await self._wait(tenant)
        try:
            yield
        finally:
            self._give_back(tenant)

    async def _wait(self, tenant: _Tenant) -> None:
        """A slot is handed over by whoever gives it back: a thousand who wait would else wake up for each."""
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(tenant, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # handed over in the same moment
                self._give_back(tenant)
            raise

    def _take(self, tenant: _Tenant) -> None:
        self._free -= 1
        self._held.update((tenant[0], tenant))

    def _give_back(self, tenant: _Tenant) -> None:
        self._free += 1
        self._held.subtract((tenant[0], tenant))
        self._held += Counter()  # forgets those who hold none
        while (following := next(filter(self._is_entitled, self._queues), None)) is not None:
            self._hand_over(following)

    def _hand_over(self, tenant: _Tenant) -> None:
        waiting = self._queues.pop(tenant)
        turn = waiting.popleft()
        if waiting:
            self._queues[tenant] = waiting
        if not turn.cancelled():
            self._take(tenant)
            turn.set_result(None)

    def _is_entitled(self, tenant: _Tenant) -> bool:
        own = self._held[tenant]
        return self._held[tenant[0]] < self._free and (not own or own < self._free // 2)
