"""Where a figure is measured: a sandbox and an operator of its own, and a user's hands."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.trail import Request, Trail
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.kube import Kube, PatchType
from running import NAMESPACE, SERVICE_ACCOUNT, RunningOperator, RunningSandbox, install
from sandbox.handle import SandboxHandle
from sandbox.kubelet.control import Control

Object = dict[str, Any]
OPERATOR = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"
ADMIN = "kubernetes-admin"
MODE = "emqx-autocluster.io/mode"

_POLL = 0.1
_QUIET = 0.4
_AT_A_TIME = 10


class BenchError(Exception):
    """Something that is measured did not happen."""


@dataclass(slots=True)
class Stage:
    sandbox: SandboxHandle
    operator: RunningOperator
    kube: Kube
    control: Control
    trail: Trail
    namespace: str

    # what a user does

    async def apply(self, bodies: Sequence[Object]) -> None:
        """In order, a few at a time: the objects of one group of ten must not need one another."""
        for start in range(0, len(bodies), _AT_A_TIME):
            group = bodies[start : start + _AT_A_TIME]
            await asyncio.gather(*(self.kube.create(_collection(body), body) for body in group))

    async def annotate(self, name: str, **marks: str | None) -> None:
        body = {"metadata": {"annotations": {f"emqx-autocluster.io/{k}": v for k, v in marks.items()}}}
        await self.kube.patch(paths.deployments(self.namespace, name), body, PatchType.MERGE)

    async def scale(self, name: str, replicas: int) -> None:
        body = {"spec": {"replicas": replicas}}
        await self.kube.patch(paths.deployments(self.namespace, name), body, PatchType.MERGE)

    async def tune(self, name: str, spec: Object) -> None:
        path = paths.emqxautoclusters(self.namespace, name)
        await self.kube.patch(path, {"spec": spec}, PatchType.MERGE)

    async def delete(self, name: str) -> None:
        await self.kube.delete(paths.deployments(self.namespace, name))

    async def forget(self, name: str) -> None:
        """Delete the EMQXAutoCluster alone."""
        await self.kube.delete(paths.emqxautoclusters(self.namespace, name))

    # what a user sees

    async def ready_pods(self) -> int:
        pods = await self.kube.list(paths.pods(self.namespace), field_selector="status.phase=Running")
        return sum(map(_is_ready, pods))

    async def until_ready(self, count: int, *, seconds: float = 600) -> None:
        async def check() -> bool:
            return await self.ready_pods() >= count

        await until(f"{count} pods Ready", check, seconds=seconds, poll=1)

    async def until_available(self, count: int, *, seconds: float = 600) -> None:
        """Until so many Deployments have all their pods, each Ready for long enough: no rollout goes on."""

        async def check() -> bool:
            found = await self.kube.list(paths.deployments(self.namespace))
            return sum(map(_is_available, found)) >= count

        await until(f"{count} Deployments available", check, seconds=seconds, poll=1)

    async def resources(self) -> list[Object]:
        return await self.kube.list(paths.emqxautoclusters(self.namespace))

    async def until_well(self, count: int, *, seconds: float = 600) -> None:
        """Until so many workloads are Ready and nothing about them is open."""

        async def check() -> bool:
            return sum(map(_is_well, await self.resources())) >= count

        await self._until(f"{count} workloads well", check, seconds=seconds, poll=1)

    async def seen(
        self, fits: Callable[[Request], bool], *, count: int = 1, seconds: float = 60
    ) -> list[Request]:
        """So many requests that fit, once they were answered."""

        async def check() -> list[Request]:
            found = self.trail.select(fits)
            return found if len(found) >= count else []

        found: list[Request] = await self._until("a request in the audit log", check, seconds=seconds)
        return found

    async def _until(
        self, what: str, check: Callable[[], Awaitable[Any]], *, seconds: float, poll: float = _POLL
    ) -> Any:
        """As `until`, and tells what the operator says meanwhile."""
        try:
            return await until(what, check, seconds=seconds, poll=poll)
        except BenchError as error:
            raise BenchError(f"{error}\n{await self._told()}") from error

    async def _told(self) -> str:
        if self.operator.process.poll() is not None:
            return f"the operator has ended:\n{self.operator.log.read_text(errors='replace')[-2000:]}"
        resources = await self.resources()
        statuses = [r.get("status") or {} for r in resources if not _is_well(r)][:3]
        return "\n".join(
            f"{c['type']} {c['status']} {c['reason']}: {c['message']}"
            for status in statuses
            for c in status.get("conditions") or ()
        )

    async def quiet(self) -> None:
        """Until the operator has asked nothing for a moment."""

        async def check() -> bool:
            before = len(self.trail.requests)
            await asyncio.sleep(_QUIET)
            self.trail.read_on()
            return len(self.trail.requests) == before

        await until("a quiet operator", check)

    async def settled(self, seconds: float = 10) -> None:
        """Until the operator has written nothing for a while: it may look on."""

        async def check() -> bool:
            self.trail.clear()
            await asyncio.sleep(seconds)
            return not self.trail.select(lambda r: r.user == OPERATOR and r.writes)

        await until("an operator that writes nothing", check, seconds=300)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The operator stands still meanwhile, so that it costs others nothing."""
        self.operator.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.operator.process.send_signal(signal.SIGCONT)

    @property
    def operator_kubeconfig(self) -> Path:
        return self.operator.log.parent / "kubeconfig"


@asynccontextmanager
async def stage(namespace: str, *options: str) -> AsyncIterator[Stage]:
    """`options` are the sandbox's."""
    sandbox = await asyncio.to_thread(RunningSandbox.start, *options)
    try:
        handle = SandboxHandle.load(sandbox.state)
        await asyncio.to_thread(install, handle)
        operator = await asyncio.to_thread(RunningOperator.start, handle)
        try:
            async with Kube.from_kubeconfig(handle.kubeconfig) as kube, Control(handle.control) as control:
                body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
                await kube.create("/api/v1/namespaces", body)
                trail = Trail(handle.audit_log, OPERATOR, ADMIN)
                yield Stage(handle, operator, kube, control, trail, namespace)
        finally:
            operator.stop()
    finally:
        sandbox.stop()


async def until(
    what: str, check: Callable[[], Awaitable[Any]], *, seconds: float = 60, poll: float = _POLL
) -> Any:
    """Waits until `check` gives something true, and returns it."""
    end = time.monotonic() + seconds
    while not (found := await check()):
        if time.monotonic() > end:
            raise BenchError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(poll)
    return found


def _is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _is_available(deployment: Object) -> bool:
    wanted, status = deployment["spec"]["replicas"], deployment["status"]
    current = status.get("observedGeneration") == deployment["metadata"]["generation"]
    all_there = status.get("availableReplicas") == status.get("replicas") == wanted
    return bool(current and all_there)


def _is_well(resource: Object) -> bool:
    status = resource.get("status") or {}
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
    return ready and "procedure" not in status and not status.get("plannedActions")


_COLLECTIONS: dict[str, Callable[[str], str]] = {
    "Deployment": paths.deployments,
    "EMQXAutoCluster": paths.emqxautoclusters,
    "Role": paths.roles,
    "RoleBinding": paths.rolebindings,
    "Service": paths.services,
    "ServiceAccount": paths.serviceaccounts,
}


def _collection(body: Object) -> str:
    return _COLLECTIONS[body["kind"]](body["metadata"]["namespace"])
