"""Kubernetes Events: one for each transition of a condition and for each action, on the CR and the workload.

Events are helpful but auxiliary: no pass waits for one, and one that cannot be written is logged.
"""

import asyncio
import logging
import socket
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from emqx_autocluster.api.annotations import MANAGER
from emqx_autocluster.api.findings import ABNORMAL_TRUE, ConditionType
from emqx_autocluster.api.v1alpha1 import API_VERSION, KIND, Condition, EMQXAutoCluster
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import Workload
from emqx_autocluster.text.plain import plain

_LONGEST = 1024
"""Characters that the API server takes."""
_TWO_LINES = 240
"""Characters of `kubectl describe`: of a transition, since the condition has all of it."""
_MOST_WAITING = 5000
_BEHIND = 0.05
"""Seconds."""

logger = logging.getLogger(__name__)


def transitions(old: Iterable[Condition], new: Iterable[Condition]) -> Iterator[Condition]:
    """Conditions that became True or False. On first sight only what is wrong is worth an event.

    Ready is left out where what it repeats is told itself.
    """
    before = {condition.type: condition.status for condition in old}
    found = [condition for condition in new if _is_news(condition, before)]
    for condition in found:
        if not (condition.type == ConditionType.READY and any(_is_its_cause(c, condition) for c in found)):
            yield condition


def _is_news(condition: Condition, before: Mapping[str, str]) -> bool:
    if condition.status == "Unknown" or condition.status == before.get(condition.type):
        return False
    return condition.type in before or not is_good(condition)


def _is_its_cause(condition: Condition, ready: Condition) -> bool:
    same = (condition.reason, condition.message) == (ready.reason, ready.message)
    return same and condition.type != ready.type


def is_good(condition: Condition) -> bool:
    return (condition.status == "True") != (condition.type in ABNORMAL_TRUE)


class Recorder:
    """Takes events at once; `write` brings them to the API server, in their order."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._instance = socket.gethostname()
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_MOST_WAITING)

    def transition(self, resource: EMQXAutoCluster, workload: Workload, condition: Condition) -> None:
        kind = "Normal" if is_good(condition) else "Warning"
        note = _cut(plain(f"{condition.type} is {condition.status}: {condition.message}"), _TWO_LINES)
        self.record(resource, workload, kind, condition.reason, "Diagnose", note)

    def record(
        self,
        resource: EMQXAutoCluster | None,
        workload: Workload,
        kind: str,
        reason: str,
        action: str,
        note: str,
    ) -> None:
        """On both; on the workload alone while it has no resource."""
        for regarding in (*([_of_resource(resource)] if resource else []), _of_workload(workload)):
            try:
                self._waiting.put_nowait(self._event(regarding, kind, reason, action, note))
            except asyncio.QueueFull:
                logger.warning("the event %s is dropped: %d others wait", reason, _MOST_WAITING)

    async def write(self) -> None:
        """For ever. The first of several lets what is done about it go before it."""
        while True:
            idle = self._waiting.empty()
            body = await self._waiting.get()
            if idle:
                await asyncio.sleep(_BEHIND)
            try:
                await self._kube.create(paths.events(body["metadata"]["namespace"]), body)
            except ClientError as error:
                logger.warning("the event %s could not be written: %s", body["reason"], error)
            self._waiting.task_done()

    async def written(self) -> None:
        """Until none waits any more."""
        await self._waiting.join()

    def _event(
        self, regarding: dict[str, str], kind: str, reason: str, action: str, note: str
    ) -> dict[str, Any]:
        told = plain(note)
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"generateName": f"{regarding['name'][:200]}-", "namespace": regarding["namespace"]},
            "eventTime": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "reportingController": f"{MANAGER}.io/operator",
            "reportingInstance": self._instance,
            "type": kind,
            "reason": reason,
            "action": action,
            "note": _cut(told, _LONGEST),
            "regarding": regarding,
        }


def _cut(note: str, longest: int) -> str:
    """Between two words, if there are any in its second half."""
    if len(note) <= longest:
        return note
    kept = note[: longest - 2]
    end = kept.rfind(" ")
    return f"{kept[:end] if end > longest // 2 else kept} …"


def _of_resource(resource: EMQXAutoCluster) -> dict[str, str]:
    metadata = resource.metadata
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": metadata.name,
        "namespace": metadata.namespace,
        "uid": metadata.uid,
    }


def _of_workload(workload: Workload) -> dict[str, str]:
    ref = workload.ref
    return {
        "apiVersion": "apps/v1",
        "kind": str(ref.kind),
        "name": ref.name,
        "namespace": ref.namespace,
        "uid": workload.uid,
    }
