"""What was asked of the API server and when it was answered, as its own audit log has it.

The log is the one clock for everything that is compared: it knows nothing of who is fast in its own process.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from sandbox.audit import WRITE_VERBS

_STORE_NOTHING = frozenset({"localsubjectaccessreviews", "exec"})


@dataclass(frozen=True, slots=True)
class Request:
    """`received` and `answered` are seconds; an exec is answered when it ends."""

    received: float
    answered: float
    user: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    command: tuple[str, ...]

    @classmethod
    def of(cls, event: dict[str, Any]) -> Self:
        target = event.get("objectRef", {})
        body = event.get("requestObject")
        metadata = body.get("metadata", {}) if isinstance(body, dict) else {}
        return cls(
            received=_seconds(event["requestReceivedTimestamp"]),
            answered=_seconds(event["stageTimestamp"]),
            user=event["user"]["username"],
            verb=event["verb"],
            resource=target.get("resource", ""),
            subresource=target.get("subresource", ""),
            namespace=target.get("namespace", ""),
            name=target.get("name") or metadata.get("name", ""),
            code=event.get("responseStatus", {}).get("code", 0),
            command=tuple(parse_qs(urlsplit(event["requestURI"]).query).get("command", ())),
        )

    @property
    def writes(self) -> bool:
        """Whether it changes anything that is stored."""
        return self.verb in WRITE_VERBS and not {self.resource, self.subresource} & _STORE_NOTHING

    @property
    def is_emqx_ctl(self) -> bool:
        return self.command[:1] == ("emqx_ctl",)

    @property
    def is_view(self) -> bool:
        return self.command == ("emqx_ctl", "cluster", "status")


class Trail:
    """Follows the log from where it ends now; `users` are those whose requests count."""

    def __init__(self, log: Path, *users: str) -> None:
        self._log = log
        self._users = tuple(user.encode() for user in users)
        self._offset = log.stat().st_size
        self.requests: deque[Request] = deque()

    def read_on(self) -> None:
        for line in self._lines():
            if any(user in line for user in self._users):
                event = json.loads(line)
                if event["stage"] == "ResponseComplete" and event["verb"] != "watch":
                    self.requests.append(Request.of(event))

    def select(self, fits: Callable[[Request], bool]) -> list[Request]:
        self.read_on()
        return [request for request in self.requests if fits(request)]

    def clear(self) -> None:
        self.read_on()
        self.requests.clear()

    def _lines(self) -> Iterator[bytes]:
        with self._log.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    return  # still being written
                self._offset += len(line)
                yield line


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
