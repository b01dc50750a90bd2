"""How much longer gathering three lone members takes than its own `emqx_ctl` calls."""

import asyncio

from bench import workloads
from bench.numbers import covered, median
from bench.results import Result, at_most
from bench.stage import ADMIN, OPERATOR, Stage, stage
from bench.telling import tell
from bench.trail import Request
from scenarios import manifests

_GOAL = 1.5
_MEMBERS = 3
_YOUTH = 60
"""Seconds that the operator gives new members to find each other by themselves."""
_JOIN = ("emqx_ctl", "cluster", "join")


async def measure(*, quick: bool) -> list[Result]:
    count = 2 if quick else 6
    async with stage("gathering") as at:
        names = [f"emqx-{n}" for n in range(count)]
        tell(f"gathering: {count} workloads of {_MEMBERS} lone members")
        await at.apply(workloads.surroundings(at.namespace, names))
        bodies = [_lone(at.namespace, name) for name in names]
        await at.apply(bodies)
        await at.until_ready(count * _MEMBERS)
        await asyncio.sleep(_YOUTH)
        await at.quiet()
        runs = [await _gathered(at, name) for name in names]
    took, calls, at_work = zip(*runs, strict=True)
    joins = [sum(r.answered - r.received for r in c if r.command[:3] == _JOIN) for c in calls]
    by_joins = [t / j for t, j in zip(took, joins, strict=True)]
    sums = [t / sum(r.answered - r.received for r in c) for t, c in zip(took, calls, strict=True)]
    paths = [t / w for t, w in zip(took, at_work, strict=True)]
    details = {"seconds": [round(t, 2) for t in took], "calls": [len(c) for c in calls]}
    title = "annotate → one cluster of 3 by gathering"
    return [
        at_most(f"{title}, by the sum of its emqx_ctl calls", median(sums), _GOAL, "× calls", **details),
        at_most(f"{title}, by the time in which any call runs", median(paths), _GOAL, "× calls"),
        Result(f"{title}, by its two joins", f"{median(by_joins):.2f} × joins", details={"joins": joins}),
    ]


def _lone(namespace: str, name: str) -> workloads.Object:
    return workloads.workload(namespace, name, replicas=_MEMBERS, address=manifests.DEAD_PROXY)


async def _gathered(at: Stage, name: str) -> tuple[float, list[Request], float]:
    """Seconds until the last join was over, the calls until then, and how long any of them ran."""
    at.trail.clear()
    await at.annotate(name, mode="Repair")
    begin, *_ = await at.seen(lambda r: r.user == ADMIN and (r.verb, r.name) == ("patch", name))
    joins = await at.seen(lambda r: r.command[:3] == _JOIN, count=_MEMBERS - 1)
    end = max(r.answered for r in joins)
    calls = at.trail.select(lambda r: r.user == OPERATOR and r.is_emqx_ctl and r.answered <= end)
    await at.delete(name)
    await at.quiet()
    took = end - begin.answered
    tell(f"gathering: {took:.1f} s with {len(calls)} calls of emqx_ctl")
    return took, calls, covered((r.received, r.answered) for r in calls)
