"""One pod from its binding to its end: mounts, init containers, containers, status, graceful deletion."""

import asyncio
import logging
from datetime import UTC, datetime

from . import podstatus
from .api import UNREACHABLE, ApiError, Json
from .backoff import Backoff
from .containerlife import ContainerLife
from .context import NodeContext, Sandbox
from .podsandbox import PodSandbox

logger = logging.getLogger(__name__)

_GONE = (404, 409)


class PodWorker:
    def __init__(self, pod: Json, node: NodeContext, sandbox: Sandbox) -> None:
        self.pod = pod
        self.namespace: str = pod["metadata"]["namespace"]
        self.name: str = pod["metadata"]["name"]
        self.uid: str = pod["metadata"]["uid"]
        self.containers: list[ContainerLife] = []
        self.init_containers: list[ContainerLife] = []
        self._node = node
        self._sandbox = sandbox
        self._switches = sandbox.switches.of(self.namespace, self.name)
        self._pod_sandbox = PodSandbox(pod, node, sandbox)
        self._start_time = datetime.now(UTC)
        self._initialized = False
        self._conditions: list[Json] = (pod.get("status") or {}).get("conditions") or []
        self._status = node.statuses.of(pod, self._build_status)
        self._deletion = asyncio.Event()
        self._updated = asyncio.Event()

    async def run(self) -> None:
        """Live until the pod is gone; a fault is logged and the pod tried again."""
        backoff = Backoff(1, 60)
        try:
            while True:
                if await self._survived():
                    return
                await asyncio.sleep(backoff.next())
        finally:
            self._status.abandon()
            self._pod_sandbox.close()

    def update(self, pod: Json) -> None:
        """Take in the pod as the API server now has it."""
        self.pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            self._deletion.set()
        if pod["spec"].get("readinessGates"):
            self._status.changed()
        self._updated.set()

    def switched(self) -> None:
        """Follow the switches that a kubelet itself obeys."""
        crash = self._sandbox.switches.pod(self.namespace, self.name).pop("crash", "")
        if crash:
            container, _, code = crash.rpartition("=")
            for life in self.containers:
                if container in ("", life.name):
                    life.kill(int(code))
        self._status.changed()

    @property
    def ip(self) -> str:
        return self._pod_sandbox.ip

    def container(self, name: str) -> ContainerLife | None:
        return next((life for life in (*self.containers, *self.init_containers) if life.name == name), None)

    async def _survived(self) -> bool:
        try:
            await self._live()
        except Exception:
            logger.exception("pod %s/%s failed and is tried again", self.namespace, self.name)
            return False
        return True

    async def _live(self) -> None:
        if self.pod["metadata"].get("deletionTimestamp"):
            self._deletion.set()
        elif (self.pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            await self._deletion.wait()
        work = asyncio.create_task(self._work()) if not self._deletion.is_set() else None
        try:
            if work is not None:
                await self._until_deleted(work)
                await self._terminate(work)
        finally:
            if work is not None:
                work.cancel()
                await asyncio.wait({work})
        await self._finalize()

    async def _until_deleted(self, work: asyncio.Task[None]) -> None:
        deletion = asyncio.create_task(self._deletion.wait())
        try:
            await asyncio.wait({work, deletion}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
                await deletion
        finally:
            deletion.cancel()

    async def _work(self) -> None:
        """Do all that comes before deletion; ends when no container is to be started again."""
        spec = self.pod["spec"]
        self.init_containers = [self._life(c) for c in spec.get("initContainers") or ()]
        self.containers = [self._life(c) for c in spec["containers"]]
        self._pod_sandbox.join_network(self._listens)
        self._status.changed()
        await self._pod_sandbox.mount()
        async with asyncio.TaskGroup() as group:
            sidecars = []
            for life in self.init_containers:
                if life.spec.get("restartPolicy") == "Always":
                    sidecars.append(life)
                    group.create_task(life.live())
                else:
                    await life.run_to_success()
            self._initialized = True
            self._status.changed()
            await asyncio.gather(*(group.create_task(life.live()) for life in self.containers))
            for life in sidecars:
                await life.stop()

    def _listens(self, port: int) -> bool:
        return any(life.process and life.process.program.listens(port) for life in self.containers)

    def _life(self, container: Json) -> ContainerLife:
        return ContainerLife(
            container,
            self.pod,
            self._sandbox.programs,
            self._pod_sandbox.make_world,
            self._switches,
            self._status.changed,
        )

    async def _terminate(self, work: asyncio.Task[None]) -> None:
        lives = [*self.containers, *self.init_containers]
        if not any(life.process for life in lives):
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        stops = [asyncio.create_task(life.stop()) for life in lives]
        try:
            while not work.done():
                left = began + self.pod["metadata"].get("deletionGracePeriodSeconds", 30) - loop.time()
                if left <= 0:
                    for life in lives:
                        life.kill()
                    await asyncio.wait({work})
                    break
                await self._wait_for_update(work, left)
        finally:
            for stop in stops:
                stop.cancel()

    async def _wait_for_update(self, work: asyncio.Task[None], seconds: float) -> None:
        """Wait for the containers' end, or for a second deletion that shortens the grace."""
        self._updated.clear()
        updated = asyncio.create_task(self._updated.wait())
        try:
            await asyncio.wait({work, updated}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            updated.cancel()

    async def _finalize(self) -> None:
        """Report the end and take the pod out of the API."""
        if self.containers:
            self._status.changed()
            await self._status.flush()
        backoff = Backoff(0.2, 10)
        body: Json = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": self.uid},
        }
        while True:
            try:
                await self._node.client.delete(f"/api/v1/namespaces/{self.namespace}/pods/{self.name}", body)
            except (ApiError, *UNREACHABLE) as error:
                if not isinstance(error, ApiError) or error.status not in _GONE:
                    logger.warning("deletion of %s/%s: %s", self.namespace, self.name, error)
                    await asyncio.sleep(backoff.next())
                    continue
            return

    def _build_status(self) -> Json:
        theirs = (self.pod.get("status") or {}).get("conditions") or ()
        view = podstatus.PodView(
            host_ip=self._node.ip,
            pod_ip=self.ip,
            start_time=self._start_time,
            restart_policy=self.pod["spec"].get("restartPolicy", "Always"),
            containers=[life.view() for life in self.containers],
            init_containers=[life.view() for life in self.init_containers],
            initialized=self._initialized,
            sandbox_ready=self._pod_sandbox.mounted,
            generation=self.pod["metadata"].get("generation", 0),
            readiness_gates=[gate["conditionType"] for gate in self.pod["spec"].get("readinessGates") or ()],
            foreign_conditions={condition["type"]: condition["status"] for condition in theirs},
        )
        status = podstatus.build(view, self._conditions, datetime.now(UTC))
        self._conditions = status["conditions"]
        return status
