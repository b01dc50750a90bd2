"""Reads the namespace's NetworkPolicies: only while members stand apart, or do not let each other's messages in."""

from dataclasses import replace

from emqx_autocluster import objects
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.emqx import membership
from emqx_autocluster.observation import Observation, Unobserved
from emqx_autocluster.observer.clusterdns import ClusterDNSReader
from emqx_autocluster.observer.look import Look

_MOST = 100
"""Of one namespace."""


class PolicyReader:
    def __init__(self, kube: Kube, cluster: ClusterDNSReader) -> None:
        self._kube = kube
        self._cluster = cluster

    async def with_policies(self, look: Look, seen: Observation) -> Observation:
        if not look.depth.thorough or not look.settings.discovers or not _stand_apart(seen):
            return seen
        path = paths.networkpolicies(look.workload.ref.namespace)
        policies = await fact(self._kube.select(path, objects.network_policy, most=_MOST))
        if isinstance(policies, Unobserved):
            return replace(seen, network=replace(seen.network, policies=policies))
        network = await self._cluster.with_backends(seen.network, look.at) if policies else seen.network
        return replace(seen, network=replace(network, policies=tuple(policies)))


def _stand_apart(seen: Observation) -> bool:
    members = membership.examine(seen)
    shut = any(open_ is False for member in seen.each_member() for open_ in member.rpc.values())
    return len(members.islands) > 1 or bool(members.one_sided) or shut
