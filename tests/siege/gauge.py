"""What the operator's process costs, as /proc tells it, and the two ways in which Kubernetes would end it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from running import RunningOperator

LIMIT = 256
"""MiB: what its container may have resident. At more the kernel ends it."""
_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK = 0.1
_PROBE, _PATIENCE, _FAILURES = 5.0, 5.0, 6
"""Seconds, as in deploy/: six probes in a row without an answer, and it is ended."""


@dataclass(slots=True)
class Gauge:
    """Of one process at a time, and of those that were started after it."""

    operator: RunningOperator
    deaths: list[str] = field(default_factory=list)
    peak: float = 0.0
    """MiB, since `reset`."""
    slowest: float = 0.0
    """Seconds that /healthz took, since `reset`."""
    _silent: int = 0

    @property
    def pid(self) -> int:
        return self.operator.process.pid

    @property
    def cpu(self) -> float:
        """Seconds since its start; 0 where it is gone."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def reset(self) -> None:
        self.peak = self.slowest = 0.0
        try:
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # the kernel's own peak begins anew
        except OSError:
            return

    async def watch(self) -> None:
        """Counts a death where there is one, and makes one where the kernel would."""
        while True:
            self._look()
            await asyncio.sleep(_LOOK)

    async def probe(self) -> None:
        """As the kubelet does."""
        timeout = aiohttp.ClientTimeout(total=_PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                began = time.monotonic()
                answered = await self._answers(session)
                self.slowest = max(self.slowest, time.monotonic() - began)
                self._silent = 0 if answered else self._silent + 1
                if self._silent >= _FAILURES:
                    self._end(f"/healthz did not answer {_FAILURES} times in a row")
                await asyncio.sleep(_PROBE)

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        port = health_port(self.operator)
        if port is None:
            return True  # it starts
        try:
            async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _look(self) -> None:
        code = self.operator.process.poll()
        if code is not None:
            self._end(f"it ended with exit code {code}")
            return
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return
        fields = dict(line.split(":", 1) for line in status.splitlines())
        if "VmHWM" in fields:
            self.peak = max(self.peak, int(fields["VmHWM"].split()[0]) / 1024)
        if self.peak > LIMIT:
            self._end(f"it had {self.peak:.0f} MiB, more than {LIMIT}")

    def _end(self, why: str) -> None:
        """And begins anew, as Kubernetes does."""
        self.deaths.append(why)
        self.restart()

    def restart(self) -> None:
        self.operator.process.kill()
        self.operator.process.wait()
        self.operator.again()
        self._silent, self.peak = 0, 0.0


def health_port(operator: RunningOperator) -> int | None:
    """The last that its log tells."""
    said = "health endpoints on port "
    log = operator.log.read_text(errors="replace")
    found = log.rpartition(said)[2] if said in log else ""
    return int(found.partition(",")[0]) if found.partition(",")[0].isdigit() else None


@asynccontextmanager
async def gauged(operator: RunningOperator) -> AsyncIterator[Gauge]:
    gauge = Gauge(operator)
    tasks = [asyncio.create_task(gauge.watch()), asyncio.create_task(gauge.probe())]
    try:
        yield gauge
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
