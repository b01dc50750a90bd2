"""A whole fleet: a cold start with all its workloads, what it costs while nothing happens, and a restart."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from bench import workloads
from bench.footprint import cpu_seconds, resident
from bench.results import Result, at_most
from bench.stage import MODE, OPERATOR, Stage, stage, until
from bench.telling import tell
from bench.trail import Request

_MEMBERS = 3
_MIN_READY = 20
"""Less would not be healthy."""
_IDLE_SECONDS = 120
_GROWING = 3600
_GOALS = {"cold start": 60.0, "memory": 150.0, "idle": 0.10}


@dataclass(frozen=True, slots=True)
class _Start:
    """`seconds` on the clock, of which the operator itself computed `cpu`."""

    seconds: float
    cpu: float
    requests: tuple[Request, ...]


async def measure(*, quick: bool) -> list[Result]:
    size = 30 if quick else 1000
    async with stage("fleet") as at:
        await _halt(at)
        await _grow(at, size)
        cold = await _started(at, size)
        named = f"{size} workloads of {_MEMBERS}"
        results = [
            at_most(
                f"cold start of {named}, processor time", cold.cpu, _GOALS["cold start"], "s", **_told(cold)
            ),
            at_most(f"resident memory, {named}", resident(at.operator.process.pid), _GOALS["memory"], "MiB"),
            await _idle(at, named),
        ]
        await _halt(at)
        again = await _started(at, size)
        return [*results, *_restart(again, named)]


async def _grow(at: Stage, size: int) -> None:
    names = [f"emqx-{n:04}" for n in range(size)]
    tell(f"fleet: {size} workloads of {_MEMBERS} members")
    await at.control.namespace(at.namespace, ctl_seconds="0.1")
    await at.apply(workloads.surroundings(at.namespace, names))
    await at.apply(workloads.rights(at.namespace, names))
    await at.apply([_enrolled(at.namespace, name) for name in names])
    await at.until_ready(size, seconds=_GROWING)
    tell(f"fleet: the first member of each of {size} is Ready")
    # One after the other: members that start together may not find each other.
    for name in names:
        await at.scale(name, _MEMBERS)
    await at.until_available(size, seconds=_GROWING)


def _enrolled(namespace: str, name: str) -> workloads.Object:
    body = workloads.workload(namespace, name, min_ready=_MIN_READY)
    body["metadata"]["annotations"] = {MODE: "Observe"}
    return body


async def _halt(at: Stage) -> None:
    at.operator.process.terminate()
    await asyncio.to_thread(at.operator.process.wait)


async def _started(at: Stage, size: int) -> _Start:
    """From the start of the process until every status says that all is well, as this process saw it."""
    tell(f"fleet: the operator starts beside {size} workloads")
    at.trail.clear()
    began = time.monotonic()
    at.operator.again()

    async def all_seen() -> bool:
        views = at.trail.select(lambda r: r.user == OPERATOR and r.is_view and r.received)
        return len({r.name.rsplit("-", 2)[0] for r in views}) == size

    await until(f"a view of each of {size} workloads", all_seen, seconds=1800, poll=1)
    await at.until_well(size, seconds=600)
    requests = tuple(at.trail.select(lambda r: r.user == OPERATOR))
    return _Start(time.monotonic() - began, cpu_seconds(at), requests)


async def _idle(at: Stage, named: str) -> Result:
    await asyncio.sleep(30)
    tell(f"fleet: idle for {_IDLE_SECONDS} s")
    at.trail.clear()
    before, began = cpu_seconds(at), time.monotonic()
    await asyncio.sleep(_IDLE_SECONDS)
    share = (cpu_seconds(at) - before) / (time.monotonic() - began)
    requests = at.trail.select(lambda r: r.user == OPERATOR)
    pulses = sum(r.command[:1] == ("grep",) for r in requests)
    details = {"requests": len(requests), "pulses": pulses, "writes": sum(r.writes for r in requests)}
    return at_most(f"idle CPU, {named}", share, _GOALS["idle"], "of a core", **details)


def _restart(again: _Start, named: str) -> list[Result]:
    writes = [r for r in again.requests if r.writes and r.resource != "leases"]
    return [
        at_most(f"writes after a restart beside {named}", len(writes), 0, "", **_told(again)),
    ]


def _told(start: _Start) -> dict[str, object]:
    execs = sum(r.subresource == "exec" for r in start.requests)
    return {
        "seconds": round(start.seconds, 1),
        "cpu": round(start.cpu, 1),
        "execs": execs,
        "requests": len(start.requests),
    }


__all__ = ["Path", "measure"]
