"""One pod from its binding to its end: mounts, init containers, containers, status, graceful deletion."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from . import podstatus
from .api import UNREACHABLE, ApiClient, ApiError, Json
from .backoff import Backoff
from .containerlife import ContainerLife
from .dnsconfig import hosts, resolv_conf
from .environment import PodFields, Source, references, resolve
from .images import Image, Programs
from .logs import LogBuffer
from .network import Outbound
from .podnetwork import Endpoint, PodNetwork, names_of
from .services import Services
from .sources import Sources
from .statuswriter import StatusWriter
from .switches import Switches
from .volumes import Data, Files, MountError, PodVolumes
from .world import PodWorld

logger = logging.getLogger(__name__)

_GONE = (404, 409)
_SILENT_RETRIES = 0.5
"""Seconds of back-off up to which a mount that fails is not worth a log line."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What all pods of this process share."""

    switches: Switches
    network: PodNetwork
    outbound: Outbound
    programs: Programs
    services: Services
    kept_volumes: dict[str, Data]


@dataclass(frozen=True, slots=True)
class NodeContext:
    """What all pods of one node share."""

    name: str
    ip: str
    client: ApiClient
    sources: Sources
    statuses: StatusWriter


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
        spec = pod["spec"]
        self.hostname: str = spec.get("hostname") or self.name
        self.ip = node.ip if spec.get("hostNetwork") else sandbox.network.take_ip()
        self._fields = PodFields(pod, self.ip, node.ip)
        self._volumes = PodVolumes(pod, self._fields, node.sources, sandbox.kept_volumes)
        self._start_time = datetime.now(UTC)
        self._initialized = False
        self._mounted = False
        self._conditions: list[Json] = (pod.get("status") or {}).get("conditions") or []
        self._status = node.statuses.of(pod, self._build_status)
        self._deletion = asyncio.Event()
        self._updated = asyncio.Event()
        self._files: list[tuple[Json, Files]] = []
        self._rotation: asyncio.TimerHandle | None = None
        self._rotating: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Live until the pod is gone; a fault is logged and the pod tried again."""
        backoff = Backoff(1, 60)
        try:
            while True:
                if await self._survived():
                    return
                await asyncio.sleep(backoff.next())
        finally:
            self._leave()

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
        self._join_network()
        self._status.changed()
        await self._mount()
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

    def _life(self, container: Json) -> ContainerLife:
        return ContainerLife(
            container,
            self.pod,
            self._sandbox.programs,
            self._make_world,
            self._switches,
            self._status.changed,
        )

    async def _mount(self) -> None:
        backoff = Backoff(0.1, 5)
        while True:
            try:
                await self._volumes.mount()
                break
            except (MountError, ApiError, *UNREACHABLE) as error:
                delay = backoff.next()
                # the API server's authorizer learns of a binding a moment after the node does: no news at first
                level = logging.INFO if delay > _SILENT_RETRIES else logging.DEBUG
                logger.log(level, "pod %s/%s: %s", self.namespace, self.name, error or type(error).__name__)
                await asyncio.sleep(delay)
        self._mounted = True
        self._plan_rotation()

    async def _make_world(self, container: Json) -> PodWorld:
        spec = self.pod["spec"]
        sources: dict[Source, Mapping[str, str] | None] = {}
        for kind, name in references(container):
            data = await self._node.sources.data(kind, self.namespace, name)
            sources[kind, name] = (
                None if data is None else {key: value.decode() for key, value in data.items()}
            )
        services = self._sandbox.services.variables(
            self.namespace, links=spec.get("enableServiceLinks", True)
        )
        files = self._volumes.files(container) | {
            "/etc/resolv.conf": resolv_conf(spec, self.namespace).encode(),
            "/etc/hosts": hosts(spec, self.namespace, self.hostname, self.ip).encode(),
        }
        self._files = [(c, f) for c, f in self._files if c["name"] != container["name"]] + [
            (container, files)
        ]
        return PodWorld(
            env=resolve(container, self._fields, sources, services),
            hostname=self.hostname,
            ip=self.ip,
            pod=self.name,
            namespace=self.namespace,
            uid=self.uid,
            image_version=Image.parse(container["image"]).tag,
            files=files,
            volumes=self._volumes.directories(container),
            switches=self._switches,
            logs=LogBuffer(),
            outbound=self._sandbox.outbound,
            network=self._sandbox.network,
        )

    def _plan_rotation(self) -> None:
        if self._volumes.rotate_at is not None:
            seconds = (self._volumes.rotate_at - datetime.now(UTC)).total_seconds()
            self._rotation = asyncio.get_running_loop().call_later(max(seconds, 1), self._start_rotation)

    def _start_rotation(self) -> None:
        self._rotating = asyncio.create_task(self._rotate())

    async def _rotate(self) -> None:
        backoff = Backoff(1, 60)
        while not self._deletion.is_set():
            try:
                await self._volumes.rotate()
                break
            except (MountError, ApiError, *UNREACHABLE) as error:
                logger.warning("token of %s/%s: %s", self.namespace, self.name, error or type(error).__name__)
                await asyncio.sleep(backoff.next())
        for container, files in self._files:
            files.update(self._volumes.files(container))
        self._plan_rotation()

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

    def _join_network(self) -> None:
        names = names_of(self.namespace, self.hostname, self.pod["spec"].get("subdomain", ""), self.ip)
        self._sandbox.network.join(Endpoint(self.namespace, self.name, self.ip, names))

    def _leave(self) -> None:
        self._status.abandon()
        if self._rotation is not None:
            self._rotation.cancel()
        if self._rotating is not None:
            self._rotating.cancel()
        self._sandbox.network.leave(self.namespace, self.name, self.ip)
        if self.ip != self._node.ip:
            self._sandbox.network.give_back(self.ip)

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
            sandbox_ready=self._mounted,
            generation=self.pod["metadata"].get("generation", 0),
            readiness_gates=[gate["conditionType"] for gate in self.pod["spec"].get("readinessGates") or ()],
            foreign_conditions={condition["type"]: condition["status"] for condition in theirs},
        )
        status = podstatus.build(view, self._conditions, datetime.now(UTC))
        self._conditions = status["conditions"]
        return status
