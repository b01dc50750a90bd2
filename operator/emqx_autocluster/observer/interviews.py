"""Asks the members themselves, inside their pods.

`emqx_ctl` costs about 1.2 CPU-seconds in the pod that it runs in, so what cannot have changed since the last
pass is remembered, and a member is asked again once its pulse has changed, or after a while.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain

from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.emqx import discovery, membership, roles
from emqx_autocluster.observation import (
    CANONICAL_HOST,
    NOT_ASKED,
    Fact,
    Identity,
    Member,
    Pod,
    Pulse,
    Unobserved,
    View,
)
from emqx_autocluster.observer import inquiries
from emqx_autocluster.observer.devices import Devices
from emqx_autocluster.observer.dials import Dials
from emqx_autocluster.observer.logs import Logs
from emqx_autocluster.observer.look import Answer, Listing, Look, LookedUp, Visit
from emqx_autocluster.observer.lookups import Answers
from emqx_autocluster.observer.pulses import Pulses, likely_ports

_DATA_DIR = "EMQX_NODE__DATA_DIR"
_MOST_NODES = 1000
"""In all views of one workload."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the members' sockets and they themselves tell, each by the uid of the pod."""

    pulses: inquiries.Pulses
    views: Mapping[str, Fact[View]]
    counts: Mapping[str, Fact[int]]
    """Of devices, of those that were asked at once with their view."""


class Interviews:
    def __init__(self, kube: Kube, emqx_ctl: EmqxCtl, pulses: Pulses) -> None:
        self._emqx_ctl = emqx_ctl
        self._pulses = pulses
        self._logs = Logs(kube)
        self._dials = Dials(emqx_ctl)
        self._devices = Devices(emqx_ctl)

    async def identities(self, visit: Visit) -> dict[str, Fact[Identity]]:
        memory = visit.memory

        async def identity(pod: Pod) -> Fact[Identity]:
            if not pod.running or pod.container_id is None:
                return Unobserved("its container does not run")
            known = memory.identities.get(pod.container_id)
            if known:
                return known
            ports = likely_ports(visit)
            found = await fact(self._emqx_ctl.introduction(visit.target(pod), ports))
            if isinstance(found, Unobserved):
                return found
            if found.identity.node:
                memory.identities[pod.container_id] = found.identity
            if found.addresses:
                memory.lookups[pod.container_id] = LookedUp({CANONICAL_HOST: found.addresses}, visit.at)
            if found.sockets is not None:
                visit.sockets[pod.container_id] = Listing(ports, found.sockets)
            return found.identity

        found = await asyncio.gather(*(identity(pod) for pod in visit.pods))
        return {pod.uid: identity for pod, identity in zip(visit.pods, found, strict=True)}

    async def ask(self, visit: Visit) -> Told:
        """The pulses first: what changes while a member is asked is seen by the next ones."""
        pulses = await self._pulses.take(visit)
        views, counts = await asyncio.gather(self.views(visit, pulses), self._devices.at_once(visit, pulses))
        return Told(pulses, views, counts)

    async def members(self, look: Look, told: Told, lookups: Mapping[str, Answers]) -> tuple[Member, ...]:
        views = told.views.values()
        names = _named(view for view in views if isinstance(view, View))
        members = [
            replace(
                _member(look.identities[pod.uid], pod, told.views[pod.uid], names),
                lookups=lookups[pod.uid],
                replicant=roles.is_replicant(look.identities[pod.uid], discovery.text(look.settings.role)),
            )
            for pod in look.pods
        ]
        members = [_with_pulse(look, member, told.pulses) for member in members]
        members = await self._devices.counted(look, members, told.counts)
        members = await asyncio.gather(*(self._with_pin(look, member) for member in members))
        members = await self._logs.read(look, members)
        return tuple(await self._dials.dial(look, members))

    async def newcomers(self, visit: Visit, patience: timedelta) -> tuple[Member, ...]:
        """All members by what they said last; those that serve and stand apart are asked anew, each in limited time.

        One whose sockets show that it is still without any connection has not joined, and is spared the question. Who
        has joined is listed by all others, too, so that these are asked once one says that it has.
        """
        identities = await self.identities(visit)
        members = self._as_remembered(visit, identities)
        serving = [pod for pod in visit.running if pod.ready]
        apart = {m.pod.uid for m in _apart(members)}
        newcomers = [pod for pod in serving if pod.uid in apart]
        others = [pod for pod in serving if pod.uid not in apart]
        pulses = await self._pulses_within(visit, newcomers, patience)
        due = inquiries.due(visit, pulses, {pod.uid for pod in others})
        await self._refresh(visit, [pod for pod in newcomers if pod in due], pulses, patience)
        members = self._as_remembered(visit, identities)
        if _has_joined(members, apart):
            await self._refresh(visit, others, {}, patience)
            members = self._as_remembered(visit, identities)
        return members

    async def _pulses_within(
        self, visit: Visit, pods: Sequence[Pod], patience: timedelta
    ) -> inquiries.Pulses:
        """None where one takes longer: then the members are asked."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._pulses.of(visit, pods), patience.total_seconds())
        return {}

    async def _refresh(
        self, visit: Visit, pods: Iterable[Pod], pulses: inquiries.Pulses, patience: timedelta
    ) -> None:
        async def ask(pod: Pod) -> None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._view(visit, pod, pulses), patience.total_seconds())
                return
            visit.memory.answers.pop(pod.container_id or "", None)

        await asyncio.gather(*(ask(pod) for pod in pods))
        _excess(visit)

    def _as_remembered(self, visit: Visit, identities: Mapping[str, Fact[Identity]]) -> tuple[Member, ...]:
        views = {pod.uid: _viewed(visit.memory.answers, pod) for pod in visit.pods}
        names = _named(filter(None, views.values()))
        return tuple(
            _member(identities[pod.uid], pod, views[pod.uid] or Unobserved("it did not answer"), names)
            for pod in visit.pods
        )

    async def views(self, visit: Visit, pulses: inquiries.Pulses) -> dict[str, Fact[View]]:
        """What one member says may leave doubt about others, so that they are asked next."""
        before = dict(visit.memory.answers)
        fresh: dict[str, Fact[View]] = {}
        while due := self._due(visit, pulses, before, fresh):
            found = await asyncio.gather(*(self._view(visit, pod, pulses) for pod in due))
            fresh |= {pod.uid: view for pod, view in zip(due, found, strict=True)}
            if excess := _excess(visit):
                return {pod.uid: excess for pod in visit.pods}
        remembered = {
            pod.uid: before[pod.container_id or ""].view for pod in visit.running if pod.uid not in fresh
        }
        unread = Unobserved("its container does not run")
        return {pod.uid: (fresh | remembered).get(pod.uid, unread) for pod in visit.pods}

    def _due(
        self,
        visit: Visit,
        pulses: inquiries.Pulses,
        before: Mapping[str, Answer],
        fresh: Mapping[str, Fact[View]],
    ) -> list[Pod]:
        """Who is asked in turn and says something new may not be the only one that has news."""
        asked = [pod for pod in visit.running if pod.uid in fresh]
        news = any(_viewed(before, pod) != fresh[pod.uid] for pod in asked)
        if visit.depth.in_turn and news:
            return [pod for pod in visit.running if pod.uid not in fresh]
        return inquiries.due(visit, pulses, fresh)

    async def _view(self, visit: Visit, pod: Pod, pulses: inquiries.Pulses) -> Fact[View]:
        view = await fact(self._emqx_ctl.cluster_status(visit.target(pod)))
        container = pod.container_id or ""
        if isinstance(view, View):
            visit.memory.answers[container] = Answer(view, pulses.get(pod.uid, NOT_ASKED), visit.at)
        else:
            visit.memory.answers.pop(container, None)
        return view

    async def _with_pin(self, look: Look, member: Member) -> Member:
        pod, node = member.pod, member.node
        elsewhere = look.container.last_env(_DATA_DIR) is not None
        if not member.replicant or not pod.running or pod.deleting or node is None or elsewhere:
            return member
        pins, container = look.memory.pins, pod.container_id or ""
        if look.depth.thorough or container not in pins:
            pins[container] = await fact(self._emqx_ctl.pinned_core(look.target(pod), node))
        return replace(member, pinned_to=pins[container])


def _excess(visit: Visit) -> Unobserved | None:
    """Where the members list more nodes together than any cluster has, all that they said is forgotten."""
    views = (answer.view for answer in visit.memory.answers.values())
    listed = len(frozenset[str]().union(*(view.running | view.stopped for view in views)))
    if listed <= _MOST_NODES:
        return None
    visit.memory.answers.clear()
    return Unobserved(f"not judged: the members list {listed} nodes together, more than {_MOST_NODES}")


def _with_pulse(look: Look, member: Member, pulses: inquiries.Pulses) -> Member:
    found = pulses.get(member.pod.uid, NOT_ASKED)
    _, since = look.memory.listening.get(member.pod.container_id or "", (None, None))
    return replace(member, pulse=found, listening_since=since if isinstance(found, Pulse) else None)


def _viewed(answers: Mapping[str, Answer], pod: Pod) -> View | None:
    answer = answers.get(pod.container_id or "")
    return answer.view if answer else None


def _named(views: Iterable[View]) -> membership.Names:
    return membership.Names(chain.from_iterable(view.running | view.stopped for view in views))


def _member(identity: Fact[Identity], pod: Pod, view: Fact[View], names: membership.Names) -> Member:
    own = identity.node if isinstance(identity, Identity) else None
    return Member(pod, identity, view, {}, node=membership.node_name(pod, own, names))


def _apart(members: Iterable[Member]) -> list[Member]:
    """Who is not in the largest cluster of those that serve; who was not asked yet counts as well."""
    serving = [m for m in members if m.pod.ready and m.pod.running and not m.pod.deleting]
    largest = next(iter(membership.islands([m for m in serving if isinstance(m.view, View) and m.node])), ())
    return [m for m in serving if m not in largest or not isinstance(m.view, View)]


def _has_joined(members: Iterable[Member], apart: set[str]) -> bool:
    """Whether one of them now lists any of the others."""
    others = {m.node for m in members if m.pod.uid not in apart and m.node}
    mine = [m.view for m in members if m.pod.uid in apart]
    return any(isinstance(view, View) and not others.isdisjoint(view.running) for view in mine)
