"""One trial's namespace: a person's hands and eyes in it, and a notebook."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.clients.kube import PatchType
from emqx_autocluster.observation import View
from scenarios import manifests
from scenarios.story import Object, Story, condition, is_ready
from soak.ending import Ending, MemberSeen, judge
from soak.plan import Cell, Kind, Sort

NAME = "emqx"
REPLICAS = 3
SEED = "emqx-1"
"""The StatefulSet's data is on volumes, so whose shall stay is for its user to say."""

_POLL = 1.5
_START_DEADLINE = 180.0


class PromiseBroken(AssertionError):  # noqa: N818 - it is told to people as it stands
    """What should have come true, and what was seen instead."""


@dataclass(slots=True)
class Site:
    story: Story
    emqx_ctl: EmqxCtl
    cell: Cell
    began: float = field(default_factory=time.monotonic)
    notes: list[tuple[float, str]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def note(self, text: str) -> float:
        """Returns when, in seconds since the trial began."""
        at = round(self.seconds, 1)
        self.notes.append((at, text))
        return at

    @property
    def on_volumes(self) -> bool:
        """A StatefulSet's data, but where a calamity shall be able to lose it."""
        lasting = self.cell.sort not in {Sort.CALAMITY, Sort.UNHELD}
        return self.cell.kind is Kind.STATEFUL_SET and lasting

    # hands

    async def make_lone_members(self, version: str) -> None:
        """Three members that are Ready and alone: their API server address is a proxy that is gone."""
        await self._make(version, manifests.DEAD_PROXY)
        self.note("three lone members are Ready")

    async def make_cluster(self) -> None:
        """Three members that found each other by themselves, since everything is right."""
        await self._make(self.cell.version, manifests.CANONICAL)

        async def whole() -> bool:
            return judge(await self.members(), REPLICAS) is Ending.ONE_CLUSTER

        await self.until("one cluster of three", whole, _START_DEADLINE)
        self.note("three members are one cluster")

    async def _make(self, version: str, api_server: str) -> None:
        story, stateful = self.story, self.cell.kind is Kind.STATEFUL_SET
        workload = (
            manifests.stateful_set(
                version, story.namespace, api_server, volume=self.on_volumes, **manifests.HOSTNAMES
            )
            if stateful
            else manifests.deployment(version, story.namespace, api_server)
        )
        await story.apply(manifests.service(story.namespace, headless=stateful), workload)
        await self.until("three pods Ready", self._all_ready, _START_DEADLINE)

    async def give_rights(self) -> None:
        namespace = self.story.namespace
        await self.story.apply(
            manifests.role(namespace, "by-hand"), manifests.role_binding(namespace, "by-hand", "default")
        )

    async def enrol(self) -> None:
        if self.on_volumes:
            tuned = manifests.custom_resource(
                self.story.namespace, kind=self.cell.kind, repair={"seed": SEED}
            )
            await self.story.apply(tuned)
        await self.story.annotate(NAME, kind=self.cell.kind, mode="Repair")
        self.note("annotated with mode Repair")

    async def patch(self, template: Object, **spec: object) -> None:
        """As `kubectl set env`, `set image` and `rollout restart` do."""
        path = _workload_path(self.story.namespace, self.cell.kind)
        await self.story.kube.patch(path, {"spec": spec | {"template": template}}, PatchType.STRATEGIC)

    # eyes

    async def _all_ready(self) -> bool:
        pods = await self.story.pods()
        return len(pods) == REPLICAS and all(map(is_ready, pods))

    async def members(self) -> list[MemberSeen]:
        """Every member, asked in its own pod."""
        return list(await asyncio.gather(*map(self._member, await self.story.pods())))

    async def _member(self, pod: Object) -> MemberSeen:
        metadata = pod["metadata"]
        view = await self._view(metadata["name"])
        return MemberSeen(metadata["name"], is_ready(pod), "deletionTimestamp" in metadata, view)

    async def _view(self, pod: str) -> View | None:
        try:
            return await self.emqx_ctl.cluster_status(ExecTarget(self.story.namespace, pod, NAME))
        except ClientError:
            return None

    async def ending(self) -> Ending:
        members = await self.members()
        found = judge(members, REPLICAS)
        self.note(f"{found}: " + "; ".join(map(str, members)))
        return found

    async def rolled_out(self) -> bool:
        """As `kubectl rollout status` has it."""
        workload = await self.story.get(self.cell.kind) or {}
        status = workload.get("status") or {}
        observed = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
        counts = (status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas"))
        one = status.get("updateRevision") == status.get("currentRevision")  # of a StatefulSet
        return observed and one and all(count == REPLICAS for count in counts)

    async def condition(self, kind: str) -> Object:
        return condition(await self.story.resource(), kind)

    async def is_repaired(self) -> bool:
        """Ready, and the operator is done: no procedure, nothing planned, no old name."""
        resource = await self.story.resource()
        status = resource.get("status") or {}
        left = any(status.get(name) for name in ("procedure", "staleNodes", "plannedActions"))
        return not left and condition(resource, "Ready").get("status") == "True"

    # waiting

    async def until(self, what: str, check: Callable[[], Awaitable[Any]], seconds: float) -> Any:
        """Waits until `check` gives something true, and returns it."""
        end = time.monotonic() + seconds
        while True:
            found = await check()
            if found:
                return found
            if time.monotonic() > end:
                raise PromiseBroken(f"not within {seconds:g} s: {what}")
            await asyncio.sleep(_POLL)

    def promise(self, text: str, *, kept: bool) -> None:
        if not kept:
            raise PromiseBroken(text)


def _workload_path(namespace: str, kind: Kind) -> str:
    plural = "deployments" if kind is Kind.DEPLOYMENT else "statefulsets"
    return f"/apis/apps/v1/namespaces/{namespace}/{plural}/{NAME}"
