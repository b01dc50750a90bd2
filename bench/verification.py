"""What looking after healthy workloads costs the API server: requests, and no writes."""

import asyncio
from collections import Counter

from bench import workloads
from bench.footprint import cpu_seconds
from bench.results import Result, at_most
from bench.stage import OPERATOR, Stage, stage, until
from bench.telling import tell
from bench.trail import Request
from scenarios import manifests

_MOST_REQUESTS = 8
_REPLICAS = 2
_OFTEN = 5
"""Seconds: no resource may ask for more."""
_PULSE, _PULSES = 3, 10
"""Seconds from one to the next, and how many are watched."""
_MIN_READY = 20
"""Less would not be healthy."""


async def measure(*, quick: bool) -> list[Result]:
    count, rounds = (10, 5) if quick else (50, 20)
    async with stage("verification") as at:
        await _prepare(at, count, f"{max(count // 8, _OFTEN)}s")
        tell(f"verification: {rounds} rounds of {count} healthy workloads")
        requests = await _watched(at, count, rounds)
        pulses = await _pulses(at, count)
    verifications = _verifications(requests)
    writes = [f"{r.verb} {r.resource}/{r.subresource} {r.name}" for r in requests if r.writes]
    title = f"{rounds} verification rounds of {count} healthy workloads"
    shown = f"{len(writes)} in {verifications} verifications"
    return [
        Result(f"writes over {title}", shown, "0", not writes, {"writes": writes[:20]}),
        at_most(
            "API requests for each of them",
            len(requests) / verifications,
            _MOST_REQUESTS,
            "",
            kinds=_kinds(requests),
        ),
        pulses,
    ]


async def _pulses(at: Stage, count: int) -> Result:
    """The sockets of all members, and nothing else, as often as they are looked at here."""
    tell(f"verification: {_PULSES} pulses of {count} healthy workloads")
    spec = {"verification": {"pulse": f"{_PULSE}s", "interval": "30m"}}
    for n in range(count):
        await at.tune(f"emqx-{n:02}", spec)
    await at.settled()
    before = cpu_seconds(at)
    at.trail.clear()
    await asyncio.sleep(_PULSE * _PULSES)
    requests = at.trail.select(lambda r: r.user == OPERATOR)
    share = (cpu_seconds(at) - before) / (_PULSE * _PULSES)
    taken = [r for r in requests if r.command[:1] == ("grep",)]
    each = len(requests) * _REPLICAS / max(len(taken), 1)
    title = f"API requests for each pulse of {_REPLICAS} members"
    per_second = len(taken) / (_PULSE * _PULSES)
    details = {"kinds": _kinds(requests), "cpu_share": share, "sockets_read_each_second": per_second}
    return at_most(title, each, _REPLICAS, "", **details)


def _verifications(requests: list[Request]) -> int:
    """The window cuts through some at both of its ends: each lists the pods once and asks one member once."""
    listed = sum(r.verb == "list" and r.resource == "pods" for r in requests)
    return max(listed, sum(r.is_view for r in requests))


def _kinds(requests: list[Request]) -> dict[str, int]:
    names = ("/".join(filter(None, (r.resource, r.subresource))) for r in requests)
    return dict(Counter(f"{r.verb} {name}" for r, name in zip(requests, names, strict=True)))


async def _prepare(at: Stage, count: int, interval: str) -> None:
    names = [f"emqx-{n:02}" for n in range(count)]
    tell(f"verification: {count} workloads of {_REPLICAS} members")
    await at.control.namespace(at.namespace, ctl_seconds="0.1")
    await at.apply(workloads.surroundings(at.namespace, names))
    await at.apply(workloads.rights(at.namespace, names))
    await at.apply([_tuned(at.namespace, name, interval) for name in names])
    # One after the other: members that start together may not find each other.
    await at.apply([workloads.workload(at.namespace, name, min_ready=_MIN_READY) for name in names])
    await at.until_ready(count)
    for name in names:
        await at.scale(name, _REPLICAS)
    await at.until_ready(count * _REPLICAS)
    for name in names:
        await at.annotate(name, mode="Repair")
    await at.until_well(count, seconds=200)
    await at.settled()


def _tuned(namespace: str, name: str, interval: str) -> workloads.Object:
    body = manifests.custom_resource(namespace, name=name, verification={"interval": interval})
    body["spec"]["targetRef"]["name"] = name
    return body


async def _watched(at: Stage, count: int, rounds: int) -> list[Request]:
    """All requests until each workload was verified so many times."""
    at.trail.clear()

    async def enough() -> bool:
        seen = [r.name.rsplit("-", 2)[0] for r in at.trail.select(lambda r: r.is_view)]
        return len(set(seen)) == count and all(seen.count(name) >= rounds for name in set(seen))

    await until(f"{rounds} rounds", enough, seconds=900, poll=2)
    return at.trail.select(lambda r: r.user == OPERATOR)
