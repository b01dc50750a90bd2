"""The cores that replicants ask for: pods of another workload, found by the Service and by the nodes in sight.

Anybody may be in sight who may create pods, so a core too is only what a live controller would have made.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any, Self

from emqx_autocluster import objects
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.identity import Introduction
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.emqx import containers, membership, ports, pulse, roles
from emqx_autocluster.emqx.ports import NodePorts
from emqx_autocluster.objects import makers
from emqx_autocluster.objects.makers import CoreMakers, Maker
from emqx_autocluster.observation import (
    NOT_ASKED,
    Endpoints,
    Fact,
    Identity,
    Member,
    Observation,
    Pod,
    Unobserved,
    View,
    WorkloadKind,
)
from emqx_autocluster.observer.look import Answer, Beat, Look

_MOST = 8
"""Clusters have fewer cores than that; what a Service lists beyond it is not asked."""
_MOST_SEEN = 100
_BELIEVED = timedelta(minutes=10)
_ASKED_FOR = frozenset({ports.DISTRIBUTION})
_NOT_RUNNING = Unobserved("its container does not run")


@dataclass(frozen=True, slots=True)
class _Candidate:
    pod: Pod
    container: str
    owner: str
    made: Mapping[str, Any]
    """What tells who made it."""


class Cores:
    def __init__(self, kube: Kube, emqx_ctl: EmqxCtl) -> None:
        self._kube = kube
        self._emqx_ctl = emqx_ctl

    async def asked_for(self, look: Look, seen: Observation) -> Fact[tuple[Member, ...]]:
        """Only where the workload's nodes are replicants."""
        look.memory.core_beats.clear()
        if not look.settings.is_replicant:
            return NOT_ASKED
        found = await fact(self._found(look, seen))
        if isinstance(found, Unobserved):
            return found
        cores = [core for core in found if not core.replicant]
        alive = {core.pod.container_id for core in cores}
        for gone in look.memory.core_answers.keys() - alive:
            del look.memory.core_answers[gone]
        return tuple(sorted(cores, key=lambda core: core.pod.name))

    async def _found(self, look: Look, seen: Observation) -> list[Member]:
        """What a controller made comes first, so that nothing forged takes the place of a real core."""
        path, sight = paths.pods(look.workload.ref.namespace), _Sight.of(seen)
        found = await self._kube.select(path, partial(_candidate, sight=sight), most=_MOST_SEEN)
        why = await self._misfits(look, found)
        chosen = sorted(found, key=lambda each: bool(why[each.pod.uid]))[:_MOST]
        return list(await asyncio.gather(*(self._core(look, each, why[each.pod.uid]) for each in chosen)))

    async def _misfits(self, look: Look, found: Iterable[_Candidate]) -> dict[str, str]:
        """By uid: why no live controller would have made it; empty: one did. Who is known to fit is not asked for."""
        memory = look.memory
        why = {each.pod.uid: _misfit(each, memory.core_makers) for each in found}
        if any(why.values()):
            memory.core_makers = await self._makers(look.workload.ref.namespace, found)
            why = {each.pod.uid: _misfit(each, memory.core_makers) for each in found}
        return why

    async def _makers(self, namespace: str, found: Iterable[_Candidate]) -> CoreMakers:
        wanted = defaultdict[str, set[str]](set)
        for each in found:
            if owner := makers.controller(each.made):
                wanted[owner["uid"]].add(each.container)

        def made(body: dict[str, Any], make: Callable[[Any, str], Maker]) -> CoreMakers | None:
            uid = body["metadata"]["uid"]
            return {(uid, name): make(body, name) for name in wanted[uid]} if uid in wanted else None

        sets = await asyncio.gather(
            self._kube.select(paths.replicasets(namespace), partial(made, make=makers.of_any_replica_set)),
            self._kube.select(paths.statefulsets(namespace), partial(made, make=_of_stateful_set)),
        )
        return {key: maker for each in chain(*sets) for key, maker in each.items()}

    async def _core(self, look: Look, found: _Candidate, misfit: str) -> Member:
        pod, owner = found.pod, found.owner
        if misfit:
            unasked = Unobserved(f"it is asked nothing, since {misfit}")
            return Member(pod, unasked, unasked, owner=owner)
        if not pod.running or pod.deleting:
            return Member(pod, _NOT_RUNNING, _NOT_RUNNING, owner=owner)
        target = ExecTarget(look.workload.ref.namespace, pod.name, found.container, str(look.workload.ref))
        said = await fact(self._emqx_ctl.introduction(target, _ASKED_FOR))
        identity = said if isinstance(said, Unobserved) else said.identity
        if roles.is_replicant(identity, None):
            return Member(pod, identity, NOT_ASKED, owner=owner, replicant=True)
        beat = _note_beat(look, pod, target, said)
        core = Member(pod, identity, await self._view(look, target, pod, beat), owner=owner)
        own = identity.node if isinstance(identity, Identity) else None
        names = membership.Names(core.view.running if isinstance(core.view, View) else ())
        return replace(core, node=membership.node_name(pod, own, names))

    async def _view(self, look: Look, target: ExecTarget, pod: Pod, beat: Beat | None) -> Fact[View]:
        """Asked anew after a while, too: a core that leaves its cluster keeps all its connections."""
        container, now = pod.container_id or "", beat.pulse if beat else NOT_ASKED
        known = look.memory.core_answers.get(container)
        if known and known.pulse == now and not look.depth.thorough and look.at - known.at < _BELIEVED:
            return known.view
        view = await fact(self._emqx_ctl.cluster_status(target))
        if isinstance(view, View):
            look.memory.core_answers[container] = Answer(view, now, look.at)
        return view


def _note_beat(look: Look, pod: Pod, target: ExecTarget, said: Introduction | Unobserved) -> Beat | None:
    """None: its sockets do not tell that it runs."""
    if isinstance(said, Unobserved) or said.sockets is None or not said.identity.node:
        return None
    # Its peers' ports may be others: what does not show is the same each time.
    known = NodePorts(ports.distribution_port(said.identity.node), _ASKED_FOR, frozenset())
    found = pulse.take(said.sockets, known)
    if not found.up:
        return None
    beat = Beat(pod.container_id or "", target, known, found)
    look.memory.core_beats[beat.container] = beat
    return beat


@dataclass(frozen=True, slots=True)
class _Sight:
    """By what a core is found: its address in the Service, its name in the views."""

    own: frozenset[str]
    listed: frozenset[str]
    nodes: membership.Names

    @classmethod
    def of(cls, seen: Observation) -> Self:
        members = list(seen.each_member())
        views = (member.view.running for member in members if isinstance(member.view, View))
        return cls(
            frozenset(member.pod.uid for member in members),
            _listed(seen.endpoints),
            membership.Names(frozenset[str]().union(*views)),
        )


def _candidate(body: dict[str, Any], sight: _Sight) -> _Candidate | None:
    """A pod that the Service lists, or whose name is in sight, and that runs EMQX in another workload."""
    if (
        body["metadata"]["uid"] in sight.own
        or objects.is_finished(body)
        or "deletionTimestamp" in body["metadata"]
    ):
        return None
    container = containers.emqx_container(objects.pod_template(body), None)
    if container is None:
        return None
    pod = objects.pod(body, container.name)
    if pod.ip not in sight.listed and not sight.nodes.of(pod):
        return None
    return _Candidate(pod, container.name, objects.workload_name(body), makers.outline(body, container.name))


def _listed(endpoints: Fact[Endpoints | None]) -> frozenset[str]:
    if not isinstance(endpoints, Endpoints):
        return frozenset()
    return frozenset(address.ip for address in (*endpoints.ready, *endpoints.not_ready))


def _of_stateful_set(body: dict[str, Any], container: str) -> Maker:
    return makers.of_stateful_set(objects.workload(WorkloadKind.STATEFUL_SET, body), container)


def _misfit(found: _Candidate, known: CoreMakers) -> str:
    made_by = {uid: maker for (uid, container), maker in known.items() if container == found.container}
    return makers.misfit(found.made, made_by, found.container)
