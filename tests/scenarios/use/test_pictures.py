"""The README's pictures of the terminal say what the commands print today; `make pictures` makes them anew."""

import re
from pathlib import Path

import pytest

import pace
from demo.story import STEPS
from pictures import FOLDER, scenes, shown, words
from sandbox.handle import SandboxHandle
from stage import staged


def in_life(words: str) -> str:
    """The pictures are made without the haste of the stories."""
    return (
        words.replace("atleast10:", "atleast20:")
        .replace('minReadySeconds":10', 'minReadySeconds":20')
        .replace("minReadySeconds=10", "minReadySeconds=20")
    )


async def test_the_pictures_show_what_the_commands_print(sandbox: SandboxHandle, operator_log: Path) -> None:
    """In a namespace of a short name, which is not wrapped in the table."""
    assert operator_log.exists()
    async with staged(sandbox, "shown") as story:
        await scenes.prepared(story)
        doctor = words(await scenes.doctor(story, pace.ENVIRONMENT), story.namespace)
        await scenes.enrolled(story)
        status = words(await scenes.status(story, pace.ENVIRONMENT), story.namespace)
    assert words(shown((FOLDER / "doctor.svg").read_text()), "iot") == in_life(doctor)
    assert words(shown((FOLDER / "status.svg").read_text()), "iot") == in_life(status)


def test_the_picture_of_the_demo_tells_its_story_as_the_demo_does_today() -> None:
    told = words(shown((FOLDER / "demo.svg").read_text()), "iot")
    for step, meaning in STEPS.items():
        assert words(f"{step} {meaning}", "iot") in told
    assert re.search(r"onecluster\d+saftertheannotation,beforeanyrestart", told)
    assert "✗" not in told


@pytest.mark.parametrize("name", ["doctor", "status", "demo"])
def test_a_picture_needs_nothing_from_elsewhere(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text()
    assert "font-face" not in text
    assert "url(" not in text.replace("url(#", "")
    assert "<script" not in text
