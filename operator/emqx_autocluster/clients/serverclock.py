"""How far the API server's clock is ahead of ours, by the dates of its answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

_SAME_TIME = timedelta(seconds=5)
"""The API server tells its time in whole seconds, and its answer was under way for a while."""


@dataclass(slots=True)
class ServerClock:
    """One for a connection and its fenced twin."""

    ahead: timedelta = timedelta(0)

    def set(self, ours: datetime, date: str | None) -> None:
        """By the header Date of an answer that came at `ours`."""
        try:
            ahead = parsedate_to_datetime(date or "") - ours
        except (TypeError, ValueError):
            return  # a proxy's answer, perhaps
        self.ahead = ahead if abs(ahead) > _SAME_TIME else timedelta(0)

    def at(self, ours: datetime) -> datetime:
        """What the API server's clock shows when ours shows this."""
        return ours + self.ahead
