"""Reads a member's own log where only that has the answer: in the middle of what join it is, why it is alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from emqx_autocluster import membership
from emqx_autocluster.clients.discovery_log import parse_discovery_trace
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.join_trace import parse_join_trace
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import Member, Unobserved, View
from emqx_autocluster.observer.look import Look

_BOOT = timedelta(seconds=30)
_LINES = 1000
_RECENT = timedelta(minutes=3)
"""EMQX tries again every 5 to 8 s; only an address that takes no connections lets a try last minutes."""


class Logs:
    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def read(self, look: Look, members: Sequence[Member]) -> list[Member]:
        """One request for each member that has a question for it, whatever the number of questions."""
        return list(await asyncio.gather(*(self._with_traces(look, member) for member in members)))

    async def _with_traces(self, look: Look, member: Member) -> Member:
        joins, discovers = _may_hang(look, member), _is_alone(look, member)
        if not joins and not discovers:
            return member
        text = await fact(
            self._kube.read_log(
                look.workload.ref.namespace, member.pod.name, look.container.name, tail_lines=_LINES
            )
        )
        lines = text if isinstance(text, Unobserved) else text.splitlines()
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


def _is_alone(look: Look, member: Member) -> bool:
    """By its own word, and for longer than it takes to find others."""
    if not look.depth.thorough or look.workload.replicas == 1 or member.pod.deleting:
        return False
    alone = isinstance(member.view, View) and len(member.view.running) == 1
    return alone and member.pod.running and not membership.is_settling(member, look.at)
