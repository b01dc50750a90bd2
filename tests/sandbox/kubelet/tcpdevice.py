"""bash's `/dev/tcp/HOST/PORT`: a redirection to it opens a TCP connection, and fails where that does."""

import re
from collections.abc import Iterable

from .container import Refused, TimedOut, World

_DEVICE = re.compile(r"/dev/tcp/([^/]+)/(\d+)")


def is_device(path: str) -> bool:
    return _DEVICE.fullmatch(path) is not None


async def failure(world: World, paths: Iterable[str]) -> str | None:
    """What bash says of the first connection that cannot be opened; None: each can."""
    for path in paths:
        match = _DEVICE.fullmatch(path)
        if match is None:
            continue
        try:
            await world.connect(match[1], int(match[2]))
        except Refused:
            return _words(path, "Connection refused")
        except TimedOut:
            return _words(path, "Connection timed out")
    return None


def _words(path: str, why: str) -> str:
    return f"bash: connect: {why}\nbash: line 1: {path}: {why}\n"
