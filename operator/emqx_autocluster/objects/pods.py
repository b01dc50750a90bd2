"""Pods: their state, whose they are, and where their Erlang cookie comes from."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any

from emqx_autocluster.api.annotations import GROUP
from emqx_autocluster.observation import Pod

Object = Mapping[str, Any]
_LONGEST = 1000
"""Characters of what Kubernetes says of a container."""
_MOST_LABELS = 100
"""A selector with more than these fits no pod."""


def pod(body: Object, container: str) -> Pod:
    """`container` names the EMQX container, whose state counts."""
    metadata, spec, status = body["metadata"], body["spec"], body.get("status") or {}
    state: Object = next((s for s in status.get("containerStatuses") or () if s["name"] == container), {})
    running = (state.get("state") or {}).get("running")
    ready: Object = next((c for c in status.get("conditions") or () if c["type"] == "Ready"), {})
    labels = metadata.get("labels") or {}
    own: Object = next((c for c in spec.get("containers") or () if c["name"] == container), {})
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        ip=status.get("podIP"),
        created=_time(metadata["creationTimestamp"]),
        ready=ready.get("status") == "True",
        deleting="deletionTimestamp" in metadata,
        phase=status.get("phase", "Pending"),
        hostname=spec.get("hostname") or metadata["name"],
        subdomain=spec.get("subdomain", ""),
        service_account=spec.get("serviceAccountName", "default"),
        revision=labels.get("controller-revision-hash") or labels.get("pod-template-hash", ""),
        container_id=state.get("containerID"),
        running_since=_time(running["startedAt"]) if running else None,
        waiting=_waiting(state),
        ready_since=_time(ready["lastTransitionTime"]) if ready.get("status") == "True" else None,
        labels=dict(islice(labels.items(), _MOST_LABELS)),
        image=own.get("image", ""),
        cookie=_cookie(own),
        annotations={
            k: v for k, v in (metadata.get("annotations") or {}).items() if k.startswith(f"{GROUP}/")
        },
    )


def _cookie(container: Object) -> str | None:
    """Equal texts for equal cookies; None: it may stand where it cannot be compared."""
    given = {entry["name"]: entry for entry in container.get("env") or ()}
    # Both are read, and the shorter one wins.
    entry = given.get("EMQX_NODE_COOKIE") or given.get("EMQX_NODE__COOKIE")
    if entry is None:
        return None if container.get("envFrom") else "default"
    if entry.get("valueFrom"):
        return json.dumps(entry["valueFrom"], sort_keys=True)
    return hashlib.blake2b(entry.get("value", "").encode(), key=_key(), digest_size=16).hexdigest()


@cache
def _key() -> bytes:
    """Of this process alone: without it a digest tells nothing of a cookie, and the key is never written anywhere."""
    return secrets.token_bytes(32)


def _waiting(state: Object) -> str | None:
    current = state.get("state") or {}
    for kind in ("waiting", "terminated"):
        if kind in current:
            detail = current[kind]
            reason, message = detail.get("reason", kind), detail.get("message", "")
            return (f"{reason}: {message}" if message else str(reason))[:_LONGEST]
    return None


def workload_name(body: Object) -> str:
    """`Deployment emqx`: what a pod was made by; empty for one that was made by hand."""
    for reference in body["metadata"].get("ownerReferences") or ():
        if reference["kind"] == "ReplicaSet":
            return f"Deployment {reference['name'].rpartition('-')[0]}"
        return f"{reference['kind']} {reference['name']}"
    return ""


def is_finished(body: Object) -> bool:
    return (body.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
