"""Exponential back-off as a number: pure, shared by container restarts, image pulls and reconnects."""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Doubling delays from `first` up to `limit` seconds."""

    first: float
    limit: float
    _next: float = 0.0

    def next(self) -> float:
        """Give the delay to wait now, and double the one after it."""
        delay = self._next or self.first
        self._next = min(delay * 2, self.limit)
        return min(delay, self.limit)

    def reset(self) -> None:
        """Start over from the first delay."""
        self._next = 0.0
