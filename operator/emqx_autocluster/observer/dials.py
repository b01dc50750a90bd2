"""Whether the members reach each other's port for messages: nodes that list each other may still not hear each other.

An exec for each member. What was found open is believed for a while, since a repair looks every few seconds.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from emqx_autocluster import ports
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.observation import Fact, Member, Unobserved, View
from emqx_autocluster.observer.look import Dialled, Look

_BELIEVED = timedelta(minutes=5)
_MOST_PEERS = 3
"""In a larger cluster each member dials the next few, so that each is dialled by as many."""


class Dials:
    def __init__(self, emqx_ctl: EmqxCtl) -> None:
        self._emqx_ctl = emqx_ctl

    async def dial(self, look: Look, members: Sequence[Member]) -> list[Member]:
        """Only members that list each other and serve: before that a closed port is no news."""
        serving = [m for m in members if m.pod.running and not m.pod.deleting]
        wanted = look.depth.thorough and look.depth.dial_ports
        if not wanted or look.workload.rolling or not _are_whole(serving):
            return [_recalled(look, member, serving) for member in members]
        dialled = await asyncio.gather(*(self._dialled(look, serving, i) for i in range(len(serving))))
        found = {member.pod.uid: member for member in dialled}
        return [found.get(member.pod.uid, member) for member in members]

    async def _dialled(self, look: Look, serving: Sequence[Member], index: int) -> Member:
        member = serving[index]
        # Itself as well: a port that is closed even to its own pod is not the one that it has.
        around = [
            serving[(index + step) % len(serving)] for step in range(min(len(serving), _MOST_PEERS + 1))
        ]
        known = look.memory.dialled.get(member.pod.container_id or "")
        fresh = known is not None and look.at - known.at < _BELIEVED
        if known and fresh and all(known.answers.get(_container(m)) is True for m in around):
            return _with_answers(member, serving, known.answers)
        peers = {_container(m): (m.pod.ip or "", port) for m in around if (port := _port(look, m))}
        if not peers:
            return member
        answers = await fact(self._emqx_ctl.open_ports(look.target(member.pod), peers))
        if isinstance(answers, Unobserved):
            return member
        look.memory.dialled[_container(member)] = Dialled(look.at, answers)
        return _with_answers(member, serving, answers)


def _are_whole(serving: Sequence[Member]) -> bool:
    names = {member.node for member in serving}
    return len(serving) > 1 and all(
        m.pod.ready and isinstance(m.view, View) and names <= m.view.running for m in serving
    )


def _recalled(look: Look, member: Member, serving: Sequence[Member]) -> Member:
    known = look.memory.dialled.get(_container(member))
    return _with_answers(member, serving, known.answers) if known else member


def _with_answers(member: Member, serving: Sequence[Member], answers: Mapping[str, Fact[bool]]) -> Member:
    rpc = {m.pod.name: answers[_container(m)] for m in serving if _container(m) in answers}
    return replace(member, rpc=rpc)


def _container(member: Member) -> str:
    return member.pod.container_id or ""


def _port(look: Look, member: Member) -> int | None:
    return ports.rpc_port(look.container, look.settings.version, member.node or "")
