"""A whole fleet: a cold start with all its workloads, what it costs while nothing happens, and a restart."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from bench import growth
from bench.footprint import cpu_seconds, resident
from bench.results import Result, at_most
from bench.stage import OPERATOR, Stage, stage, until
from bench.telling import tell
from bench.trail import Request
from scenarios.story import Story
from siege.neighbours import Reactions, net, percentile

_EACH = 25
"""Workloads in one namespace: all of a tenant's share a few of the operator's workers."""
_IDLE_SECONDS = 120
_SETTLING = 60
_BURST = 10
"""Seconds."""
_FIRST = 1
"""The first reaction after a restart waited for the operator to start."""
_NEIGHBOUR, _REACTIONS, _REACTION = "neighbour", 60, 2.0
_COLD_SECONDS, _MEBIBYTES, _IDLE_SHARE, _ENDING_SECONDS = 60, 150, 0.10, 2


@dataclass(frozen=True, slots=True)
class _Start:
    """`seconds` on the clock, of which the operator itself computed `cpu`."""

    seconds: float
    cpu: float
    requests: Sequence[Request]

    @property
    def told(self) -> dict[str, object]:
        execs = [request for request in self.requests if request.subresource == "exec"]
        return {
            "seconds": round(self.seconds, 1),
            "processor_seconds": round(self.cpu, 1),
            "requests": len(self.requests),
            "execs": len(execs),
            "emqx_ctl": sum(request.is_emqx_ctl for request in execs),
        }


@dataclass(frozen=True, slots=True)
class _Waits:
    """For a neighbour's changes to be noticed, in seconds; `net`: without what the operator waited for a processor.

    `changing`: what the API server took for each change itself.
    """

    seconds: Sequence[float]
    net: Sequence[float]
    changing: Sequence[float]

    @classmethod
    def of(cls, reactions: Reactions, *, since: int = 0) -> Self:
        seconds, starved = reactions.seconds[since:], reactions.starved[since:]
        return cls(seconds, net(seconds, starved), reactions.changing[since:])

    @property
    def told(self) -> dict[str, float]:
        shares = {"p50": percentile(self.seconds, 0.5), "p99": percentile(self.seconds, 0.99)}
        beside = {"net_p99": percentile(self.net, 0.99), "changing_p99": percentile(self.changing, 0.99)}
        return {"changes": len(self.seconds), **shares, **beside}


async def measure(*, quick: bool) -> list[Result]:
    count = 2 if quick else 40
    named = f"{count * _EACH} workloads of {growth.MEMBERS}"
    async with stage("fleet-00") as at:
        tenants = [replace(at, namespace=f"fleet-{n:02}") for n in range(count)]
        reactions = await _neighbour(at)
        tell(f"fleet: {_REACTIONS} changes of one workload alone")
        alone = await _waits(reactions)
        await _halt(at)
        await growth.grow(tenants, _EACH, growth.enrolled)
        results = [
            await _cold(at, tenants, named),
            at_most(f"resident memory, {named}", resident(at.operator.process.pid), _MEBIBYTES, "MiB"),
            await _idle(at, named),
        ]
        tell(f"fleet: {_REACTIONS} changes of one workload beside {named} that are left alone")
        waits = {"alone": alone, "left alone": await _waits(reactions)}
        return [*results, *await _again(at, tenants, reactions, waits, named)]


async def _neighbour(at: Stage) -> Reactions:
    await at.kube.create("/api/v1/namespaces", {"metadata": {"name": _NEIGHBOUR}})
    story = Story(at.sandbox, at.kube, at.control, _NEIGHBOUR)
    reactions = Reactions(story, pid=lambda: at.operator.process.pid)
    await reactions.prepare()
    return reactions


async def _waits(reactions: Reactions) -> _Waits:
    reactions.forget()
    for _ in range(_REACTIONS):
        await reactions.once()
    return _Waits.of(reactions)


async def _halt(at: Stage) -> float:
    """Seconds from SIGTERM until the process has ended."""
    began = time.monotonic()
    at.operator.process.terminate()
    await asyncio.to_thread(at.operator.process.wait)
    return time.monotonic() - began


async def _cold(at: Stage, tenants: Sequence[Stage], named: str) -> Result:
    async def all_well() -> bool:
        for tenant in tenants:
            await tenant.until_well(_EACH, seconds=growth.SECONDS)
        return True

    start = await _started(at, all_well)
    title = f"cold start of {named}: processor time until each status is right"
    return at_most(title, start.cpu, _COLD_SECONDS, "s", **start.told)


async def _again(
    at: Stage, tenants: Sequence[Stage], reactions: Reactions, waits: Mapping[str, _Waits], named: str
) -> list[Result]:
    """A restart beside statuses that say that all is well, and a neighbour while each of them is verified."""
    ending = await _halt(at)

    async def each_seen() -> bool:
        """No status changes, so the trail has to tell."""
        views = at.trail.select(lambda request: request.is_view and request.namespace != _NEIGHBOUR)
        return len({(r.namespace, r.name.rsplit("-", 2)[0]) for r in views}) == len(tenants) * _EACH

    reactions.forget()
    changing = asyncio.create_task(reactions.go_on())
    start = await _started(at, each_seen)
    changing.cancel()
    requests = [request for request in start.requests if request.namespace != _NEIGHBOUR]
    writes = [f"{r.verb} {r.resource}/{r.subresource} {r.name}" for r in requests if r.writes]
    first = min(request.received for request in requests)
    burst = sum(r.subresource == "exec" and r.received < first + _BURST for r in requests)
    return [
        at_most(f"SIGTERM → the process has ended, {named}", ending, _ENDING_SECONDS, "s"),
        at_most(
            f"writes after a restart beside {named}", len(writes), 0, "", writes=writes[:20], **start.told
        ),
        _compared({**waits, "verified": _Waits.of(reactions, since=_FIRST)}, named),
        Result(f"commands in members within the first {_BURST} s of it", f"{burst / _BURST:.0f} each second"),
    ]


def _compared(waits: Mapping[str, _Waits], named: str) -> Result:
    """Without what the operator waited for a processor: this machine also runs all members that it looks after."""
    title = f"p99 of the reaction to one workload while {named} are verified"
    verified, alone = (percentile(waits[name].net, 0.99) for name in ("verified", "alone"))
    details = {name: each.told for name, each in waits.items()}
    return at_most(title, verified / alone, _REACTION, "× alone", **details)


async def _started(at: Stage, is_done: Callable[[], Awaitable[bool]]) -> _Start:
    tell("fleet: the operator starts")
    at.trail.clear()
    began = time.monotonic()
    at.operator.again()
    await until("each workload looked at", is_done, seconds=growth.SECONDS, poll=1)
    requests = at.trail.select(lambda request: request.user == OPERATOR)
    return _Start(time.monotonic() - began, cpu_seconds(at), requests)


async def _idle(at: Stage, named: str) -> Result:
    await asyncio.sleep(_SETTLING)
    tell(f"fleet: nothing happens for {_IDLE_SECONDS} s")
    at.trail.clear()
    before, began = cpu_seconds(at), time.monotonic()
    await asyncio.sleep(_IDLE_SECONDS)
    share = (cpu_seconds(at) - before) / (time.monotonic() - began)
    requests = at.trail.select(lambda request: request.user == OPERATOR)
    pulses = sum(request.command[:1] == ("grep",) for request in requests)
    details = {"requests": len(requests), "pulses": pulses, "writes": sum(r.writes for r in requests)}
    return at_most(f"processor while nothing happens, {named}", share, _IDLE_SHARE, "of a core", **details)
