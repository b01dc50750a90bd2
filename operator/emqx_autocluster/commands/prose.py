"""Sentences for people: wrapped on a terminal, and in one line elsewhere, so that they can be searched for."""

import textwrap

from rich.console import Console
from rich.text import Text


def tell(console: Console, text: str, *, lead: str = "", style: str = "") -> None:
    """With `lead` before it; what follows in further lines is indented by as much."""
    width = console.width if console.is_terminal else len(lead) + len(text)
    lines = textwrap.fill(
        text,
        max(width, len(lead) + 1),
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )
    console.print(Text(lines, style), soft_wrap=True)
