"""What the nodes are that run in the members' cluster and that no pod of the workload has."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from emqx_autocluster import objects
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.emqx import discovery, membership, roles
from emqx_autocluster.observation import NOT_ASKED, Observation, Stranger, Unobserved
from emqx_autocluster.observer.look import Remembered


class Strangers:
    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def named(self, seen: Observation, memory: Remembered) -> Mapping[str, Stranger]:
        """Each name is looked up once, by one list of the namespace's pods; not while pods come and go."""
        names = membership.foreign(seen)
        for gone in memory.strangers.keys() - names:
            del memory.strangers[gone]
        unknown = names - memory.strangers.keys()
        if unknown and not seen.workload.rolling:
            wanted = membership.Names(unknown)
            path = paths.pods(seen.workload.ref.namespace)
            holders = await fact(self._kube.select(path, lambda body: _held(body, wanted)))
            if not isinstance(holders, Unobserved):
                memory.strangers |= dict.fromkeys(unknown) | dict(chain.from_iterable(holders))
        return {name: what for name, what in memory.strangers.items() if what}


def _held(body: Mapping[str, Any], nodes: membership.Names) -> list[tuple[str, Stranger]] | None:
    """Those of the nodes whose name or address this pod has; None: none of them."""
    if objects.is_finished(body):
        return None
    pod = objects.pod(body, "")
    names = nodes.of(pod)
    if not names:
        return None
    owner = objects.workload_name(body)
    name = f"pod {body['metadata']['name']}" + (f" of {owner}" if owner else "")
    return [(node, Stranger(name, replicant=_is_replicant(body))) for node in names]


def _is_replicant(body: Mapping[str, Any]) -> bool:
    """As its own variables say it."""
    container = discovery.emqx_container(objects.pod_template(body), None)
    entry = container.last_env(roles.ROLE) or container.last_env(roles.OLD_ROLE) if container else None
    return roles.is_replicant(NOT_ASKED, entry.value if entry else None)
