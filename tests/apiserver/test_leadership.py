"""Who acts: the Lease on a real API server, with candidates whose clocks and hearts this test can stop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

import released
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.kube import Kube, PatchType
from emqx_autocluster.runtime.leadership import NAME, Leadership, LeadershipLostError, Terms, suspended_too
from emqx_autocluster.runtime.renewal import renew
from sandbox.handle import SandboxHandle

SECONDS = 30
SHORT = Terms("", "", duration=2.0, renewal=0.3, retry=0.1)


@dataclass(slots=True)
class Clock:
    """A candidate's own; `ahead` is what passed while it was frozen."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return suspended_too() + self.ahead


def candidate(kube: Kube, namespace: str, identity: str, clock: Clock | None = None) -> Leadership:
    terms = replace(SHORT, namespace=namespace, identity=identity)
    return Leadership(kube, terms, kube.now, clock or Clock())


@asynccontextmanager
async def keeping(leader: Leadership, kube: Kube) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(leader.keep(kube))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def lease(kube: Kube, namespace: str) -> dict[str, Any]:
    spec: dict[str, Any] = (await kube.get(paths.leases(namespace, NAME)) or {})["spec"]
    return spec


async def test_of_many_candidates_one_leads_and_when_it_gives_up_the_next_does(
    kube: Kube, namespace: str
) -> None:
    candidates = {identity: candidate(kube, namespace, identity) for identity in "abcdef"}
    acquiring = {asyncio.create_task(c.acquire()): c for c in candidates.values()}
    led: list[str] = []
    while acquiring:
        async with asyncio.timeout(SECONDS):
            done, _ = await asyncio.wait(acquiring, return_when=asyncio.FIRST_COMPLETED)
        [first] = done
        leader = acquiring.pop(first)
        led.append((await lease(kube, namespace))["holderIdentity"])
        assert candidates[led[-1]] is leader
        for other in acquiring.values():
            with pytest.raises(LeadershipLostError):
                await other.confirm()
        await leader.confirm()
        await leader.release()
    assert sorted(led) == list(candidates)
    assert (await lease(kube, namespace))["leaseTransitions"] >= len(led) - 1


async def test_a_holder_that_renews_is_left_alone_and_one_that_died_is_succeeded(
    kube: Kube, namespace: str
) -> None:
    living, next_one = candidate(kube, namespace, "living"), candidate(kube, namespace, "next")
    await living.acquire()
    async with keeping(living, kube):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT.duration * 1.5):
                await next_one.acquire()
        await living.confirm()
    async with asyncio.timeout(SECONDS):
        await next_one.acquire()
    assert (await lease(kube, namespace))["holderIdentity"] == "next"


@pytest.mark.parametrize("version", released.VERSIONS)
async def test_a_lease_that_an_earlier_version_left_is_waited_for_and_then_taken(
    kube: Kube, namespace: str, version: str
) -> None:
    left = released.lease(version)["spec"] | {"leaseDurationSeconds": 2}
    await kube.create(paths.leases(namespace), {"metadata": {"name": NAME}, "spec": left})
    next_one = candidate(kube, namespace, "next")
    began = time.monotonic()
    async with asyncio.timeout(SECONDS):
        await next_one.acquire()
    assert time.monotonic() - began >= SHORT.duration, "it may be at work still"
    now = await lease(kube, namespace)
    assert now["holderIdentity"] == "next"
    assert now["leaseTransitions"] == left["leaseTransitions"] + 1


async def test_whoever_was_frozen_for_longer_than_the_lease_writes_nothing_when_it_wakes(
    kube: Kube, namespace: str
) -> None:
    clock = Clock()
    frozen, next_one = candidate(kube, namespace, "frozen", clock), candidate(kube, namespace, "next")
    await frozen.acquire()
    writer = kube.fenced(frozen.confirm)
    path = paths.configmaps(namespace, "a")
    await writer.create(paths.configmaps(namespace), {"metadata": {"name": "a"}, "data": {"by": "frozen"}})
    async with asyncio.timeout(SECONDS):
        await next_one.acquire()
    clock.ahead = SHORT.duration

    for write in (
        writer.patch(path, {"data": {"by": "the frozen one"}}, PatchType.MERGE),
        writer.delete(path),
        writer.create(paths.configmaps(namespace), {"metadata": {"name": "b"}}),
    ):
        with pytest.raises(LeadershipLostError):
            await write
    with pytest.raises(LeadershipLostError):
        async with writer.websocket(paths.pod_exec(namespace, "any"), [], ["v5.channel.k8s.io"], 100):
            pass
    assert (await writer.get(path) or {})["data"] == {"by": "frozen"}, "to read is always allowed"
    with pytest.raises(LeadershipLostError):
        await frozen.keep(kube)
    assert (await lease(kube, namespace))["holderIdentity"] == "next"


async def test_a_holder_whose_clock_stood_still_learns_it_from_the_lease(kube: Kube, namespace: str) -> None:
    """As on a machine that was suspended, where no clock tells: by its own time it renewed just now."""
    now = 1000.0
    asleep = Leadership(kube, replace(SHORT, namespace=namespace, identity="asleep"), kube.now, lambda: now)
    await asleep.acquire()
    async with asyncio.timeout(SECONDS):
        await candidate(kube, namespace, "next").acquire()
    now += 1.2
    with pytest.raises(LeadershipLostError, match="next holds the Lease"):
        await asleep.confirm()


async def test_a_lease_that_somebody_deleted_is_made_again(kube: Kube, namespace: str) -> None:
    leader = candidate(kube, namespace, "leader")
    await leader.acquire()
    async with keeping(leader, kube) as kept:
        await kube.delete(paths.leases(namespace, NAME))
        async with asyncio.timeout(SECONDS):
            while await kube.get(paths.leases(namespace, NAME)) is None:
                await asyncio.sleep(0.05)
        await leader.confirm()
        assert not kept.done()


# --- renewed in a thread of its own


@asynccontextmanager
async def renewing(leader: Leadership, sandbox: SandboxHandle) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(renew(leader, partial(Kube.from_kubeconfig, sandbox.kubeconfig)))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_event_loop_that_is_busy_for_longer_than_the_lease_does_not_lose_it(
    kube: Kube, namespace: str, sandbox: SandboxHandle
) -> None:
    leader = candidate(kube, namespace, "busy")
    await leader.acquire()
    async with renewing(leader, sandbox) as kept:
        first = (await lease(kube, namespace))["renewTime"]
        async with asyncio.timeout(SECONDS):
            while (await lease(kube, namespace))["renewTime"] == first:
                await asyncio.sleep(0.05)
        time.sleep(SHORT.duration * 1.5)  # noqa: ASYNC251 - all other work stands still meanwhile
        await leader.confirm()
        assert not kept.done()


async def test_a_thread_that_finds_the_lease_taken_ends_the_leadership(
    kube: Kube, namespace: str, sandbox: SandboxHandle
) -> None:
    leader = candidate(kube, namespace, "leader")
    await leader.acquire()
    async with renewing(leader, sandbox) as kept:
        body = {"spec": {"holderIdentity": "another"}}
        await kube.patch(paths.leases(namespace, NAME), body, PatchType.MERGE)
        with pytest.raises(LeadershipLostError, match="another holds the Lease"):
            async with asyncio.timeout(SECONDS):
                await asyncio.shield(kept)
