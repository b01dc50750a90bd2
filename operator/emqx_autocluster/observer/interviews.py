"""Asks the members themselves, inside their pods.

`emqx_ctl` costs about 1.2 CPU-seconds in the pod that it runs in, so what cannot have changed since the last
pass is remembered, and a healthy workload has one member asked in turn.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

from emqx_autocluster import membership
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.emqx_versions import CANONICAL_HOST
from emqx_autocluster.observation import (
    Fact,
    Identity,
    Member,
    Pod,
    Unobserved,
    View,
)
from emqx_autocluster.observer.dials import Dials
from emqx_autocluster.observer.logs import Logs
from emqx_autocluster.observer.look import Look, Visit

Lookups = Mapping[str, Fact[tuple[str, ...]]]
"""What a member's own resolver says of each host."""


class Interviews:
    def __init__(self, kube: Kube, emqx_ctl: EmqxCtl) -> None:
        self._emqx_ctl = emqx_ctl
        self._logs = Logs(kube)
        self._dials = Dials(emqx_ctl)

    async def identities(self, visit: Visit) -> dict[str, Fact[Identity]]:
        memory = visit.memory

        async def identity(pod: Pod) -> Fact[Identity]:
            if not pod.running or pod.container_id is None:
                return Unobserved("its container does not run")
            known = memory.identities.get(pod.container_id)
            if known:
                return known
            found = await fact(self._emqx_ctl.identity(visit.target(pod)))
            if isinstance(found, Identity) and found.node:
                memory.identities[pod.container_id] = found
            return found

        found = await asyncio.gather(*(identity(pod) for pod in visit.pods))
        return {pod.uid: identity for pod, identity in zip(visit.pods, found, strict=True)}

    async def members(
        self, look: Look, views: Mapping[str, Fact[View]], lookups: Mapping[str, Lookups]
    ) -> tuple[Member, ...]:
        names = {
            name for view in views.values() if isinstance(view, View) for name in view.running | view.stopped
        }
        members = [_member(look, pod, views[pod.uid], lookups[pod.uid], names) for pod in look.pods]
        members = await self._with_connections(look, members)
        members = await self._logs.read(look, members)
        return tuple(await self._dials.dial(look, members))

    async def views(self, visit: Visit) -> dict[str, Fact[View]]:
        memory, up = visit.memory, visit.running
        remembered = {pod.uid: memory.views.get(pod.container_id or "") for pod in up}
        if not visit.depth.thorough and up and all(remembered.values()):
            memory.turn += 1
            chosen = up[memory.turn % len(up)]
            fresh = await self._view(visit, chosen)
            if fresh == remembered[chosen.uid]:
                return _complete(visit.pods, {uid: view for uid, view in remembered.items() if view})
        found = await asyncio.gather(*(self._view(visit, pod) for pod in up))
        return _complete(visit.pods, {pod.uid: view for pod, view in zip(up, found, strict=True)})

    async def _view(self, visit: Visit, pod: Pod) -> Fact[View]:
        view = await fact(self._emqx_ctl.cluster_status(visit.target(pod)))
        container = pod.container_id or ""
        if isinstance(view, View):
            visit.memory.views[container] = view
        else:
            visit.memory.views.pop(container, None)
        return view

    async def lookups(self, look: Look) -> dict[str, Lookups]:
        hosts = [CANONICAL_HOST, *look.configured_names()] if look.settings.uses_k8s else []

        async def lookups(pod: Pod) -> Lookups:
            known = look.memory.lookups.get(pod.container_id or "")
            if not pod.running or pod.deleting:
                return {}
            if not look.depth.thorough and known and all(known.get(host) for host in hosts):
                return known
            answers = await asyncio.gather(
                *(fact(self._emqx_ctl.lookup(look.target(pod), host)) for host in hosts)
            )
            found = look.memory.lookups[pod.container_id or ""] = dict(zip(hosts, answers, strict=True))
            return found

        found = await asyncio.gather(*(lookups(pod) for pod in look.pods))
        return {pod.uid: answers for pod, answers in zip(look.pods, found, strict=True)}

    async def _with_connections(self, look: Look, members: list[Member]) -> list[Member]:
        """Only where a seed has to be chosen, since all stand alone, or a restart's cost has to be told."""
        seen = [m for m in members if isinstance(m.view, View)]
        all_alone = len(seen) > 1 and all(isinstance(m.view, View) and len(m.view.running) == 1 for m in seen)
        if not all_alone and not look.depth.count_devices:
            return members

        async def with_connections(member: Member) -> Member:
            if member not in seen:
                return member
            count = await fact(self._emqx_ctl.connections(look.target(member.pod)))
            return replace(member, connections=count)

        return list(await asyncio.gather(*(with_connections(m) for m in members)))


def _complete(pods: Iterable[Pod], views: Mapping[str, Fact[View]]) -> dict[str, Fact[View]]:
    return {pod.uid: views.get(pod.uid, Unobserved("its container does not run")) for pod in pods}


def _member(look: Look, pod: Pod, view: Fact[View], lookups: Lookups, names: set[str]) -> Member:
    identity = look.identities[pod.uid]
    own = identity.node if isinstance(identity, Identity) else None
    return Member(pod, identity, view, lookups, node=membership.node_name(pod, own, names))
