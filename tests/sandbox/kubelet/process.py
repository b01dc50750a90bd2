"""One run of a container: the program, its log, and the commands that exec has started in it."""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from .commands import Streams
from .container import Program
from .executor import execute
from .logs import LogBuffer
from .world import PodWorld

logger = logging.getLogger(__name__)

KILLED = 137
_CRASHED = 1


class Process:
    def __init__(self, program: Program, world: PodWorld, logs: LogBuffer) -> None:
        self.program = program
        self.world = world
        self.logs = logs
        self.container_id = f"containerd://{secrets.token_hex(32)}"
        self.started = datetime.now(UTC)
        self._main: asyncio.Task[int] | None = None
        self._executions: set[asyncio.Task[int]] = set()
        self._killed_with = KILLED

    async def run(self) -> int:
        """Run the program to its end; everything that exec has started ends with it."""
        self._main = asyncio.create_task(self.program.run())
        try:
            await asyncio.wait({self._main})
        finally:
            for task in (self._main, *self._executions):
                task.cancel()
            self.logs.close()
        return self._exit_code(self._main)

    def kill(self, exit_code: int = KILLED) -> None:
        """SIGKILL; with another exit code: a crash of its own."""
        self._killed_with = exit_code
        if self._main is not None:
            self._main.cancel()

    async def end(self, grace: float) -> None:
        """SIGTERM, and SIGKILL after the grace."""
        self.program.terminate()
        if self._main is not None:
            await asyncio.wait({self._main}, timeout=grace)
            self.kill()

    async def execute(self, argv: Sequence[str], streams: Streams) -> int:
        """Run a command; raises CommandNotFound. It goes on when the caller goes away, as in a real container."""
        task = asyncio.create_task(execute(self.program, self.world, argv, streams))
        self._executions.add(task)
        task.add_done_callback(self._executions.discard)
        await asyncio.wait({task})
        return KILLED if task.cancelled() else task.result()

    def _exit_code(self, main: asyncio.Task[int]) -> int:
        if main.cancelled():
            return self._killed_with
        error = main.exception()
        if error is None:
            return main.result()
        label = f"{self.world.namespace}/{self.world.pod}"
        logger.error("the program of %s raised", label, exc_info=error)
        return _CRASHED
