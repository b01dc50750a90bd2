"""The operator's requests about one namespace, read from the API server's audit log as they come in."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.audit import WRITE_VERBS, AuditEntry
from story import OPERATOR, Story

_STORE_NOTHING = frozenset({"localsubjectaccessreviews", "exec"})


@dataclass(slots=True)
class RequestsSeen:
    """Begins where the log ends now, since a whole log is long to read again and again."""

    log: Path
    namespace: str
    entries: list[AuditEntry] = field(default_factory=list)
    _offset: int = 0

    @classmethod
    def from_now(cls, story: Story) -> "RequestsSeen":
        log = story.sandbox.audit_log
        return cls(log, story.namespace, _offset=log.stat().st_size)

    def read_on(self) -> None:
        with self.log.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    return  # still being written
                self._offset += len(line)
                self._take(line)

    def _take(self, line: bytes) -> None:
        # A review is of no namespace itself; the one that it asks about stands in its body.
        if OPERATOR.encode() not in line or self.namespace.encode() not in line:
            return
        event = json.loads(line)
        if event["stage"] == "ResponseComplete":
            self.entries.append(AuditEntry.of(event))

    @property
    def writes(self) -> list[AuditEntry]:
        """All that changes something, events included."""
        return [
            e
            for e in self.entries
            if e.verb in WRITE_VERBS and not {e.resource, e.subresource} & _STORE_NOTHING
        ]

    @property
    def execs(self) -> list[AuditEntry]:
        return [e for e in self.entries if e.subresource == "exec"]
