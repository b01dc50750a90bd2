"""Sentences for people: wrapped on a terminal, and in one line elsewhere, so that they can be searched for."""

import textwrap

from rich.console import Console

from emqx_autocluster.commands import terminal
from emqx_autocluster.text.plain import plain


def tell(console: Console, text: str, *, lead: str = "", style: str = "") -> None:
    """With `lead` before it; what follows in further lines is indented by as much."""
    words = plain(text)
    width = console.width if console.is_terminal else len(lead) + len(words)
    lines = textwrap.wrap(
        words,
        max(width, len(lead) + 1),
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        console.print(terminal.text(line, style), soft_wrap=True)
