"""All reads: asks the API server, the pods and the DNS, and fills one Observation."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from emqx_autocluster import discovery, objects
from emqx_autocluster.annotations import WorkloadOptions
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.clients.resolver import ClusterResolver
from emqx_autocluster.observation import (
    Container,
    Identity,
    Observation,
    Pod,
    Unobserved,
    Workload,
    WorkloadKind,
    WorkloadRef,
)
from emqx_autocluster.observer.clusterdns import ClusterDNSReader
from emqx_autocluster.observer.interviews import Interviews, Lookups
from emqx_autocluster.observer.look import Depth, Look, Remembered, Visit
from emqx_autocluster.observer.policies import PolicyReader
from emqx_autocluster.observer.strangers import Strangers
from emqx_autocluster.observer.surroundings import Surroundings

__all__ = ["Depth", "Observer"]


class Observer:
    def __init__(
        self, kube: Kube, emqx_ctl: EmqxCtl, resolver: ClusterResolver | None, cluster_domain: str
    ) -> None:
        self._kube = kube
        self._interviews = Interviews(kube, emqx_ctl)
        self._surroundings = Surroundings(kube, resolver, cluster_domain)
        self._strangers = Strangers(kube)
        self._cluster_dns = ClusterDNSReader(kube)
        self._policies = PolicyReader(kube, self._cluster_dns)
        self._remembered: dict[WorkloadRef, Remembered] = {}

    def forget(self, ref: WorkloadRef) -> None:
        self._remembered.pop(ref, None)

    async def workload(self, ref: WorkloadRef) -> Workload | None:
        """None: there is none. Raises ClientError where that could not be told."""
        path = paths.deployments if ref.kind is WorkloadKind.DEPLOYMENT else paths.statefulsets
        body = await self._kube.get(path(ref.namespace, ref.name))
        if body is None or "deletionTimestamp" in body["metadata"]:
            return None
        return objects.workload(ref.kind, body)

    async def observe(
        self, workload: Workload, resource: str, options: WorkloadOptions, at: datetime, depth: Depth
    ) -> Observation:
        bare = Observation(at, resource, workload, Unobserved("the pods were not listed"))
        container = discovery.emqx_container(workload.template, options.container)
        if container is None or workload.replicas == 0:
            return bare
        memory = self._remembered.setdefault(workload.ref, Remembered())
        pods = await fact(self._pods(workload, container))
        if isinstance(pods, Unobserved):
            return replace(bare, members=pods)
        memory.keep_only({pod.container_id for pod in pods if pod.container_id})
        visit = Visit(workload, container, pods, memory, at, depth)
        # The views take longest, and all else is read meanwhile.
        views, (look, lookups, seen) = await asyncio.gather(
            self._interviews.views(visit), self._around(visit, resource)
        )
        seen = replace(seen, members=await self._interviews.members(look, views, lookups))
        seen = await self._policies.with_policies(look, seen)
        return replace(seen, strangers=await self._strangers.named(seen, memory))

    async def _around(self, visit: Visit, resource: str) -> tuple[Look, Mapping[str, Lookups], Observation]:
        """Who the members are, and with this all that is around them."""
        workload, pods = visit.workload, visit.pods
        identities, config_maps = await asyncio.gather(
            self._interviews.identities(visit),
            self._surroundings.config_maps(workload, visit.container, running=any(p.running for p in pods)),
        )
        newest_first = sorted(pods, key=lambda pod: pod.created, reverse=True)
        newest = [i for pod in newest_first if isinstance(i := identities[pod.uid], Identity)]
        settings = discovery.read_settings(visit.container, newest, config_maps)
        look = Look(
            workload,
            visit.container,
            pods,
            visit.memory,
            visit.at,
            visit.depth,
            resource,
            identities,
            settings,
        )
        lookups, (service, endpoints), governing, rights, network = await asyncio.gather(
            self._interviews.lookups(look),
            self._surroundings.service(look),
            self._surroundings.governing(look),
            self._surroundings.rights(look),
            self._surroundings.network(look),
        )
        network = await self._cluster_dns.with_causes(look, lookups, network)
        if look.asks_elsewhere(network.cluster_domain):
            network = await self._cluster_dns.with_api_servers(network, look.at)
        unasked = Unobserved("the members were not asked")
        seen = Observation(
            visit.at,
            resource,
            workload,
            unasked,
            config_maps=config_maps,
            service=service,
            endpoints=endpoints,
            governing=governing,
            rights=rights,
            network=network,
        )
        return look, lookups, seen

    async def _pods(self, workload: Workload, container: Container) -> tuple[Pod, ...]:
        bodies = await self._kube.list(
            paths.pods(workload.ref.namespace), label_selector=objects.label_selector(workload.selector)
        )
        own = (b for b in bodies if objects.belongs_to(b, workload) and not objects.is_finished(b))
        return tuple(sorted((objects.pod(b, container.name) for b in own), key=lambda pod: pod.name))
