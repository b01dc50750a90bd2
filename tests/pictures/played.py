"""What stands on a terminal in the end, of an output that changed in place while it went on."""

from itertools import groupby

import pyte
import pyte.modes
from rich.style import Style
from rich.text import Text

_LINES = 1000
"""More than any output has: nothing scrolls away."""
_NAMES = {"brown": "yellow", "default": None}
"""pyte's word for a colour that rich calls otherwise."""


def played(output: str, columns: int) -> list[Text]:
    """Its lines, in their colours."""
    screen = pyte.Screen(columns, _LINES)
    screen.set_mode(pyte.modes.LNM)  # the ends of lines are Python's
    pyte.Stream(screen).feed(output)
    return [_line(screen, number) for number in range(screen.cursor.y)]


def _line(screen: pyte.Screen, number: int) -> Text:
    line = Text()
    shown = [screen.buffer[number][column] for column in range(screen.columns)]
    for (fg, bg, bold), run in groupby(shown, lambda each: (each.fg, each.bg, each.bold)):
        line.append(
            "".join(each.data for each in run), Style(color=_colour(fg), bgcolor=_colour(bg), bold=bold)
        )
    line.rstrip()
    return line


def _colour(name: str) -> str | None:
    if name in _NAMES:
        return _NAMES[name]
    if len(name) == len("ff0000") and all(digit in "0123456789abcdef" for digit in name):
        return f"#{name}"
    return name.replace("bright", "bright_")


def between(lines: list[Text], first: str, after: str) -> Text:
    """From the line that has `first` to the one before that has `after`."""
    begin = _line_with(first, lines, 0)
    return Text("\n").join(lines[begin : _line_with(after, lines, begin + 1)])


def _line_with(words: str, lines: list[Text], begin: int) -> int:
    found = next((n for n, line in enumerate(lines) if n >= begin and words in line.plain), None)
    if found is None:
        raise ValueError(
            f'"{words}" stands in none of these lines:\n' + "\n".join(line.plain for line in lines)
        )
    return found
