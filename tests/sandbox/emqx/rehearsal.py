"""A stage for stand-ins without a cluster: virtual time, and a World whose only outside is one Endpoints object.

For the stand-in's own unit tests and soaks: a rolling update of three pods takes milliseconds there. Kubernetes is
not imitated beyond what the races need: who is Ready, and in which order pods come and go.
"""

import asyncio
import json
import random
import selectors
from collections.abc import Callable, Coroutine, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sandbox.emqx.broker import StandInEMQX
from sandbox.emqx.fabric import Fabric
from sandbox.emqx.node import Node
from sandbox.kubelet.container import NameNotFound, Refused, Response, pace

T = TypeVar("T")

RIGHT_ADDRESS = "https://kubernetes.default.svc:443"
DEAD_ADDRESS = "http://192.168.1.31:8888"
PROBE_SECONDS = 2.0


class _Skip(selectors.SelectSelector):
    """Never waits: tells the loop's clock how long it would have waited."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again on this stage")
        self.skipped += max(timeout, 0.0)
        return []  # on a stage nothing comes from outside


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        """Start at zero."""
        self._skip = _Skip()
        super().__init__(self._skip)

    def time(self) -> float:
        """Seconds slept through so far."""
        return self._skip.skipped


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)


@dataclass
class StageWorld:
    """What one stand-in sees."""

    stage: "Stage"
    env: Mapping[str, str]
    hostname: str
    ip: str
    image_version: str
    image_repository: str
    files: MutableMapping[str, bytes]
    volumes: MutableMapping[str, object]
    switches: dict[str, str]
    namespace: str = "iot"
    lines: list[str] = field(default_factory=list)

    @property
    def pod(self) -> str:
        return self.hostname

    @property
    def uid(self) -> str:
        return self.ip

    def log(self, line: str) -> None:
        self.lines.append(line)

    async def resolve(self, host: str) -> list[str]:
        addresses = self.stage.names.get(host)
        if not addresses:
            raise NameNotFound
        return addresses

    async def records(self, name: str, kind: str) -> list[str]:
        return self.stage.records.get((name, kind), [])

    async def http_get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        ca: bytes | None,  # noqa: ARG002
        verify: bool,  # noqa: ARG002
        connect_timeout: float | None,  # noqa: ARG002
        timeout: float | None,  # noqa: ARG002, ASYNC109
    ) -> Response:
        await asyncio.sleep(0.02)
        self.stage.requests.append((url, headers["Authorization"]))
        if self.stage.failure is not None:
            raise self.stage.failure
        if not url.startswith(f"{RIGHT_ADDRESS}/"):
            raise Refused
        return self.stage.answer or Response(200, self.stage.endpoints())

    def reachable(self, ip_or_host: str, port: int) -> bool:  # noqa: ARG002
        return frozenset((self.ip, ip_or_host)) not in self.stage.cuts

    async def connect(self, ip: str, port: int) -> None:
        raise NotImplementedError("no command that connects is rehearsed")


@dataclass(eq=False)
class StagePod:
    """A pod with one stand-in."""

    world: StageWorld
    program: StandInEMQX
    task: "asyncio.Task[int]"
    ready_since: float | None = None
    deleted: bool = False

    @property
    def node(self) -> Node:
        node = self.program.node
        assert node is not None
        return node

    async def ctl(self, *args: str, command: tuple[str, ...] = ("emqx_ctl",)) -> tuple[int, str, str]:
        """Run emqx_ctl; gives exit code, stdout, stderr."""
        out: list[bytes] = []
        err: list[bytes] = []
        code = await self.program.execute((*command, *args), b"", out.append, err.append)
        return code, b"".join(out).decode(), b"".join(err).decode()


def settings(version: str, address: str, **more: str) -> dict[str, str]:
    """The variables of a Deployment with k8s discovery by IP."""
    k8s = {
        "EMQX_CLUSTER__K8S__APISERVER": address,
        "EMQX_CLUSTER__K8S__SERVICE_NAME": "emqx",
        "EMQX_CLUSTER__K8S__NAMESPACE": "iot",
        "EMQX_CLUSTER__K8S__ADDRESS_TYPE": "ip",
    }
    if version.startswith("4."):
        own = {"EMQX_NAME": "emqx", "EMQX_CLUSTER__DISCOVERY": "k8s", "EMQX_CLUSTER__K8S__APP_NAME": "emqx"}
    else:
        own = {"EMQX_CLUSTER__DISCOVERY_STRATEGY": "k8s"}
    return {**own, **k8s, **more}


class Stage:
    """Pods, their readiness, and the one Service in front of them."""

    def __init__(self, version: str, seed: int = 0, **switches: str) -> None:
        """Prepare an empty stage; the seed decides all chance, and the switches are those of the namespace."""
        self.version = version
        self.switches = switches
        self.rng = random.Random(seed)
        self.fabric = Fabric(rng=self.rng)
        self.pods: list[StagePod] = []
        self.names: dict[str, list[str]] = {}
        self.records: dict[tuple[str, str], list[str]] = {}
        self.cuts: set[frozenset[str]] = set()
        self.requests: list[tuple[str, str]] = []
        self.answer: Response | None = None
        self.failure: Exception | None = None
        self._listed: list[StagePod] = []
        self._serial = 10
        self._background: set[asyncio.Task[None]] = set()

    @property
    def live(self) -> list[StagePod]:
        return [pod for pod in self.pods if not pod.deleted]

    def endpoints(self) -> str:
        addresses = [{"ip": pod.world.ip} for pod in self._listed]
        return json.dumps({"kind": "Endpoints", "subsets": [{"addresses": addresses}] if addresses else []})

    def start(self, env: Mapping[str, str], *, ip: str = "", hostname: str = "", **given: Any) -> StagePod:
        """Start a container: keywords `switches`, `volumes`, `version`, `image`, `files`."""
        self._serial += 1
        world = StageWorld(
            stage=self,
            env=env,
            hostname=hostname or f"emqx-{self._serial}",
            ip=ip or f"10.244.0.{self._serial}",
            image_version=given.get("version", self.version),
            image_repository=given.get("image", "emqx/emqx"),
            files=given.get("files", {"/var/run/secrets/kubernetes.io/serviceaccount/token": b"t0ken\n"}),
            volumes=given.get("volumes", {}),
            switches=given.get("switches", self.switches),
        )
        program = StandInEMQX(world, self.fabric)
        pod = StagePod(world, program, asyncio.ensure_future(program.run()))
        self.pods.append(pod)
        self._later(self._probe(pod))
        return pod

    def delete(self, pod: StagePod) -> None:
        """SIGTERM; the address leaves the Endpoints a moment later."""
        pod.deleted = True
        pod.program.terminate()
        self._later(self._unlist(pod))

    def kill(self, pod: StagePod) -> None:
        """SIGKILL."""
        pod.deleted = True
        pod.task.cancel()
        if pod in self._listed:
            self._listed.remove(pod)

    async def until(self, condition: Callable[[], bool], seconds: float = 120.0) -> bool:
        """Wait for it; False when it did not come."""
        end = asyncio.get_running_loop().time() + seconds
        while not condition():
            if asyncio.get_running_loop().time() > end:
                return False
            await asyncio.sleep(0.2)
        return True

    async def all_ready(self) -> bool:
        return await self.until(lambda: all(pod.ready_since is not None for pod in self.live))

    async def roll(self, env: Mapping[str, str], min_ready_seconds: float = 0.0) -> bool:
        """A Deployment's rolling update with maxSurge 1 and maxUnavailable 0; False: it got stuck."""
        loop = asyncio.get_running_loop()
        wanted = len(self.live)
        for old in self.rng.sample(self.live, len(self.live)):
            await asyncio.sleep(self.rng.uniform(0.5, 1.5))
            new = self.start(env)

            def available(pod: StagePod = new) -> bool:
                ready = sum(other.ready_since is not None for other in self.live)
                since = pod.ready_since
                return since is not None and loop.time() - since >= min_ready_seconds and ready > wanted

            if not await self.until(available):
                return False
            await asyncio.sleep(self.rng.uniform(0.1, 0.6))
            self.delete(old)
        return True

    async def gather(self) -> None:
        """Join all to the first, one after the other."""
        seed, *strays = self.live
        for stray in strays:
            await stray.ctl("cluster", "join", seed.node.name)

    def islands(self) -> list[set[str]]:
        """The running nodes that see one another, by the views of the live pods that serve."""
        found: list[set[str]] = []
        live = {pod.node.name for pod in self.live}
        for pod in self.live:
            view = set(pod.node.database.view()[0]) & live
            if pod.node.serving and view not in found:
                found.append(view)
        return found

    def half_joined(self) -> list[StagePod]:
        return [pod for pod in self.live if not pod.node.serving]

    @property
    def whole(self) -> bool:
        return self.islands() == [{pod.node.name for pod in self.live}] and not self.half_joined()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _probe(self, pod: StagePod) -> None:
        await asyncio.sleep(self.rng.uniform(0, 0.3))
        while not pod.deleted:
            ready = self._serves(pod)
            if ready != (pod.ready_since is not None):
                pod.ready_since = asyncio.get_running_loop().time() if ready else None
                await asyncio.sleep(self.rng.uniform(0.05, 0.3))
                if ready and not pod.deleted:
                    self._listed.append(pod)
                elif pod in self._listed:
                    self._listed.remove(pod)
            await asyncio.sleep(PROBE_SECONDS * pace(pod.world.switches))

    def _serves(self, pod: StagePod) -> bool:
        page = (8081, "/status") if pod.world.image_version.startswith("4.") else (18083, "/status")
        try:
            return pod.program.http(*page).status in (200, 404)
        except Refused:
            return False

    async def _unlist(self, pod: StagePod) -> None:
        await asyncio.sleep(self.rng.uniform(0.05, 0.3))
        if pod in self._listed:
            self._listed.remove(pod)
