"""All that the commands print goes through here: nothing that others wrote moves a cursor or is taken for markup."""

import json
from collections.abc import Iterable
from typing import Any

import typer
import yaml
from rich.console import Console, OverflowMethod
from rich.text import Text

from emqx_autocluster.text.plain import plain, plain_value

_OVERFLOW: OverflowMethod = "fold"
"""A long word, as of a log, goes on in the next line: in a table it would else be cut, and its end is the cause."""


class Terminal(Console):
    """Takes strings, as in the cells of a table, for what they are; each is one line of what can be seen."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        rendered = super().render_str(plain(text), **options)
        rendered.overflow = _OVERFLOW
        return rendered


def text(words: str, style: str = "", *, no_wrap: bool | None = None) -> Text:
    return Text(plain(words), style, no_wrap=no_wrap, overflow=_OVERFLOW)


def assembled(*parts: str | Text | tuple[str, str]) -> Text:
    """Of texts, and of words with or without a style."""
    told = (part if isinstance(part, Text) else text(*_words(part)) for part in parts)
    return Text.assemble(*told, overflow=_OVERFLOW)


def _words(part: str | tuple[str, str]) -> tuple[str, str]:
    return (part, "") if isinstance(part, str) else part


def line(words: str) -> None:
    typer.echo(plain(words))


def error(words: str) -> None:
    """On stderr."""
    typer.echo(plain(words), err=True)


def as_json(document: Any) -> None:
    typer.echo(json.dumps(plain_value(document), indent=2))


def as_yaml(documents: Iterable[Any]) -> None:
    told = (plain_value(document) for document in documents)
    typer.echo(yaml.safe_dump_all(told, sort_keys=False, allow_unicode=True), nl=False)


def verbatim(document: str) -> None:
    """Of several lines, and of nothing but ASCII that can be seen, since somebody will apply it as it is."""
    typer.echo(document, nl=False)
