"""Whether the members reach each other's port for messages: nodes that list each other may still not hear each other.

A connection that stands is the answer. Only where there is none the port is dialled, by an exec for each member: EMQX
logs each dial as an error, since nobody speaks. What was found open is believed for a while.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.emqx import ports
from emqx_autocluster.observation import Fact, Member, Pulse, Unobserved, View
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
        seen = {_container(m): True for m in around if _container(m) in peers and _connects(member, m)}
        answers = await self._answers(look, member, {c: at for c, at in peers.items() if c not in seen})
        if not peers or isinstance(answers, Unobserved):
            return member
        answers = {**seen, **answers}
        look.memory.dialled[_container(member)] = Dialled(look.at, answers)
        return _with_answers(member, serving, answers)

    async def _answers(
        self, look: Look, member: Member, peers: Mapping[str, tuple[str, int]]
    ) -> Fact[Mapping[str, Fact[bool]]]:
        return await fact(self._emqx_ctl.open_ports(look.target(member.pod), peers)) if peers else {}


def _connects(member: Member, other: Member) -> bool:
    """Whether its sockets show it: to a peer a connection that stands, in itself that it listens."""
    if not isinstance(member.pulse, Pulse):
        return False
    return member.pulse.takes_messages if other is member else other.pod.ip in member.pulse.reaches


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
    numbered = look.settings.version.agree(lambda generation: generation.numbers_rpc_ports)
    return ports.rpc_port(look.container, member.node or "", numbered=numbered)
