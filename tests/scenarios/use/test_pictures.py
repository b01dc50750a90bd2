"""The README's pictures of the terminal say what the commands print today; `make pictures` makes them anew."""

import pytest

from pictures import FOLDER, scenes, shown, words
from story import Story


async def test_the_pictures_show_what_the_commands_print(story: Story) -> None:
    await scenes.prepared(story)
    doctor = words(await scenes.doctor(story), story.namespace)
    await scenes.enrolled(story)
    status = words(await scenes.status(story), story.namespace)
    assert words(shown((FOLDER / "doctor.svg").read_text()), "iot") == doctor
    assert words(shown((FOLDER / "status.svg").read_text()), "iot") == status


@pytest.mark.parametrize("name", ["doctor", "status", "demo"])
def test_a_picture_needs_nothing_from_elsewhere(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text()
    assert "font-face" not in text
    assert "url(" not in text.replace("url(#", "")
    assert "<script" not in text
