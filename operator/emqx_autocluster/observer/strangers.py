"""What the nodes are that run in the members' cluster and that no pod of the workload has."""

from collections.abc import Iterable, Mapping
from typing import Any

from emqx_autocluster import membership, objects
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import Observation, Unobserved
from emqx_autocluster.observer.look import Remembered


class Strangers:
    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def named(self, seen: Observation, memory: Remembered) -> Mapping[str, str]:
        """Each name is looked up once, by one list of the namespace's pods; not while pods come and go."""
        names = membership.foreign(seen)
        for gone in memory.strangers.keys() - names:
            del memory.strangers[gone]
        unknown = names - memory.strangers.keys()
        if unknown and not seen.workload.rolling:
            bodies = await fact(self._kube.list(paths.pods(seen.workload.ref.namespace)))
            if not isinstance(bodies, Unobserved):
                memory.strangers |= {name: _holder(name, bodies) for name in unknown}
        return {name: what for name, what in memory.strangers.items() if what}


def _holder(node: str, bodies: Iterable[Mapping[str, Any]]) -> str:
    """`pod edge-0 of StatefulSet edge`; empty: no pod of this namespace has that name or address."""
    for body in bodies:
        if not objects.is_finished(body) and membership.is_host_of(node, objects.pod(body, "")):
            owner = objects.workload_name(body)
            return f"pod {body['metadata']['name']}" + (f" of {owner}" if owner else "")
    return ""
