"""An emulator of a terminal shows what a hostile text does on it: a cluster moves no cursor, and sets nothing."""

from collections.abc import Callable

import pytest
from rich.console import Console

from emulator import acts
from hostile_text import SHOWS, WIDTHS, printed


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("show", SHOWS.values(), ids=SHOWS)
def test_a_hostile_text_moves_no_cursor_and_sets_nothing(show: Callable[[Console], None], width: int) -> None:
    assert acts(printed(show, width)) == []


@pytest.mark.parametrize("raw", ["\x1b[A", "\x1b]0;t\x07", "\x1b[8mx", "\x9b2J", "\x08", "\x1b[2J", "\x1bc"])
def test_the_emulator_sees_what_a_raw_text_does(raw: str) -> None:
    assert acts(f"before {raw} after\n")
