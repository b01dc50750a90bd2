"""What one whole repair costs the members and the API server: counted in its audit log."""

import asyncio
from collections import Counter

from bench import workloads
from bench.numbers import median
from bench.results import Result, at_most
from bench.stage import OPERATOR, Stage, stage
from bench.telling import tell
from scenarios import manifests

_GOAL = 30
"""Of commands for each member. A real one takes about 1.2 seconds of a processor in its pod."""
_MEMBERS = 3
_YOUTH = 60
"""Seconds that the operator gives new members to find each other by themselves."""


async def measure(*, quick: bool) -> list[Result]:
    """From three lone members to one cluster of new ones with rights, address and no old names."""
    async with stage("burden") as at:
        names = [f"emqx-{n}" for n in range(1 if quick else 3)]
        tell(f"burden: {len(names)} repairs of {_MEMBERS} members, one after the other")
        await at.apply(workloads.surroundings(at.namespace, names))
        counts = [await _repaired(at, name) for name in names]
    title = f"emqx_ctl for each of {_MEMBERS} members in a repair with its rollout"
    calls = [count["emqx_ctl"] / _MEMBERS for count in counts]
    beside = {kind: round(median([count[kind] for count in counts])) for kind in ("pulses", "requests")}
    return [
        at_most(title, median(calls), _GOAL, "calls", repairs=[dict(count) for count in counts]),
        Result("the same repair", f"{beside['pulses']} pulses, {beside['requests']} requests in all"),
    ]


async def _repaired(at: Stage, name: str) -> Counter[str]:
    lone = workloads.workload(at.namespace, name, replicas=_MEMBERS, address=manifests.DEAD_PROXY)
    await at.apply([lone])
    await at.until_ready(_MEMBERS)
    await asyncio.sleep(_YOUTH)
    at.trail.clear()
    await at.annotate(name, mode="Repair")
    await at.until_well(1)
    asked = at.trail.select(lambda r: r.user == OPERATOR and r.namespace == at.namespace)
    count = Counter(
        emqx_ctl=sum(r.is_emqx_ctl for r in asked),
        pulses=sum(r.command[:1] == ("grep",) for r in asked),
        requests=len(asked),
    )
    tell(f"burden: {count['emqx_ctl']} calls of emqx_ctl and {count['pulses']} pulses")
    await at.delete(name)
    await at.quiet()
    return count
