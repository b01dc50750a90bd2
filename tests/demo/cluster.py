"""Starts the sandbox for the demo as a process of its own, and ends it whatever happens."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from demo.screen import Screen
from sandbox.handle import SandboxHandle

_STOP_SECONDS = 15
_LAST_WORDS = "the sandbox is ready"


class ClusterError(Exception):
    """The sandbox did not start; its own words have been shown."""


@asynccontextmanager
async def running(screen: Screen, root: Path) -> AsyncIterator[SandboxHandle]:
    """Builds it first where that was never done, and shows how that goes."""
    folder = Path(tempfile.mkdtemp(prefix="emqx-autocluster-demo-"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "up", "--state", str(folder), "--with-parent"),
        env=os.environ | {"PYTHONPATH": str(root / "tests"), "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the demo, which then ends the sandbox in order
    )
    try:
        await _until_ready(process, screen)
        unheard = asyncio.create_task(_drain(process))
        yield SandboxHandle.load(folder)
        unheard.cancel()
    finally:
        await _end(process)
        shutil.rmtree(folder, ignore_errors=True)


async def _until_ready(process: asyncio.subprocess.Process, screen: Screen) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        said = line.decode(errors="replace").rstrip()
        if _LAST_WORDS in said:
            return
        screen.progress(said)
    raise ClusterError(f"the sandbox ended with exit code {await process.wait()} before it was ready")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    while await process.stdout.read(4096):
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
            return
    process.kill()
    await process.wait()
