"""Many workloads, each one healthy cluster: what a fleet is measured with."""

import asyncio
from collections.abc import Callable, Sequence

from bench import workloads
from bench.stage import MODE, Stage
from bench.telling import tell
from bench.workloads import Object

MEMBERS = 3
MIN_READY = 20
"""Less would not be healthy."""
SECONDS = 3600
_AT_A_TIME = 4
"""Namespaces: what they wait for is mostly time."""


async def grow(tenants: Sequence[Stage], each: int, enrolled: Callable[[str, str], Object]) -> None:
    """`each`: workloads in one namespace; the first namespace is there already."""
    turns, grown = asyncio.Semaphore(_AT_A_TIME), 0

    async def one(at: Stage) -> None:
        nonlocal grown
        async with turns:
            await _grow(at, each, enrolled)
        grown += each
        tell(f"{grown} of {len(tenants) * each} workloads")

    for at in tenants[1:]:
        await at.kube.create("/api/v1/namespaces", {"metadata": {"name": at.namespace}})
    await asyncio.gather(*map(one, tenants))
    for at in tenants:
        await at.until_available(each, seconds=SECONDS)


async def _grow(at: Stage, each: int, enrolled: Callable[[str, str], Object]) -> None:
    names = [f"emqx-{n:02}" for n in range(each)]
    await at.control.namespace(at.namespace, ctl_seconds="0.1")
    await at.apply(workloads.surroundings(at.namespace, names))
    await at.apply(workloads.rights(at.namespace, names))
    await at.apply([enrolled(at.namespace, name) for name in names])
    await at.until_ready(each, seconds=SECONDS)
    # One after the other: members that start together may not find each other.
    for name in names:
        await at.scale(name, MEMBERS)
    await at.until_ready(each * MEMBERS, seconds=SECONDS)


def enrolled(namespace: str, name: str, mode: str = "Observe") -> Object:
    body = workloads.workload(namespace, name, min_ready=MIN_READY)
    body["metadata"]["annotations"] = {MODE: mode}
    return body
