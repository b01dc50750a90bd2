"""How long all commands of one look may take, and which pods are not worth another one.

In a pod that cannot be reached, such as one whose node has died, each command takes all the time that it is given. So
where a prompt one gets no answer, and no other has got one, the pod is silent: what still runs there ends, and nothing
more is asked of it within that look.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Patience:
    seconds: float
    until: float
    lost: int = 0
    """Commands that did not end in time."""
    spared: int = 0
    """Commands that were not run, since the pod is silent."""
    silent: set[str] = field(default_factory=set)
    """The names of these pods."""
    _heard: set[str] = field(default_factory=set)
    _running: defaultdict[str, set[asyncio.Timeout]] = field(default_factory=lambda: defaultdict(set))

    @contextmanager
    def waiting(self, pod: str, limit: asyncio.Timeout) -> Iterator[None]:
        """While a command runs there, which ends with its limit."""
        self._running[pod].add(limit)
        try:
            yield
            self._heard.add(pod)
        finally:
            self._running[pod].discard(limit)

    def unanswered(self, pod: str) -> None:
        """A command that takes no time at all got no answer."""
        if pod in self._heard:
            return
        self.silent.add(pod)
        now = asyncio.get_running_loop().time()
        for limit in self._running[pod]:
            if not limit.expired():
                limit.reschedule(now)


_patience: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patience(seconds: float, silent: Iterable[str] = ()) -> Iterator[Patience]:
    """For what is run inside, also in tasks that begin there. `silent`: pods that are not asked, as a moment ago."""
    shared = Patience(seconds, asyncio.get_running_loop().time() + seconds, silent=set(silent))
    token = _patience.set(shared)
    try:
        yield shared
    finally:
        _patience.reset(token)


def current() -> Patience | None:
    """None: what is run now is part of no look."""
    return _patience.get()


def is_silent(pod: str) -> bool:
    shared = current()
    return shared is not None and pod in shared.silent
