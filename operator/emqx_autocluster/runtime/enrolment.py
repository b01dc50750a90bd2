"""Which workloads are looked after, by what the watches tell: each event about one of them makes its key due."""

from collections.abc import Mapping
from typing import Any

from emqx_autocluster.api import annotations
from emqx_autocluster.api.v1alpha1 import PLURAL
from emqx_autocluster.clients.payload import template_annotations
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.reporting.resources import Resources
from emqx_autocluster.runtime.workqueue import DEBOUNCE, TAKEN_IN, WorkQueue


class Enrolment:
    """Which workloads are looked after, as far as the watches have told.

    `listed`: the watch has just begun and tells what there is, which need not have changed.
    """

    def __init__(self, queue: WorkQueue[WorkloadRef], resources: Resources) -> None:
        self._queue = queue
        self._resources = resources
        self._enrolled: set[WorkloadRef] = set()
        self._met: dict[WorkloadRef, set[str]] = {}
        """Of which kinds something was told: what is listed after that, since a watch broke off, may be news."""
        self._intake = _Intake()

    def workload(
        self, kind: WorkloadKind, body: Mapping[str, Any], *, deleted: bool = False, listed: bool = False
    ) -> None:
        """`body` is its metadata alone: anybody's Deployment comes by here, and may be as large as they like."""
        metadata = body["metadata"]
        ref = WorkloadRef(metadata["namespace"], kind, metadata["name"])
        in_template = annotations.MODE in template_annotations(metadata)
        enrolled = not deleted and (annotations.is_enrolled(metadata.get("annotations") or {}) or in_template)
        if enrolled or ref in self._enrolled or self._resources.has(ref):
            (self._enrolled.add if enrolled else self._enrolled.discard)(ref)
            taken_in = self._intake.is_over(ref, metadata.get("generation"), listed=listed)
            self._add(ref, kind, listed=listed, soon=taken_in)
            if deleted:
                del self._met[ref]
                self._intake.forget(ref)

    def again(self, namespace: str) -> None:
        """What is known of there is looked at once more: it may be out of sight now, or have gone meanwhile."""
        for ref in {*self._enrolled, *self._resources.refs}:
            if ref.namespace == namespace:
                self._queue.add(ref)

    def resource(self, body: Mapping[str, Any], *, deleted: bool = False, listed: bool = False) -> None:
        ref = self._resources.learn(body, deleted=deleted)
        if ref is not None and not self._resources.is_echo(body, deleted=deleted):
            self._add(ref, PLURAL, listed=listed)

    def owned(self, plural: str, body: Mapping[str, Any], *, listed: bool = False) -> None:
        """One of our ServiceAccounts, Roles and RoleBindings changed: whose it is stands in its annotation."""
        target = (body["metadata"].get("annotations") or {}).get(annotations.TARGET, "")
        kind, _, name = target.partition("/")
        if kind in set(WorkloadKind):
            ref = WorkloadRef(body["metadata"]["namespace"], WorkloadKind(kind), name)
            if ref in self._enrolled:
                self._add(ref, plural, listed=listed)

    def _add(self, ref: WorkloadRef, kind: str, *, listed: bool, soon: bool = False) -> None:
        met = self._met.setdefault(ref, set())
        first = kind not in met
        met.add(kind)
        if listed and first:
            self._queue.add_after(ref, DEBOUNCE)
        else:
            self._queue.add(ref, TAKEN_IN if soon else DEBOUNCE)


class _Intake:
    """Which workloads have a generation that their controller has yet to take in, as far as events show it.

    Their statuses are not watched. But the event that follows a new generation, and has the same, is the controller's.
    """

    def __init__(self) -> None:
        self._latest: dict[WorkloadRef, int | None] = {}
        self._under_way: set[WorkloadRef] = set()

    def is_over(self, ref: WorkloadRef, generation: int | None, *, listed: bool) -> bool:
        """Whether it has just ended, by this event."""
        begins = self._latest.get(ref) != generation and not listed
        self._latest[ref] = generation
        over = ref in self._under_way and not begins
        (self._under_way.add if begins else self._under_way.discard)(ref)
        return over

    def forget(self, ref: WorkloadRef) -> None:
        del self._latest[ref]
        self._under_way.discard(ref)
