"""What stands on a terminal in the end, of an output that changed in place while it went on."""

import pyte
from rich.style import Style
from rich.text import Text

_LINES = 1000
"""More than any output has: nothing scrolls away."""
_NAMES = {"brown": "yellow", "default": None}
"""pyte's word for a colour that rich calls otherwise."""


def played(output: str, columns: int) -> list[Text]:
    """Its lines, in their colours."""
    screen = pyte.Screen(columns, _LINES)
    pyte.Stream(screen).feed(output)
    return [_line(screen, number) for number in range(screen.cursor.y)]


def _line(screen: pyte.Screen, number: int) -> Text:
    line = Text()
    for column in range(screen.columns):
        shown = screen.buffer[number][column]
        line.append(shown.data, Style(color=_colour(shown.fg), bgcolor=_colour(shown.bg), bold=shown.bold))
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
    begin = next(n for n, line in enumerate(lines) if first in line.plain)
    end = next(n for n, line in enumerate(lines) if n > begin and after in line.plain)
    return Text("\n").join(lines[begin:end])
