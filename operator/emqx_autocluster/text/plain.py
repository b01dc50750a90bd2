r"""The one door for text that others wrote, on its way to terminals, logs, status, Events and files.

A name or a value that a tenant chose can hold what moves a terminal's cursor, sets its title or clipboard, hides text,
turns its direction, begins a line of its own, or is an order to the pipeline that prints it. All that comes out as
Python would write it (`\x1b`, `\u202e`, `\n`), so that it is seen and does nothing. A backslash stays as it is: what
was told once can be told again.
"""

import codecs
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing; what Unicode itself calls unprintable is told by str.isprintable."""
_ORDER = re.compile(r"(?<=#)#(?=[A-Za-z]*+\[)")
_COMMAND = re.compile(r"^( *+):(?=:[A-Za-z-]++(?: .*)?::)")
"""`##vso[…]` and `##[…]` anywhere, and `::error::` where a line begins: what pipelines take for orders."""

_ESCAPE = codecs.getencoder("unicode_escape")
"""Found at the start: where memory does not suffice, that has to be logged, and nothing can be loaded any more."""


def plain(text: str) -> str:
    """One line of what can be seen."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if c.isprintable() and not _BLANK.match(c) else _escaped(c) for c in text)
    return _COMMAND.sub(r"\1\\x3a", _ORDER.sub(r"\\x23", text))


def is_plain(text: str) -> bool:
    return plain(text) == text


def plain_value(value: Any) -> Any:
    """The same for each text, and each key, of a JSON value."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {plain(str(key)): plain_value(each) for key, each in value.items()}
    return [plain_value(each) for each in value] if isinstance(value, list | tuple) else value


def _escaped(character: str) -> str:
    return _ESCAPE(character)[0].decode("ascii")


Told = Annotated[str, AfterValidator(plain)]
"""A text of a model that may hold what others wrote."""
