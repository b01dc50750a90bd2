"""What is shown: each scene needs a story that stands at its moment."""

import sys
from pathlib import Path

import manifests
import pace
from pictures import printed
from situations import lone_members, settled
from story import Story

PROGRAM = Path(sys.executable).parent / "emqx-autocluster"


async def prepared(story: Story) -> None:
    """Three members that do not find each other: the address leads to a kubectl proxy that is gone."""
    await lone_members(story, "5.8.9", manifests.DEAD_PROXY)
    await settled(story)


async def enrolled(story: Story) -> None:
    await story.annotate(mode="Observe")
    await story.until_condition("Ready", "False", "APIServerUnreachable", seconds=180)


async def doctor(story: Story) -> str:
    return await _printed(story, "doctor", "deployment/emqx")


async def status(story: Story) -> str:
    return await _printed(story, "status")


async def _printed(story: Story, *arguments: str) -> str:
    environment = {"KUBECONFIG": str(story.sandbox.kubeconfig)} | pace.ENVIRONMENT
    return await printed((PROGRAM, *arguments, "-n", story.namespace), environment)
