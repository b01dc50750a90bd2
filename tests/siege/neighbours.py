"""Those who do no harm: one whose changes have to be noticed soon, and one whose repair has to go on."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emqx_autocluster.clients.errors import ClientError
from scenarios import manifests
from scenarios.story import Story, StoryError, condition, is_ready
from siege.tenants import VERSION

_POLL = 0.05
_BETWEEN = 0.5
LONGEST = 120.0
"""Seconds after which a reaction counts as this long, and the next one is looked for."""


@dataclass(slots=True)
class Reactions:
    """How long a neighbour waits until the operator has taken note of a change: pause on, pause off, and again.

    Beside it stands for how much of that the operator waited for a processor, which a machine that is not busy has, and
    how long the API server took for the change itself, in which the operator has no part.
    """

    story: Story
    seconds: list[float] = field(default_factory=list)
    starved: list[float] = field(default_factory=list)
    changing: list[float] = field(default_factory=list)
    pid: Callable[[], int | None] = lambda: None
    """Of the operator."""
    paused: bool = False

    async def prepare(self) -> None:
        story = self.story
        await story.control.namespace(story.namespace, ctl_seconds="0.1")
        await story.apply(
            manifests.service(story.namespace),
            manifests.deployment(VERSION, story.namespace, manifests.CANONICAL, replicas=1),
        )
        await story.until_lone(1)
        await story.annotate(mode="Observe")
        await story.until_condition("Paused", "False")

    async def go_on(self) -> None:
        while True:
            await self.once()

    async def once(self) -> None:
        before = starved(self.pid())
        self.seconds.append(await self.next())
        self.starved.append(max(0.0, starved(self.pid()) - before))

    def forget(self) -> None:
        """What was measured so far."""
        for measured in (self.seconds, self.starved, self.changing):
            measured.clear()

    async def next(self) -> float:
        """Of one more change."""
        await asyncio.sleep(_BETWEEN)
        self.paused = not self.paused
        began = time.monotonic()
        await self.story.annotate(paused="true" if self.paused else None)
        self.changing.append(time.monotonic() - began)
        began = time.monotonic()
        await self._noticed(began)
        return time.monotonic() - began

    async def _noticed(self, began: float) -> None:
        wanted = "True" if self.paused else "False"
        while time.monotonic() - began < LONGEST:
            try:
                told = condition(await self.story.resource(), "Paused")
            except ClientError:
                told = {}
            if told.get("status") == wanted:
                return
            await asyncio.sleep(_POLL)


def starved(pid: int | None) -> float:
    """Seconds in which this process could have run and had no processor; 0 where that cannot be told."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def net(seconds: Sequence[float], starved: Sequence[float]) -> list[float]:
    """What is left of each reaction on a machine that has a processor for the operator."""
    return [max(0.0, each - waited) for each, waited in zip(seconds, starved, strict=False)]


def percentile(values: Sequence[float], share: float) -> float:
    """The least value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


@dataclass(slots=True)
class Repair:
    """Three members that do not know each other: joined, and rolled into one cluster."""

    story: Story

    async def prepare(self) -> None:
        story = self.story
        await story.apply(
            manifests.service(story.namespace),
            manifests.deployment(VERSION, story.namespace, manifests.DEAD_PROXY),
        )

        async def all_ready() -> bool:
            pods = await story.pods()
            return len(pods) == 3 and all(map(is_ready, pods))

        await story.until("three lone members", all_ready, seconds=180, every=1)

    async def done(self, seconds: float) -> float | None:
        """How long it took; None: longer than that."""
        began = time.monotonic()
        await self.story.annotate(mode="Repair")
        try:
            await self.story.until_repaired(seconds=seconds)
        except StoryError:
            return None
        return time.monotonic() - began
