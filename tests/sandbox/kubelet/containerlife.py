"""The life of one container of a pod: pulled, started, probed, restarted with back-off, stopped."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from . import probes
from .api import UNREACHABLE, ApiError, Json
from .backoff import Backoff
from .commands import Given, Streams
from .container import CommandNotFound
from .environment import ConfigError
from .images import Image, Programs
from .logs import LogBuffer
from .podstatus import ContainerView, Running, State, Terminated, Waiting
from .process import KILLED, Process
from .world import PodWorld

logger = logging.getLogger(__name__)

_STABLE_AFTER = 600.0
"""Seconds a container has to run until its restart back-off starts over."""

CREATING = Waiting("ContainerCreating")
MakeWorld = Callable[[Json], Awaitable[PodWorld]]


class ContainerLife:
    def __init__(
        self,
        spec: Json,
        pod: Json,
        programs: Programs,
        make_world: MakeWorld,
        switches: Mapping[str, str],
        changed: Callable[[], None],
    ) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.process: Process | None = None
        self._label = "pod={name}_{namespace}({uid})".format_map(pod["metadata"])
        self._logs: LogBuffer | None = None
        self._previous_logs: LogBuffer | None = None
        self.state: State = CREATING
        self._image = Image.parse(spec["image"])
        self._policy: str = spec.get("restartPolicy") or pod["spec"].get("restartPolicy", "Always")
        self._grace: float = pod["spec"].get("terminationGracePeriodSeconds", 30)
        self._programs = programs
        self._make_world = make_world
        self._switches = switches
        self._changed = changed
        self._last: Terminated | None = None
        self._restarts = 0
        self._container_id = ""
        self._probed_ready = False
        self._started = False
        self._stopping = False
        self._initialized = False
        self._backoff = Backoff(10, 300)
        self._waiting = asyncio.Event()

    def view(self) -> ContainerView:
        running = isinstance(self.state, Running)
        return ContainerView(
            name=self.name,
            image=self.spec["image"],
            state=self.state,
            last=self._last,
            restarts=self._restarts,
            ready=self._initialized or (running and self._is_ready()),
            started=running and self._started,
            container_id=self._container_id,
            image_id=self._image.digest if self._container_id else "",
        )

    def logs(self, *, previous: bool) -> LogBuffer | None:
        """Give the log of the last run, or with `previous` of the run that lastState speaks of."""
        return self._previous_logs if previous and not isinstance(self.state, Waiting) else self._logs

    async def live(self) -> None:
        """Run until the container has ended and must not be started again."""
        await self._pull()
        while not self._stopping:
            world = await self._configured()
            if world is None:
                return
            ended = await self._run(world)
            if (
                self._stopping
                or self._policy == "Never"
                or (self._policy == "OnFailure" and not ended.exit_code)
            ):
                return
            await self._wait_to_restart(ended)

    async def run_to_success(self) -> None:
        """An init container: pulled and configured as any other, and then it succeeds at once."""
        await self._pull()
        if await self._configured() is None:
            return
        now = datetime.now(UTC)
        self._container_id = f"containerd://{secrets.token_hex(32)}"
        self._initialized = True
        self._enter(Terminated(0, "Completed", now, now, self._container_id))

    async def stop(self) -> None:
        """Run the preStop hook, then SIGTERM. A container that does not run is not started again."""
        self._stopping = True
        self._waiting.set()
        if self.process is None:
            return
        process = self.process
        await self._pre_stop(process)
        process.program.terminate()

    def kill(self, exit_code: int = KILLED) -> None:
        if self.process is not None:
            self.process.kill(exit_code)

    async def _pull(self) -> None:
        backoff = Backoff(10, 300)
        image = self.spec["image"]
        while not self._image.can_be_pulled and not self._stopping:
            failure = (
                f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": not found'
            )
            self._enter(Waiting("ErrImagePull", failure))
            await self._pause(1)
            self._enter(Waiting("ImagePullBackOff", f'Back-off pulling image "{image}"'))
            await self._pause(self._delay(backoff))

    async def _configured(self) -> PodWorld | None:
        """Make the container's world once all that its spec refers to exists; None if it shall not start."""
        backoff = Backoff(0.2, 10)
        while not self._stopping:
            try:
                return await self._make_world(self.spec)
            except ConfigError as error:
                self._enter(Waiting("CreateContainerConfigError", str(error)))
            except (ApiError, *UNREACHABLE) as error:
                logger.warning("container %s waits: %s", self.name, error or type(error).__name__)
            await self._pause(backoff.next())
        return None

    async def _run(self, world: PodWorld) -> Terminated:
        self._previous_logs, self._logs = self._logs, world.logs
        self.process = process = Process(self._programs.start(self._image, world), world, world.logs)
        self._container_id = process.container_id
        self._started = "startupProbe" not in self.spec
        self._probed_ready = "readinessProbe" not in self.spec
        self._enter(Running(process.started))
        probing = asyncio.create_task(self._probe(process))
        try:
            code = await process.run()
        finally:
            probing.cancel()
            self.process = None
        now = datetime.now(UTC)
        ended = Terminated(code, _reason(code), process.started, now, process.container_id)
        self._enter(ended)
        return ended

    async def _probe(self, process: Process) -> None:
        if "startupProbe" in self.spec:
            if not await anext(probes.verdicts(self.spec["startupProbe"], self.spec, process)):
                await process.end(self._grace)
                return
            self._started = True
            self._changed()
        async with asyncio.TaskGroup() as group:
            if "readinessProbe" in self.spec:
                group.create_task(self._watch_readiness(process))
            if "livenessProbe" in self.spec:
                group.create_task(self._watch_liveness(process))

    async def _watch_readiness(self, process: Process) -> None:
        async for ready in probes.verdicts(self.spec["readinessProbe"], self.spec, process):
            self._tell_readiness(ready=ready)

    async def _watch_liveness(self, process: Process) -> None:
        async for alive in probes.verdicts(self.spec["livenessProbe"], self.spec, process):
            if not alive:
                await process.end(self._grace)
                return

    def _tell_readiness(self, *, ready: bool) -> None:
        if ready != self._probed_ready:
            self._probed_ready = ready
            self._changed()

    async def _wait_to_restart(self, ended: Terminated) -> None:
        if (ended.finished - ended.started).total_seconds() >= _STABLE_AFTER:
            self._backoff.reset()
        # a kubelet restarts at once the first time, and only then starts to count
        delay = self._delay(self._backoff) if self._restarts or "backoff_seconds" in self._switches else 0.0
        self._last = ended
        if delay:
            self._enter(
                Waiting(
                    "CrashLoopBackOff",
                    f"back-off {delay:g}s restarting failed container={self.name} {self._label}",
                )
            )
            await self._pause(delay)
        self._restarts += 1

    def _delay(self, backoff: Backoff) -> float:
        return float(self._switches.get("backoff_seconds") or backoff.next())

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless the pod is being deleted."""
        try:
            async with asyncio.timeout(seconds):
                await self._waiting.wait()
        except TimeoutError:
            pass

    async def _pre_stop(self, process: Process) -> None:
        hook = (self.spec.get("lifecycle") or {}).get("preStop") or {}
        if "sleep" in hook:
            await asyncio.sleep(hook["sleep"]["seconds"])
        if "exec" in hook:
            try:
                await process.execute(hook["exec"]["command"], Streams(Given(), _drop, _drop))
            except CommandNotFound as error:
                logger.warning("preStop hook of %s: no command %s", self.name, error)

    def _is_ready(self) -> bool:
        return self._started and self._probed_ready and self._switches.get("readiness") != "fail"

    def _enter(self, state: State) -> None:
        self.state = state
        self._changed()


def _reason(exit_code: int) -> str:
    return "Completed" if exit_code == 0 else "Error"


def _drop(_: bytes) -> None:
    """Nobody reads a hook's output."""
