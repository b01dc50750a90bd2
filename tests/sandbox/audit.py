"""The API server's audit log: what goes into it, and reading it. Tests count a user's requests with it."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

WRITE_VERBS = ("create", "update", "patch", "delete", "deletecollection")
# These write thousands of statuses, which nobody asks about, and they would be most of the log.
CLUSTER_OWN_GROUPS = ("system:nodes", "system:serviceaccounts:kube-system")
POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": list(CLUSTER_OWN_GROUPS)},
        {"level": "Request", "verbs": list(WRITE_VERBS)},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One request that has been answered. Requests without a resource, such as /version, have its path."""

    user: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    timestamp: datetime
    path: str
    agent: str
    """The User-Agent: which program asked."""
    body: Any
    """What a write sent; None for reads and for the cluster's own writers."""

    @classmethod
    def of(cls, event: dict[str, Any]) -> Self:
        target = event.get("objectRef", {})
        return cls(
            user=event["user"]["username"],
            verb=event["verb"],
            resource=target.get("resource", ""),
            subresource=target.get("subresource", ""),
            namespace=target.get("namespace", ""),
            name=target.get("name", ""),
            code=event.get("responseStatus", {}).get("code", 0),
            timestamp=datetime.fromisoformat(event["requestReceivedTimestamp"]),
            path=event["requestURI"],
            agent=event.get("userAgent", ""),
            body=event.get("requestObject"),
        )


def entries(
    log: Path,
    *,
    user: str | None = None,
    namespace: str | None = None,
    verbs: Collection[str] | None = None,
    since: datetime | None = None,
) -> list[AuditEntry]:
    """The answered requests in the order of their answers. A watch is answered when it ends."""
    return [
        entry
        for entry in map(AuditEntry.of, _answered(log, user or "", namespace or ""))
        if (user is None or entry.user == user)
        and (namespace is None or entry.namespace == namespace)
        and (verbs is None or entry.verb in verbs)
        and (since is None or entry.timestamp >= since)
    ]


def _answered(log: Path, *words: str) -> Iterator[dict[str, Any]]:
    """Of the lines with these words: to parse them all would take long."""
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return  # still being written
            if not all(word in line for word in words):
                continue
            event = json.loads(line)
            if event["stage"] == "ResponseComplete":
                yield event
