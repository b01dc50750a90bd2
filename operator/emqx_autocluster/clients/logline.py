"""One line of a container's log, as the kubelet gives it with `timestamps=true`."""

import re
from datetime import datetime

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9:]{5})")
_LONGEST_TIME = 36
_LONGEST = 8192
"""Characters: what is looked for stands near the beginning, and a longer line is somebody's payload."""


def split(line: str) -> tuple[datetime, str] | None:
    """When it was written, and what it says, as far as that is read; None: no such line."""
    stamp, space, _ = line[: _LONGEST_TIME + 1].partition(" ")
    if not space or not _TIME.fullmatch(stamp):
        return None
    try:
        return datetime.fromisoformat(stamp), line[len(stamp) : len(stamp) + _LONGEST].strip()
    except ValueError:
        return None
