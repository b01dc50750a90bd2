"""What an API server that has too much to do asks of those who ask it: to come again a moment later.

By API Priority and Fairness it refuses before it has done anything, with 429 and the seconds in Retry-After, so that
the same request may be sent once more. A PodDisruptionBudget that forbids an eviction is a 429, too, and no overload.
"""

from collections.abc import Mapping
from http import HTTPStatus

TRIES = 3
"""Of one request; whoever asked sees to it later."""
_LONGEST = 10.0
"""Seconds: what is put off for longer is seen to later, too."""


def asks_to_wait(status: int, headers: Mapping[str, str], path: str) -> float | None:
    """Seconds until the request may be sent again; None: its answer counts."""
    if status != HTTPStatus.TOO_MANY_REQUESTS or path.endswith("/eviction"):
        return None
    told = headers.get("Retry-After", "")
    # Kubernetes always tells seconds, and not a date.
    seconds = float(told) if told.isascii() and told.isdigit() else None
    return seconds if seconds is not None and seconds <= _LONGEST else None
