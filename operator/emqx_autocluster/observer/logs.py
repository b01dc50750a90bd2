"""Reads a member's own log where only that has the answer: in the middle of what join it is, why it is alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from emqx_autocluster.clients import patience
from emqx_autocluster.clients.discovery_log import parse_discovery_trace
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.join_trace import parse_join_trace
from emqx_autocluster.clients.kube import MOST_LOG, Kube
from emqx_autocluster.clients.turns import Turns
from emqx_autocluster.emqx import membership
from emqx_autocluster.observation import Fact, Member, Unobserved, View
from emqx_autocluster.observer.look import Look

_BOOT = timedelta(seconds=30)
_LINES = (1000, 100)
"""That many of the last lines, or that many where those are too long."""
_AT_A_TIME = 6
"""Logs of all workloads together: each is text, its lines, and what they say."""
_RECENT = timedelta(minutes=3)
"""EMQX tries again every 5 to 8 s; only an address that takes no connections lets a try last minutes."""


class Logs:
    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._turns = Turns(_AT_A_TIME)

    async def read(self, look: Look, members: Sequence[Member]) -> list[Member]:
        """One request for each member that has a question for it, whatever the number of questions."""
        cores = [member for member in members if not member.replicant]
        return list(await asyncio.gather(*(self._with_traces(look, member, cores) for member in members)))

    async def _with_traces(self, look: Look, member: Member, cores: Sequence[Member]) -> Member:
        joins = _may_hang(look, member) and not member.replicant
        discovers = _is_lost(look, member) if member.replicant else _is_alone(look, member, cores)
        if not joins and not discovers:
            return member
        if patience.is_silent(member.pod.name):
            unread = Unobserved("its log was not read, since the pod answered nothing a moment ago")
            return _understood(look, member, unread, joins=joins, discovers=discovers)
        ref = look.workload.ref
        async with self._turns.slot(ref.namespace, str(ref)):
            lines = await self._lines(look, member)
            return _understood(look, member, lines, joins=joins, discovers=discovers)

    async def _lines(self, look: Look, member: Member) -> Fact[list[str]]:
        namespace, container = look.workload.ref.namespace, look.container.name
        for most in _LINES:
            text = await fact(self._kube.read_log(namespace, member.pod.name, container, tail_lines=most))
            if text is not None:
                return text if isinstance(text, Unobserved) else text.splitlines()
        return Unobserved(
            f"not judged: the last {_LINES[-1]} lines of its log have more than {MOST_LOG} bytes"
        )


def _understood(
    look: Look, member: Member, lines: Fact[list[str]], *, joins: bool, discovers: bool
) -> Member:
    if joins:
        trace = lines if isinstance(lines, Unobserved) else parse_join_trace(lines)
        member = replace(member, join_trace=trace)
    if discovers:
        since = look.at - _RECENT
        said = lines if isinstance(lines, Unobserved) else parse_discovery_trace(lines, since)
        member = replace(member, discovery_trace=said)
    return member


def _may_hang(look: Look, member: Member) -> bool:
    """It runs longer than a boot takes and is not Ready."""
    pod = member.pod
    if pod.ready or pod.deleting or pod.running_since is None:
        return False
    return look.at - pod.running_since >= _BOOT


def _is_alone(look: Look, member: Member, cores: Sequence[Member]) -> bool:
    """By its own word, and for longer than it takes to find others."""
    if not look.depth.thorough or look.workload.replicas == 1 or member.pod.deleting:
        return False
    alone = membership.is_alone(member, cores)
    return alone and member.pod.running and not look.is_settling(member)


def _is_lost(look: Look, replicant: Member) -> bool:
    """It waits in its boot, or lists itself alone: without a core it serves nothing."""
    alone = isinstance(replicant.view, View) and len(replicant.view.running) == 1
    return look.depth.thorough and (alone or _may_hang(look, replicant))
