"""The log of one run of a container: bounded, each line with its time, readable while it grows."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MAX_LINES = 2000


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    text: str

    def encode(self, *, timestamps: bool) -> bytes:
        stamp = self.at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ") if timestamps else ""
        return f"{stamp}{self.text}\n".encode()


class LogBuffer:
    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=MAX_LINES)
        self._written = 0
        self._closed = False
        self._wakeups: set[asyncio.Event] = set()

    def write(self, text: str) -> None:
        now = datetime.now(UTC)
        for line in text.split("\n"):
            self._lines.append(Line(now, line))
            self._written += 1
        self._wake()

    def close(self) -> None:
        """The process has ended: followers get the rest and then the end."""
        self._closed = True
        self._wake()

    @property
    def written(self) -> int:
        """How many lines there have been, dropped ones included: a mark to follow from."""
        return self._written

    def lines(self) -> list[Line]:
        return list(self._lines)

    async def follow(self, mark: int) -> AsyncIterator[Line]:
        """Yield the lines written since the mark and from now on, until the process ends."""
        wakeup = asyncio.Event()
        self._wakeups.add(wakeup)
        try:
            while True:
                wakeup.clear()
                missed = min(self._written - mark, len(self._lines))
                mark = self._written
                for line in self.lines()[len(self._lines) - missed :]:
                    yield line
                if mark == self._written:
                    if self._closed:
                        return
                    await wakeup.wait()
        finally:
            self._wakeups.discard(wakeup)

    def _wake(self) -> None:
        for wakeup in self._wakeups:
            wakeup.set()


@dataclass(frozen=True, slots=True)
class LogOptions:
    """The query of /containerLogs, as PodLogOptions spells it."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: datetime | None = None
    limit_bytes: int | None = None

    @staticmethod
    def parse(query: Mapping[str, str], now: datetime) -> "LogOptions":
        """Read the query; raises ValueError on a malformed number or time."""
        since = datetime.fromisoformat(query["sinceTime"]) if query.get("sinceTime") else None
        if query.get("sinceSeconds"):
            since = now - timedelta(seconds=int(query["sinceSeconds"]))
        return LogOptions(
            follow=_flag(query, "follow"),
            previous=_flag(query, "previous"),
            timestamps=_flag(query, "timestamps"),
            tail=int(query["tailLines"]) if query.get("tailLines") else None,
            since=since,
            limit_bytes=int(query["limitBytes"]) if query.get("limitBytes") else None,
        )


async def read(buffer: LogBuffer, options: LogOptions) -> AsyncIterator[bytes]:
    """Yield the lines that the options ask for, cut at `limit_bytes`."""
    left = options.limit_bytes
    async for line in _select(buffer, options):
        data = line.encode(timestamps=options.timestamps)
        if left is not None:
            data = data[:left]
            left -= len(data)
        yield data
        if left == 0:
            return


async def _select(buffer: LogBuffer, options: LogOptions) -> AsyncIterator[Line]:
    mark = buffer.written
    kept = [line for line in buffer.lines() if options.since is None or line.at >= options.since]
    if options.tail is not None:
        kept = kept[len(kept) - min(options.tail, len(kept)) :]
    for line in kept:
        yield line
    if options.follow:
        async for line in buffer.follow(mark):
            yield line


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "") in ("true", "1")
