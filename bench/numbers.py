"""The arithmetic of the figures; pure."""

import statistics
from collections.abc import Iterable, Sequence


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def p90(values: Sequence[float]) -> float:
    """The smallest value that nine of ten do not exceed."""
    ordered = sorted(values)
    return ordered[-(-9 * len(ordered) // 10) - 1]


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """How long at least one of the spans goes on."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total
