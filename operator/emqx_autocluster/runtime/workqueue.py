"""A work queue of keys with the semantics of client-go's: every key is worked on by one worker at a time.

A key that is added while it waits is not queued twice; one that is added while it is being worked on runs
once more afterwards. Failing keys come back with exponential delay, and each key has at most one timer.

Workers are shared among tenants. Whoever has some at work, or as many as are idle, gets no more until one ends, so that
others are left even where several have work that hangs; and tenants that wait take turns.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

DEBOUNCE = 0.05
"""Seconds that a burst of events is given to end; a rollout brings several within milliseconds.

An annotation raises a Deployment's generation too, and a look before its controller has taken that in sees a rollout.
"""
TAKEN_IN = 0.005
"""The same once the controller has taken it in."""
FIRST_RETRY = 1.0
MOST_OF_ONE = 5
"""Workers for one tenant. They mostly wait, so there are many more; but all of them share one processor."""
LAST_RETRY = 60.0
"""No longer, since after an outage of the API server each workload waits for its own next try."""


class WorkQueue(Generic[K]):
    def __init__(
        self, jitter: random.Random | None = None, tenant: Callable[[K], Hashable] | None = None
    ) -> None:
        """`tenant`: whose a key is; without it all keys are equal."""
        self._tenant = tenant
        self._queues: dict[Hashable, deque[K]] = {}
        """Of each tenant that waits; the one whose turn is next stands first."""
        self._at_work: Counter[Hashable] = Counter()
        self._idle = 0
        self._news = asyncio.Event()
        self._waiting: dict[K, float] = {}
        """Since when, by the monotonic clock; the oldest first."""
        self._running: set[K] = set()
        self._dirty: set[K] = set()
        self._changed: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._jitter = jitter or random.Random()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)

    @property
    def waiting(self) -> int:
        """Keys whose time has come and that no worker has taken yet."""
        return len(self._waiting)

    @property
    def oldest(self) -> float:
        """Seconds for which the one waits that waits longest; 0: none waits."""
        since = next(iter(self._waiting.values()), None)
        return 0.0 if since is None else time.monotonic() - since

    def add(self, key: K, delay: float = DEBOUNCE) -> None:
        """Something about the key changed: work on it as soon as the burst is over."""
        self._changed.add(key)
        self._arm(key, delay)

    def add_after(self, key: K, delay: float, *, jitter: float = 0.0) -> None:
        """Look again later. An earlier appointment of the same key stands."""
        self._arm(key, delay * (1 + self._jitter.uniform(0, jitter)))

    def retry(self, key: K, *, changed: bool = False) -> float:
        """Put a failed key back, with what its failed work was for; returns the delay in seconds."""
        if changed:
            self._changed.add(key)
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(LAST_RETRY, FIRST_RETRY * float(2 ** min(failures - 1, 16)))
        self._arm(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """The key's last work went well."""
        self._failures.pop(key, None)

    def drop(self, key: K) -> None:
        """Nothing is left to do for the key, unless something about it changed since."""
        self.forget(key)
        timer = None if key in self._changed else self._timers.pop(key, None)
        if timer:
            timer.cancel()

    async def work(self, handle: Callable[[K, bool], Awaitable[None]]) -> None:
        """One worker, for ever. `handle` gets the key and whether something changed (or only its time had come)."""
        while True:
            key = await self._next()
            self._waiting.pop(key, None)
            self._running.add(key)
            changed = key in self._changed
            self._changed.discard(key)
            try:
                await handle(key, changed)
            finally:
                self._done(key)

    async def _next(self) -> K:
        self._idle += 1
        try:
            while (tenant := self._whose_turn()) is None:
                await self._news.wait()
            waiting = self._queues.pop(tenant)
            key = waiting.popleft()
            if waiting:
                self._queues[tenant] = waiting
            self._at_work[tenant] += 1
            return key
        finally:
            self._idle -= 1

    def _whose_turn(self) -> Hashable | None:
        most = min(MOST_OF_ONE, self._idle)
        entitled = (t for t in self._queues if self._tenant is None or self._at_work[t] < most)
        return next(entitled, None)

    def _done(self, key: K) -> None:
        self._running.discard(key)
        self._at_work[self._whose(key)] -= 1
        self._at_work += Counter()  # forgets those who have none
        self._wake()
        if key in self._dirty:
            self._dirty.discard(key)
            self._enqueue(key)

    def _arm(self, key: K, delay: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._ring, key)

    def _ring(self, key: K) -> None:
        self._timers.pop(key, None)
        self._enqueue(key)

    def _enqueue(self, key: K) -> None:
        if key in self._running:
            self._dirty.add(key)
        elif key not in self._waiting:
            self._waiting[key] = time.monotonic()
            self._queues.setdefault(self._whose(key), deque()).append(key)
            self._wake()

    def _whose(self, key: K) -> Hashable:
        return "" if self._tenant is None else self._tenant(key)

    def _wake(self) -> None:
        self._news.set()
        self._news.clear()
