"""The custom resources: finding the one of a workload, making it, writing its status."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from emqx_autocluster.api.annotations import MANAGED_BY, MANAGER
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.api.v1alpha1 import API_VERSION, KIND, EMQXAutoCluster, StatusModel, status_body
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import Conflict
from emqx_autocluster.clients.kube import Kube, PatchType
from emqx_autocluster.objects import rbac
from emqx_autocluster.observation import Workload, WorkloadKind, WorkloadRef
from emqx_autocluster.reporting.echoes import Echoes

_MOST_TRIED = 3
"""Of those that a watch told of; one that was deleted meanwhile is soon told of, too."""
_MOST_TOLD = 5
"""In one pass, which brings the next."""


def target_of(body: Mapping[str, Any]) -> WorkloadRef | None:
    """Which workload a custom resource is about."""
    target = (body.get("spec") or {}).get("targetRef") or {}
    if target.get("kind") not in set(WorkloadKind):
        return None
    return WorkloadRef(body["metadata"]["namespace"], WorkloadKind(target["kind"]), target.get("name", ""))


def is_ours(resource: EMQXAutoCluster) -> bool:
    return resource.metadata.labels.get(MANAGED_BY) == MANAGER


def is_of(resource: EMQXAutoCluster, workload: Workload) -> bool:
    """Whether one of ours was made for this very workload, and not for a former one of its name."""
    return any(owner.uid == workload.uid for owner in resource.metadata.owner_references)


@dataclass(frozen=True, slots=True)
class Known:
    """What a watch told of a custom resource."""

    created: str
    counts: bool
    """Whether its status says that its workload was judged by it."""
    says_so: bool
    """Whether its status says that an older one counts instead of it."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        status = body.get("status") or {}
        conditions = status.get("conditions") or ()
        says_so = any(c.get("reason") == Reason.OLDER_RESOURCE_COUNTS for c in conditions)
        created = body["metadata"].get("creationTimestamp") or ""
        return cls(created, counts=bool(status.get("workloadUID")), says_so=says_so)


class Resources:
    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._known: dict[WorkloadRef, dict[str, Known]] = {}
        self._echoes = Echoes()

    def learn(self, body: Mapping[str, Any], *, deleted: bool) -> WorkloadRef | None:
        """Takes note of a watched custom resource; returns its workload."""
        ref = target_of(body)
        if ref is not None:
            known, name = self._known.setdefault(ref, {}), body["metadata"]["name"]
            known.pop(name, None)
            if not deleted:
                known[name] = Known.of(body)
            if not known:
                del self._known[ref]
        return ref

    @property
    def refs(self) -> Collection[WorkloadRef]:
        """Workloads that a watched custom resource is about."""
        return self._known.keys()

    def is_echo(self, body: Mapping[str, Any], *, deleted: bool) -> bool:
        """Whether a watched custom resource shows nothing but what was written to it here, and all is written."""
        if deleted:
            self._echoes.forget(body)
            return False
        ref = target_of(body)
        return self._echoes.is_echo(body) and (ref is None or not self.untold(ref, self.by_age(ref)[0]))

    def has(self, ref: WorkloadRef) -> bool:
        """Whether a watched custom resource is about this workload."""
        return bool(self._known.get(ref))

    def by_age(self, ref: WorkloadRef) -> list[str]:
        """Names of those that a watch told of, the oldest first; within a second the one that counted before."""
        known = self._known.get(ref, {})
        return sorted(known, key=lambda name: (known[name].created, not known[name].counts, name))

    def untold(self, ref: WorkloadRef, counting: str) -> list[str]:
        """Names of those that are about the same workload as the one that counts, and that do not say so yet."""
        known = self._known.get(ref, {})
        return sorted(name for name, one in known.items() if name != counting and not one.says_so)[
            :_MOST_TOLD
        ]

    async def read(self, ref: WorkloadRef, name: str) -> EMQXAutoCluster | None:
        return await self._one_of(ref, [name])

    async def find(self, ref: WorkloadRef) -> EMQXAutoCluster | None:
        """The custom resource whose targetRef is this workload, whoever made it; of several the oldest counts."""
        known = self.by_age(ref)
        for name in known[:_MOST_TRIED]:
            found = await self._one_of(ref, [name])
            if found:
                return found
        return await self._one_of(ref, [name for name in _default_names(ref) if name not in known])

    async def _one_of(self, ref: WorkloadRef, names: Iterable[str]) -> EMQXAutoCluster | None:
        found = await asyncio.gather(
            *(self._kube.get(paths.emqxautoclusters(ref.namespace, n)) for n in names)
        )
        body = next((body for body in found if body is not None and target_of(body) == ref), None)
        return None if body is None else EMQXAutoCluster.model_validate(body)

    async def create(self, workload: Workload) -> EMQXAutoCluster:
        ref = workload.ref
        for name in _default_names(ref):
            wanted = _body(workload, name)
            self._echoes.creating(wanted)
            try:
                body = await self._kube.create(paths.emqxautoclusters(ref.namespace), wanted)
            except Conflict as error:
                if not error.already_exists:
                    raise
            else:
                return EMQXAutoCluster.model_validate(body)
        raise LookupError(f"both names for the EMQXAutoCluster of {ref} are taken: {_default_names(ref)}")

    async def renew(self, resource: EMQXAutoCluster, workload: Workload) -> EMQXAutoCluster:
        """Makes one of ours anew: what it remembers was about a former workload. The user's tuning is kept."""
        await self.delete(resource)
        ref, name = workload.ref, resource.metadata.name
        spec = resource.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        body = _body(workload, name) | {"spec": spec}
        return EMQXAutoCluster.model_validate(
            await self._kube.create(paths.emqxautoclusters(ref.namespace), body)
        )

    async def delete(self, resource: EMQXAutoCluster) -> None:
        metadata = resource.metadata
        await self._kube.delete(paths.emqxautoclusters(metadata.namespace, metadata.name), uid=metadata.uid)

    async def write_status(self, resource: EMQXAutoCluster, status: StatusModel) -> EMQXAutoCluster:
        """Replaces the status as a whole, unless the resource changed since it was read (then Invalid)."""
        metadata, body = resource.metadata, status_body(status)
        patch: list[dict[str, Any]] = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.resource_version},
            {"op": "add", "path": "/status", "value": body},
        ]
        self._echoes.writing((metadata.namespace, metadata.name), body)
        path = paths.emqxautocluster_status(metadata.namespace, metadata.name)
        return EMQXAutoCluster.model_validate(await self._kube.patch(path, patch, PatchType.JSON))


def _default_names(ref: WorkloadRef) -> tuple[str, str]:
    """The second is for a Deployment and a StatefulSet of one name."""
    return ref.name, f"{ref.name}-{ref.kind.lower()}"


def _body(workload: Workload, name: str) -> dict[str, Any]:
    ref = workload.ref
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": name,
            "namespace": ref.namespace,
            "labels": {MANAGED_BY: MANAGER},
            "ownerReferences": [rbac.owner_reference(workload)],
        },
        "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": str(ref.kind), "name": ref.name}},
    }
