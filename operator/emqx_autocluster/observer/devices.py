"""How many devices each member has: asked where a seed has to be chosen by it, or a restart's cost is told."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.emqx import membership, roles
from emqx_autocluster.observation import Fact, Member, Pod, Pulse, View
from emqx_autocluster.observer import inquiries
from emqx_autocluster.observer.look import Look, Visit


class Devices:
    def __init__(self, emqx_ctl: EmqxCtl) -> None:
        self._emqx_ctl = emqx_ctl

    async def at_once(self, visit: Visit, pulses: inquiries.Pulses) -> dict[str, Fact[int]]:
        """Where sockets show that all stand alone a seed will have to be chosen, and its view is not waited for."""
        lone = [pod for pod in visit.running if _is_lone(visit, pod, pulses)]
        if not pulses or len(lone) < len(visit.running):
            return {}
        counts = await asyncio.gather(*(fact(self._emqx_ctl.connections(visit.target(pod))) for pod in lone))
        return {pod.uid: count for pod, count in zip(lone, counts, strict=True)}

    async def counted(
        self, look: Look, members: list[Member], counts: Mapping[str, Fact[int]]
    ) -> list[Member]:
        """Only where a seed has to be chosen, since all stand alone, or a restart's cost has to be told."""
        seen = [m for m in members if isinstance(m.view, View)]
        cores = [m for m in seen if not m.replicant]
        all_alone = len(cores) > 1 and all(membership.is_alone(m, cores) for m in cores)
        if not all_alone and not look.depth.count_devices:
            return members

        async def with_connections(member: Member) -> Member:
            if member not in seen:
                return member
            count = counts.get(member.pod.uid)
            if count is None:
                count = await fact(self._emqx_ctl.connections(look.target(member.pod)))
            return replace(member, connections=count)

        return list(await asyncio.gather(*(with_connections(m) for m in members)))


def _is_lone(visit: Visit, pod: Pod, pulses: inquiries.Pulses) -> bool:
    """A core that runs and has no connection with any other node."""
    found = pulses.get(pod.uid)
    identity = visit.memory.identities.get(pod.container_id or "")
    core = identity is None or not roles.is_replicant(identity, None)
    return core and isinstance(found, Pulse) and found.up and not found.nodes
