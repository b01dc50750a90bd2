"""What the members' own resolvers say of the names that matter."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.observation import CANONICAL_HOST, Fact, Pod
from emqx_autocluster.observer.look import Look, LookedUp

Answers = Mapping[str, Fact[tuple[str, ...]]]
"""What a member's own resolver says of each host."""
_FOUND = timedelta(seconds=10)
"""So long a name counts that was found, where all is looked at: while something is wrong that is much more often."""
_STILL_FOUND = timedelta(minutes=30)
"""So long it counts while nothing is suspected."""


class Lookups:
    def __init__(self, emqx_ctl: EmqxCtl, cluster_domain: str) -> None:
        self._emqx_ctl = emqx_ctl
        self._cluster_domain = cluster_domain

    async def of(self, look: Look) -> dict[str, Answers]:
        """By the uid of the pod."""
        hosts = [CANONICAL_HOST, *look.configured_names()] if look.settings.uses_k8s else []
        hosts += [name for name in [look.peer_name(self._cluster_domain)] if name]
        found = await asyncio.gather(*(self._answers(look, pod, hosts) for pod in look.pods))
        return {pod.uid: answers for pod, answers in zip(look.pods, found, strict=True)}

    async def _answers(self, look: Look, pod: Pod, hosts: Sequence[str]) -> Answers:
        if not pod.running or pod.deleting:
            return {}
        known = look.memory.lookups.get(pod.container_id or "")
        if (
            known
            and look.at - known.at < (_FOUND if look.depth.thorough else _STILL_FOUND)
            and known.finds(hosts)
        ):
            return {host: known.answers[host] for host in hosts}
        questions = (fact(self._emqx_ctl.lookup(look.target(pod), host)) for host in hosts)
        found = dict(zip(hosts, await asyncio.gather(*questions), strict=True))
        look.memory.lookups[pod.container_id or ""] = LookedUp(found, look.at)
        return found
