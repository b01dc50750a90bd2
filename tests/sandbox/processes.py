"""The sandbox's child processes: started so that none of them can outlive this process, ended hard."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def ending_with_this_process() -> Callable[[], None]:
    """For `preexec_fn`: the kernel kills the child when this process ends, however it ends."""
    if sys.platform != "linux":
        return lambda: None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def in_child() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return in_child


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    process: asyncio.subprocess.Process
    log: Path

    def last_lines(self, count: int = 15) -> str:
        with self.log.open(errors="replace") as lines:
            return "".join(list(lines)[-count:]).rstrip()

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


async def start(
    name: str, command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> Child:
    """Starts a child in a session of its own: a Ctrl-C in the terminal reaches this process alone."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            preexec_fn=ending_with_this_process(),
        )
    return Child(name, process, log)
