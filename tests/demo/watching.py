"""Looks at the cluster from outside, once a second: objects by the API, membership by asking every pod itself.

The demo does not take the operator's word for it: each member's own view comes from `emqx_ctl` in its pod.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from demo.picture import Happening, Look, Member
from emqx_autocluster.api.v1alpha1 import EMQXAutoCluster
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.clients.exec import Exec, ExecTarget
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import View

NAMESPACE, NAME = "iot", "emqx"
_ANSWER_SECONDS = 10.0
_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"

Object = dict[str, Any]


class Watcher:
    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._emqx_ctl = EmqxCtl(Exec(kube, 8), _ANSWER_SECONDS)

    async def look(self) -> Look:
        deployment, sets, pods, resource, events = await asyncio.gather(
            self._kube.get(paths.deployments(NAMESPACE, NAME)),
            self._kube.list(paths.replicasets(NAMESPACE)),
            self._kube.list(paths.pods(NAMESPACE)),
            self._kube.get(paths.emqxautoclusters(NAMESPACE, NAME)),
            self._kube.list(paths.events(NAMESPACE)),
        )
        deployment = deployment or {}
        newest = _newest(deployment, sets)
        members = await asyncio.gather(*(self._member(pod, newest) for pod in pods))
        return Look(
            at=datetime.now(UTC),
            members=tuple(sorted(members, key=lambda m: (m.new, m.pod))),
            replicas=deployment["spec"]["replicas"],
            revision=deployment["metadata"]["annotations"][_REVISION],
            new_available=_new_available(sets, newest),
            rolled_out=_rolled_out(deployment),
            resource=EMQXAutoCluster.model_validate(resource) if resource else None,
            happenings=_happenings(events),
        )

    async def _member(self, pod: Object, newest: str) -> Member:
        metadata, status = pod["metadata"], pod.get("status") or {}
        view = await self._view(metadata["name"])
        conditions: list[Object] = status.get("conditions", [])
        ready = next((c for c in conditions if c["type"] == "Ready"), Object())
        is_ready = ready.get("status") == "True"
        return Member(
            pod=metadata["name"],
            uid=metadata["uid"],
            node=f"emqx@{status.get('podIP', '')}",
            new=metadata["labels"].get(_HASH) == newest,
            ready=is_ready,
            ending="deletionTimestamp" in metadata,
            ready_since=_time(ready["lastTransitionTime"]) if is_ready else None,
            sees=view.running if view else None,
            stopped=view.stopped if view else frozenset(),
        )

    async def _view(self, pod: str) -> View | None:
        """None while EMQX starts, restarts its applications, or is gone."""
        try:
            return await self._emqx_ctl.cluster_status(ExecTarget(NAMESPACE, pod, "emqx"))
        except ClientError:
            return None


def _newest(deployment: Object, sets: list[Object]) -> str:
    """The hash of the ReplicaSet that the Deployment has now."""
    revision = deployment["metadata"]["annotations"][_REVISION]
    current = (s for s in sets if s["metadata"].get("annotations", {}).get(_REVISION) == revision)
    return next((str(s["metadata"]["labels"][_HASH]) for s in current), "")


def _new_available(sets: list[Object], newest: str) -> int:
    current = (s for s in sets if s["metadata"]["labels"].get(_HASH) == newest)
    return next((int(s["status"].get("availableReplicas", 0)) for s in current), 0)


def _rolled_out(deployment: Object) -> bool:
    """As `kubectl rollout status` has it."""
    status, wanted = deployment.get("status") or {}, deployment["spec"]["replicas"]
    observed = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    counts = (status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas"))
    return observed and all(count == wanted for count in counts)


def _happenings(events: list[Object]) -> tuple[Happening, ...]:
    """What the operator told on the Deployment, in order."""
    told = (e for e in events if e.get("regarding", {}).get("kind") == "Deployment" and e.get("eventTime"))
    found = (
        Happening(
            at=_time(e["eventTime"]),
            name=e["metadata"]["name"],
            warning=e["type"] == "Warning",
            reason=e["reason"],
            note=e.get("note", ""),
        )
        for e in told
        if e.get("reportingController", "").startswith("emqx-autocluster")
    )
    return tuple(sorted(found, key=lambda happening: happening.at))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
