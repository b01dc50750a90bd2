"""An incident handed on as one file, and a repair watched as it goes."""

import asyncio
import json
import os
import pty
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pyte

import manifests
import pace
from situations import lone_members
from story import Story

COMMAND = Path(sys.executable).parent / "emqx-autocluster"
COLUMNS, LINES = 110, 50


async def test_a_report_tells_what_is_wrong_and_what_happened_and_attaches_all_facts(story: Story) -> None:
    await lone_members(story, "5.8.9", manifests.DEAD_PROXY)
    await story.annotate(mode="Repair")
    await story.until_repaired()
    facts = json.loads(
        await story.shell(f"emqx-autocluster report deploy/emqx -n {story.namespace} -o json || true")
    )
    told = [f"{entry['kind']} {entry['subject']}" for entry in facts["chronicle"]["entries"]]
    assert facts["chronicle"]["unread"] == []
    assert facts["verdict"] == "Healthy"
    pods = [pod["metadata"]["name"] for pod in await story.pods()]
    assert {f"member {pod}" for pod in pods} <= set(told)
    assert {
        "condition Ready",
        "action PatchWorkload Deployment/emqx",
        "event Deployment emqx",
        "event EMQXAutoCluster emqx",
    } <= set(told)
    assert sum(each.startswith("rollout ") for each in told) == 2, (
        "the first ReplicaSet and the one of the repair"
    )
    times = [entry["at"] for entry in facts["chronicle"]["entries"]]
    assert times == sorted(times)
    page = await story.shell(f"emqx-autocluster report deploy/emqx -n {story.namespace} -o html")
    assert page.startswith("<!DOCTYPE html>")
    assert all(pod in page for pod in pods)


async def test_a_repair_is_seen_as_it_goes_and_leaves_a_clean_screen(story: Story) -> None:
    await lone_members(story, "5.8.9", manifests.DEAD_PROXY)
    async with watched(story, "status", "--watch") as screen:
        await story.until("an empty view", screen.shows("No enrolled workload"), seconds=60)
        await story.annotate(mode="Repair")
        await story.until("the stages", screen.shows("gate → gather → rights"), seconds=120)
        await story.until("a rollout", screen.shows("AwaitRollout"), seconds=180)
        await story.until("the end", screen.shows("✓ True", "3 of 3"), seconds=240)
        screen.interrupt()
        assert await screen.exit_code() == 130
    assert screen.restored, "the terminal has its own screen again"
    assert "✓ True" in screen.text(), "and what was seen last stays on it"


class Screen:
    """A terminal, and a command in it."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self._process, self._master = process, master
        self._terminal = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._terminal)
        self._written = b""
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            written = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            written = b""
        if not written:
            self.close()
            return
        self._written += written
        self._stream.feed(written)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._terminal.display)

    def shows(self, *words: str) -> Callable[[], Awaitable[bool]]:
        async def check() -> bool:
            return all(each in self.text() for each in words)

        return check

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.killpg(self._process.pid, signal.SIGINT)

    async def exit_code(self) -> int:
        async with asyncio.timeout(30):
            return await self._process.wait()

    @property
    def restored(self) -> bool:
        """Whether it left the other screen, and shows the cursor."""
        modes = re.findall(rb"\x1b\[\?(1049|25)([hl])", self._written)
        return dict(modes) == {b"1049": b"l", b"25": b"h"}


@asynccontextmanager
async def watched(story: Story, *arguments: str) -> AsyncIterator[Screen]:
    master, slave = pty.openpty()
    environment = os.environ | pace.ENVIRONMENT
    environment |= {"COLUMNS": str(COLUMNS), "LINES": str(LINES), "TERM": "xterm-256color"}
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, *arguments, f"--namespace={story.namespace}", f"--kubeconfig={story.sandbox.kubeconfig}"),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
        # As a terminal's shell starts it; who runs the tests in the background may have it ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    os.close(slave)
    screen = Screen(process, master)
    try:
        yield screen
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        screen.close()
        os.close(master)
