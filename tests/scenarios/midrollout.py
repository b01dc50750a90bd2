"""A repair's rollout in whose middle something breaks, and what must hold meanwhile: the cluster's data lives on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import manifests
from breakages import Breakage, Broken
from holders import ADD, Holders
from pace import REAL_TIME
from story import Story, uids

Object = dict[str, Any]
ACCOUNT = "iot"
REPLICAS = 3
NO_SCHEME = "kubernetes.default.svc:443"
"""An address that no EMQX can use, and that needs a rollout and nothing else."""


@dataclass(slots=True)
class Rollout:
    """One workload of three, from its enrolment on."""

    story: Story
    kind: str
    holders: Holders
    old: set[str] = field(default_factory=set)

    @property
    def reference(self) -> str:
        return f"{self.kind.lower()}/emqx"

    async def new_pods(self) -> list[Object]:
        """Oldest first."""
        new = [p for p in await self.story.pods() if p["metadata"]["uid"] not in self.old]
        return sorted(new, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    async def broken(self, breakage: Breakage, number: int) -> Broken:
        """From the new pod of that number on, once it was made; the one before it has just been, or none."""
        story = self.story
        if number > 1:
            # One that the node has not taken in yet would be the next one that it takes.
            await self.until_new(number - 1, running=True)
        await Broken.prepare(breakage, story.control, story.namespace)
        pod = await self.until_new(number)
        broken = Broken(breakage, story.control, story.kube, story.namespace, pod["metadata"]["name"])
        await broken.begin()
        return broken

    async def until_new(self, count: int, *, running: bool = False) -> Object:
        """The new pod of that number, as soon as it was made, or its container runs."""

        async def made() -> Object | None:
            found = await self.new_pods()
            pod = found[count - 1] if len(found) >= count else None
            return pod if pod and (_runs(pod) or not running) else None

        pod: Object = await self.story.until(f"new pod {count}", made, seconds=300, watched=True)
        return pod

    async def whole(self, *, seconds: float = 300) -> Object:
        """Repaired by this one rollout, all as it was meant, the data on all, and nothing left of the brake."""
        resource = await self.story.until_repaired(seconds=seconds)
        pods = await self.story.pods()
        assert len(pods) == REPLICAS
        assert not uids(pods) & self.old
        assert await self.holders.on_all(REPLICAS)
        views = await self.story.views()
        assert views == [(views[0][0], set())] * REPLICAS
        assert self.holders.fewest >= REPLICAS - 1, self.holders.least
        assert await self.story.rollouts(self.kind) == 1
        await self.is_let_go()
        return resource

    async def is_let_go(self) -> None:
        workload = await self.story.get(self.kind) or {}
        spec = workload["spec"]
        assert not spec.get("paused")
        assert not ((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition")
        assert '"paused"' not in workload["metadata"]["annotations"]["emqx-autocluster.io/original"]
        assert "partition" not in workload["metadata"]["annotations"]["emqx-autocluster.io/original"]

    async def is_held(self) -> bool:
        spec = (await self.story.get(self.kind) or {})["spec"]
        if self.kind == "Deployment":
            return bool(spec.get("paused"))
        return bool(spec["updateStrategy"]["rollingUpdate"].get("partition"))


@asynccontextmanager
async def rolling(story: Story, version: str, kind: str) -> AsyncIterator[Rollout]:
    """Three members that their repair has just made one cluster, with the data of the seed, and is about to roll."""
    rollout = Rollout(story, kind, Holders(story.control, story.namespace))
    stateful = kind == "StatefulSet"
    make, names = (manifests.stateful_set, manifests.HOSTNAMES) if stateful else (manifests.deployment, {})
    await story.apply(
        manifests.service(story.namespace, headless=stateful),
        manifests.service_account(story.namespace, ACCOUNT),
        manifests.custom_resource(story.namespace, kind=kind, repair={"halfJoinedAfter": "20s"} | REAL_TIME),
        make(version, story.namespace, NO_SCHEME, pod={"serviceAccountName": ACCOUNT}, **names),
    )
    await story.until_lone(REPLICAS)
    pods = await story.pods()
    rollout.old = uids(pods)
    seed = min(pods, key=lambda pod: str(pod["metadata"]["name"]))["metadata"]["name"]
    await story.control.pod(story.namespace, seed, connections="3")
    assert await rollout.holders.run(seed, ADD)
    await story.annotate(kind=kind, mode="Repair")
    await story.until("all to have joined the seed", partial(rollout.holders.on_all, REPLICAS), seconds=240)
    watching = asyncio.create_task(rollout.holders.watch())
    try:
        yield rollout
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _runs(pod: Object) -> bool:
    states = (status.get("state") or {} for status in pod.get("status", {}).get("containerStatuses") or ())
    return any("running" in state for state in states)
