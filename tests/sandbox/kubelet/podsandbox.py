"""What a pod's containers find around them: IP and names, volumes and tokens, and the world made of these."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from .api import UNREACHABLE, ApiError, Json
from .backoff import Backoff
from .context import NodeContext, Sandbox
from .dnsconfig import hosts, resolv_conf
from .environment import PodFields, Source, references, resolve
from .images import Image
from .logs import LogBuffer
from .podnetwork import Endpoint, names_of
from .volumes import Files, MountError, PodVolumes
from .world import PodWorld

logger = logging.getLogger(__name__)

_SILENT_RETRIES = 0.5
"""Seconds of back-off up to which a mount that fails is not worth a log line."""


class PodSandbox:
    def __init__(self, pod: Json, node: NodeContext, sandbox: Sandbox) -> None:
        """Take an IP; `close` gives it back."""
        metadata, self._spec = pod["metadata"], pod["spec"]
        self._name: str = metadata["name"]
        self._namespace: str = metadata["namespace"]
        self._uid: str = metadata["uid"]
        self._label = f"{self._namespace}/{self._name}"
        self._hostname: str = self._spec.get("hostname") or self._name
        self._node = node
        self._sandbox = sandbox
        self._owns_ip = not self._spec.get("hostNetwork")
        self.ip = sandbox.network.take_ip() if self._owns_ip else node.ip
        self._fields = PodFields(pod, self.ip, node.ip)
        self._volumes = PodVolumes(pod, self._fields, node.sources, sandbox.kept_volumes)
        self._files: dict[str, tuple[Json, Files]] = {}
        self._rotation: asyncio.TimerHandle | None = None
        self._rotating: asyncio.Task[None] | None = None
        self.mounted = False

    def join_network(self, listens: Callable[[int], bool]) -> None:
        names = names_of(self._namespace, self._hostname, self._spec.get("subdomain", ""), self.ip)
        self._sandbox.network.join(Endpoint(self._namespace, self._name, self.ip, names, listens))

    def close(self) -> None:
        if self._rotation is not None:
            self._rotation.cancel()
        if self._rotating is not None:
            self._rotating.cancel()
        self._sandbox.network.leave(self._namespace, self._name, self.ip)
        if self._owns_ip:
            self._sandbox.network.give_back(self.ip)

    async def mount(self) -> None:
        """Mount all volumes, however long that takes."""
        backoff = Backoff(0.1, 5)
        while not self.mounted:
            try:
                await self._volumes.mount()
                self.mounted = True
            except (MountError, ApiError, *UNREACHABLE) as error:
                delay = backoff.next()
                # the API server's authorizer learns of a binding a moment after the node does: no news at first
                level = logging.INFO if delay > _SILENT_RETRIES else logging.DEBUG
                logger.log(level, "pod %s: %s", self._label, error or type(error).__name__)
                await asyncio.sleep(delay)
        self._plan_rotation()

    async def make_world(self, container: Json) -> PodWorld:
        """Make the world of one run of a container; raises ConfigError or ApiError."""
        files = self._volumes.files(container) | {
            "/etc/resolv.conf": resolv_conf(self._spec, self._namespace).encode(),
            "/etc/hosts": hosts(self._spec, self._namespace, self._hostname, self.ip).encode(),
        }
        world = PodWorld(
            env=await self._environment(container),
            hostname=self._hostname,
            ip=self.ip,
            pod=self._name,
            namespace=self._namespace,
            uid=self._uid,
            image_version=Image.parse(container["image"]).tag,
            image_repository=Image.parse(container["image"]).repository,
            files=files,
            volumes=self._volumes.directories(container),
            switches=self._sandbox.switches.of(self._namespace, self._name),
            logs=LogBuffer(),
            outbound=self._sandbox.outbound,
            network=self._sandbox.network,
        )
        self._files[container["name"]] = container, files
        return world

    async def _environment(self, container: Json) -> dict[str, str]:
        sources: dict[Source, Mapping[str, str] | None] = {}
        for kind, name in references(container):
            data = await self._node.sources.data(kind, self._namespace, name)
            decoded = None if data is None else {key: value.decode() for key, value in data.items()}
            sources[kind, name] = decoded
        links = self._spec.get("enableServiceLinks", True)
        services = self._sandbox.services.variables(self._namespace, links=links)
        return resolve(container, self._fields, sources, services)

    def _plan_rotation(self) -> None:
        if self._volumes.rotate_at is not None:
            seconds = (self._volumes.rotate_at - datetime.now(UTC)).total_seconds()
            self._rotation = asyncio.get_running_loop().call_later(max(seconds, 1), self._start_rotation)

    def _start_rotation(self) -> None:
        self._rotating = asyncio.create_task(self._rotate())

    async def _rotate(self) -> None:
        backoff = Backoff(1, 60)
        while True:
            try:
                await self._volumes.rotate()
                break
            except (MountError, ApiError, *UNREACHABLE) as error:
                logger.warning("token of %s: %s", self._label, error or type(error).__name__)
                await asyncio.sleep(backoff.next())
        for container, files in self._files.values():
            files.update(self._volumes.files(container))
        self._plan_rotation()
