"""Readiness, liveness and startup probes: asked of the program, counted as a kubelet counts them."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

from .api import Json
from .commands import Given, Streams
from .container import CommandNotFound, Refused, pace
from .process import Process


@dataclass(slots=True)
class Counter:
    """Turns single results into a verdict by failureThreshold and successThreshold."""

    success_threshold: int
    failure_threshold: int
    _last: bool | None = None
    _run: int = 0

    def count(self, *, success: bool) -> bool | None:
        """Give the verdict that this result completes, None while a threshold is not reached."""
        self._run = self._run + 1 if success is self._last else 1
        self._last = success
        needed = self.success_threshold if success else self.failure_threshold
        return success if self._run >= needed else None


async def verdicts(probe: Json, container: Json, process: Process) -> AsyncIterator[bool]:
    """Probe for as long as somebody asks; yields whenever a threshold is reached."""
    counter = Counter(probe.get("successThreshold", 1), probe.get("failureThreshold", 3))
    own = pace(process.world.switches)
    period = probe.get("periodSeconds", 10) * own
    await asyncio.sleep(probe.get("initialDelaySeconds", 0) * own + _first_tick(process) * period)
    while True:
        verdict = counter.count(success=await succeeds(probe, container, process))
        if verdict is not None:
            yield verdict
        await asyncio.sleep(period)


def _first_tick(process: Process) -> float:
    """At which part of a period after the container's start the first tick falls.

    A kubelet's ticks begin with the pod, before its container was made, and how long that takes is chance: in step with
    the start all races between becoming Ready and joining would always end alike. But it is alike for the pods of one
    ReplicaSet: real ones that were started at once found each other, 14 times of 14.
    """
    made_alike = process.world.pod.rpartition("-")[0]
    return random.Random(f"{process.world.namespace}/{made_alike}").random()


async def succeeds(probe: Json, container: Json, process: Process) -> bool:
    """Ask once."""
    try:
        if "httpGet" in probe:
            answer = process.program.http(
                _port(probe["httpGet"]["port"], container), probe["httpGet"].get("path") or "/"
            )
            return 200 <= answer.status < 400
        if "tcpSocket" in probe:
            return process.program.listens(_port(probe["tcpSocket"]["port"], container))
        if "grpc" in probe:
            return process.program.listens(probe["grpc"]["port"])
        return await _command(probe["exec"]["command"], process, probe.get("timeoutSeconds", 1)) == 0
    except (Refused, CommandNotFound, TimeoutError):
        return False


async def _command(command: list[str], process: Process, seconds: float) -> int:
    async with asyncio.timeout(seconds):
        return await process.execute(command, Streams(Given(), _drop, _drop))


def _drop(_: bytes) -> None:
    """Nobody reads a probe's output."""


def _port(port: int | str, container: Json) -> int:
    if isinstance(port, int):
        return port
    for declared in container.get("ports") or ():
        if declared.get("name") == port:
            return int(declared["containerPort"])
    raise Refused(port)
