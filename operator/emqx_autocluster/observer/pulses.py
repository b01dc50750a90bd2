"""The pulse: what the members' sockets show, which costs the pods next to nothing, and whether it is as it was."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import ClientError, ExecRefused, UnreadableAnswer
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.emqx import ports, pulse, roles, versions
from emqx_autocluster.emqx.ports import NodePorts
from emqx_autocluster.observation import Fact, Identity, Observation, Pod, Pulse, Unobserved
from emqx_autocluster.observer.look import Beat, Remembered, Visit

logger = logging.getLogger(__name__)

_USUAL = "emqx"
"""The first part of a node's name."""


class Pulses:
    def __init__(self, emqx_ctl: EmqxCtl) -> None:
        self._emqx_ctl = emqx_ctl

    async def take(self, visit: Visit) -> dict[str, Fact[Pulse]]:
        """Of each running member, by its pod's uid. Not of a single core: it has no peers to lose."""
        running = visit.running
        if not visit.depth.pulse or not _has_peers(visit):
            return {}
        found = await self.of(visit, running)
        visit.memory.missed = (
            any(isinstance(each, Unobserved) for each in found.values()) and not visit.memory.pulseless
        )
        return found

    async def of(self, visit: Visit, pods: Sequence[Pod]) -> dict[str, Fact[Pulse]]:
        """The same of these alone."""
        found = await asyncio.gather(*(self._of(visit, pod) for pod in pods))
        for pod, each in zip(pods, found, strict=True):
            _note_listeners(visit, pod, each)
        return {pod.uid: each for pod, each in zip(pods, found, strict=True)}

    async def differences(self, memory: Remembered) -> tuple[str, ...] | None:
        """How the members' pulses differ from those of the last look; None: that cannot be told."""
        before = (*memory.beats, *memory.core_beats.values()) if memory.beats else ()
        found = await asyncio.gather(
            *(self._read(memory, beat.container, beat.target, beat.ports) for beat in before)
        )
        now = [each for each in found if isinstance(each, Pulse)]
        if not before or len(now) < len(before):
            return None
        return tuple(
            f"{beat.target.pod}: {difference}"
            for beat, each in zip(before, now, strict=True)
            for difference in pulse.differences(beat.pulse, each)
        )

    async def _of(self, visit: Visit, pod: Pod) -> Fact[Pulse]:
        known = _ports(visit, pod)
        if known is None:
            return _untold(
                visit.memory, pod.container_id or "", visit.target(pod), "epmd alone knows its ports"
            )
        told = visit.sockets.get(pod.container_id or "")
        if told and told.ports == known.every:
            return pulse.take(told.sockets, known)
        return await self._read(visit.memory, pod.container_id or "", visit.target(pod), known)

    async def _read(
        self, memory: Remembered, container: str, target: ExecTarget, known: NodePorts
    ) -> Fact[Pulse]:
        """An image that cannot tell is asked once, and that is said once."""
        if container in memory.pulseless:
            return Unobserved(memory.pulseless[container])
        try:
            return pulse.take(await self._emqx_ctl.sockets(target, known.every), known)
        except (ExecRefused, UnreadableAnswer) as error:
            return _untold(memory, container, target, str(error))
        except ClientError as error:
            return Unobserved(str(error))


def _has_peers(visit: Visit) -> bool:
    """A single replicant has its cores."""
    known = (visit.memory.identities.get(pod.container_id or "") for pod in visit.running)
    return len(visit.running) > 1 or any(roles.is_replicant(i, None) for i in known if i)


def _untold(memory: Remembered, container: str, target: ExecTarget, why: str) -> Unobserved:
    if not memory.pulseless:
        told = "the sockets of %s tell nothing, so members are asked instead: %s"
        logger.info(told, target.pod, why, extra={"namespace": target.namespace})
    memory.pulseless[container] = why
    return Unobserved(why)


def _note_listeners(visit: Visit, pod: Pod, found: Fact[Pulse]) -> None:
    container, memory = pod.container_id or "", visit.memory.listening
    if isinstance(found, Pulse) and (container not in memory or memory[container][0] != found.listeners):
        memory[container] = found.listeners, visit.at


def beats(visit: Visit, seen: Observation) -> tuple[Beat, ...]:
    """The pulses of this look, by which a later one is told to be as it was; none while members come and go."""
    members = tuple(seen.each_member())
    settled = len(members) == seen.workload.replicas and not seen.workload.rolling
    if not settled or any(m.pod.deleting or not m.pod.ready for m in members):
        return ()
    found = [beat for m in members if (beat := _beat(visit, m.pod, m.pulse))]
    return tuple(found) if len(found) == len(members) else ()


def _beat(visit: Visit, pod: Pod, found: Fact[Pulse]) -> Beat | None:
    """None too where a member that serves does not listen on its port: then it has another, and the rest is a guess."""
    known = _ports(visit, pod)
    if known is None or not isinstance(found, Pulse) or not found.up:
        return None
    return Beat(pod.container_id or "", visit.target(pod), known, found)


def likely_ports(visit: Visit) -> frozenset[int]:
    """Of a member that has not said who it is: most nodes have names without a number at the end."""
    known = ports.node_ports(visit.container, _USUAL, (), numbered=_numbered(visit, ()))
    return known.every if known else frozenset({ports.DISTRIBUTION})


def _ports(visit: Visit, pod: Pod) -> NodePorts | None:
    known = [i for each in visit.pods if (i := visit.memory.identities.get(each.container_id or ""))]
    own = visit.memory.identities.get(pod.container_id or "")
    nodes = (identity.node for identity in known if identity.node)
    numbered = _numbered(visit, known)
    return ports.node_ports(visit.container, own.node if own else None, nodes, numbered=numbered)


def _numbered(visit: Visit, known: Iterable[Identity]) -> bool | None:
    """Whether the number of a node's name counts for its port for messages; None: not known."""
    told = (versions.parse(identity.version) for identity in known)
    version = next(filter(None, told), None) or versions.from_tag(visit.container.image)
    return version.agree(lambda generation: generation.numbers_rpc_ports) if version else None
