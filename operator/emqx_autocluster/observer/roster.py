"""Lists the pods of one workload, and tells its own from those that only say so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from emqx_autocluster import objects
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.objects import makers
from emqx_autocluster.objects.makers import Maker, Makers
from emqx_autocluster.observation import Container, Pod, Workload, WorkloadKind
from emqx_autocluster.observer.look import Remembered

MOST_PODS = 100
"""Of one workload; the largest clusters have some dozens of members."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The pods that count, sorted by name."""

    pods: tuple[Pod, ...]
    impostors: Mapping[str, str] = field(default_factory=dict)


class RosterReader:
    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def read(self, workload: Workload, container: Container, memory: Remembered) -> Roster:
        """Raises TooLarge where there are more pods than any cluster has members."""
        found = await self._kube.select(
            paths.pods(workload.ref.namespace),
            partial(_candidate, container=container.name),
            label_selector=objects.label_selector(workload.selector),
            most=MOST_PODS,
        )
        known = await self._makers(workload, container.name, memory, [each.made for each in found])
        claiming = [each for each in found if makers.claims(each.made, workload, known)]
        why = {each.pod.name: makers.misfit(each.made, known, container.name) for each in claiming}
        own = (each.pod for each in claiming if not why[each.pod.name])
        return Roster(
            tuple(sorted(own, key=lambda pod: pod.name)), {name: text for name, text in why.items() if text}
        )

    async def _makers(
        self, workload: Workload, container: str, memory: Remembered, made: Iterable[Mapping[str, Any]]
    ) -> Makers:
        """ReplicaSets are listed only when a pod names one that was not there before."""
        if workload.ref.kind is WorkloadKind.STATEFUL_SET:
            return {workload.uid: makers.of_stateful_set(workload, container)}
        named = {owner["uid"] for body in made for owner in body["metadata"].get("ownerReferences") or ()}
        if not named <= memory.makers.keys():
            found = await self._kube.select(
                paths.replicasets(workload.ref.namespace),
                partial(_maker, workload=workload, container=container),
                label_selector=objects.label_selector(workload.selector),
            )
            memory.makers = dict(found)
        return memory.makers


@dataclass(frozen=True, slots=True)
class _Candidate:
    pod: Pod
    made: Mapping[str, Any]
    """What tells who made it."""


def _candidate(body: dict[str, Any], container: str) -> _Candidate | None:
    if objects.is_finished(body):
        return None
    return _Candidate(objects.pod(body, container), makers.outline(body, container))


def _maker(body: dict[str, Any], workload: Workload, container: str) -> tuple[str, Maker] | None:
    maker = makers.of_replica_set(body, workload, container)
    return None if maker is None else (body["metadata"]["uid"], maker)
