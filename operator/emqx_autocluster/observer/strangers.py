"""What has those nodes of the members' cluster that no pod of the workload has, whether they run or are stopped.

A stopped one may be a member of another workload that is just down, and must never be taken for one that is gone.
"""

import asyncio
import re
from collections.abc import Collection, Mapping
from functools import partial
from itertools import chain
from typing import Any

from emqx_autocluster import objects
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.emqx import containers, membership, roles
from emqx_autocluster.observation import NOT_ASKED, Fact, Observation, Stranger, Unobserved
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

    async def holders(self, seen: Observation) -> Fact[Mapping[str, str]]:
        """Names of stopped nodes that something else has, or may have again -> what that is. By two lists."""
        names, namespace = membership.examine(seen).stale, seen.workload.ref.namespace
        if not names:
            return {}
        own = {member.pod.uid for member in seen.each_member()}
        pods, sets = await asyncio.gather(
            fact(
                self._kube.select(
                    paths.pods(namespace), partial(_had, nodes=membership.Names(names), own=own)
                )
            ),
            fact(
                self._kube.select(
                    paths.statefulsets(namespace), partial(_makes, nodes=names, own=seen.workload.uid)
                )
            ),
        )
        if isinstance(pods, Unobserved) or isinstance(sets, Unobserved):
            return next(each for each in (pods, sets) if isinstance(each, Unobserved))
        elsewhere = {
            name: f"a pod of namespace {there}" for name in names if (there := _elsewhere(name, namespace))
        }
        return elsewhere | dict(chain.from_iterable((*sets, *pods)))


def _had(body: Mapping[str, Any], nodes: membership.Names, own: set[str]) -> list[tuple[str, str]] | None:
    """Those of the nodes whose name or address this pod of somebody else has."""
    if body["metadata"]["uid"] in own:
        return None
    return [(node, stranger.holder) for node, stranger in _held(body, nodes) or ()]


def _makes(body: Mapping[str, Any], nodes: Collection[str], own: str) -> list[tuple[str, str]] | None:
    """Those of the nodes that are named like pods of this other StatefulSet, which it may make again."""
    metadata = body["metadata"]
    if metadata["uid"] == own:
        return None
    named = re.compile(rf"[^@]*@{re.escape(metadata['name'])}-[0-9]+(\..*)?")
    return [(node, f"StatefulSet {metadata['name']}") for node in nodes if named.fullmatch(node)]


def _elsewhere(node: str, namespace: str) -> str:
    """The other namespace that its name as a pod names: `<pod>.<service>.<namespace>.svc.<domain>`."""
    labels = node.partition("@")[2].split(".")
    there = labels[2] if labels[3:4] == ["svc"] else labels[1] if labels[2:3] == ["pod"] else namespace
    return there if there != namespace else ""


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
    container = containers.emqx_container(objects.pod_template(body), None)
    entry = container.last_env(roles.ROLE) or container.last_env(roles.OLD_ROLE) if container else None
    return roles.is_replicant(NOT_ASKED, entry.value if entry else None)
