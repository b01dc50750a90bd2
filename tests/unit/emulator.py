"""An emulator of a terminal: what an output does there beside showing characters."""

from collections.abc import Callable
from typing import Any

import pyte

_HARMLESS = frozenset({"draw", "linefeed", "carriage_return", "select_graphic_rendition"})
_CONCEALED = 8


class _Listener:
    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in pyte.Stream.events:
            raise AttributeError(name)
        return lambda *values, **_: self.seen.append((name, values))


def acts(output: str) -> list[str]:
    """All that it does but to show characters, in colours, one line after the other."""
    listener = _Listener()
    pyte.Stream(listener, strict=False).feed(output)  # type: ignore[arg-type]
    hidden = [
        name for name, values in listener.seen if name == "select_graphic_rendition" and _CONCEALED in values
    ]
    return [*(name for name, _ in listener.seen if name not in _HARMLESS), *hidden]
