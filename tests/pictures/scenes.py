"""What is shown: each scene needs a story that stands at its moment."""

import sys
from collections.abc import Mapping
from pathlib import Path

from rich.text import Text

import manifests
from pictures import COLUMNS, printed
from pictures.played import between, played
from situations import lone_members
from story import Story

PROGRAM = Path(sys.executable).parent / "emqx-autocluster"


async def prepared(story: Story) -> None:
    """Three members that do not find each other: the address leads to a kubectl proxy that is gone."""
    await lone_members(story, "5.8.9", manifests.DEAD_PROXY)


async def enrolled(story: Story) -> None:
    await story.annotate(mode="Observe")
    await story.until_condition("Ready", "False", "APIServerUnreachable", seconds=180)


async def doctor(story: Story, environment: Mapping[str, str]) -> str:
    """Once the members are old enough for being alone to mean something."""

    async def told() -> str:
        text = await _printed(story, environment, "doctor", "deployment/emqx")
        return text if "Cause (" in text else ""

    text: str = await story.until("a cause", told, seconds=180, every=2)
    return text


async def status(story: Story, environment: Mapping[str, str]) -> str:
    return await _printed(story, environment, "status")


async def demo() -> Text:
    """From the annotation to the verdict; the picture that changed in place as it stood in the end."""
    lines = played(await printed((sys.executable, "-m", "demo"), {}), COLUMNS)
    return between(lines, "One annotation", "$ kubectl get eac")


async def _printed(story: Story, environment: Mapping[str, str], *arguments: str) -> str:
    argv = (PROGRAM, *arguments, "-n", story.namespace)
    return await printed(argv, {"KUBECONFIG": str(story.sandbox.kubeconfig)} | environment)
