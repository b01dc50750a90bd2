"""What a guard is worth: the same disasters without it."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from emqx_autocluster.healing import guards

FENCE = "Fence"
"""The look at the Lease right before each write."""
GUARDS = tuple(name for name, _ in guards._GUARDS)
NAMES = (*GUARDS, FENCE)


@contextmanager
def without(name: str | None) -> Iterator[None]:
    """All but this guard; None: all of them."""
    if name is not None and name not in NAMES:
        raise ValueError(f"there is no guard {name}, but: {', '.join(NAMES)}")
    left = tuple(guard for guard in guards._GUARDS if guard[0] != name)
    with patch.object(guards, "_GUARDS", left):
        yield
