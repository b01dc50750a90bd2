"""All reads: asks the API server, the pods and the DNS, and fills one Observation."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from emqx_autocluster import objects
from emqx_autocluster.api import annotations
from emqx_autocluster.api.annotations import WorkloadOptions
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.facts import fact
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.clients.patience import patience
from emqx_autocluster.clients.resolver import ClusterResolver
from emqx_autocluster.emqx import containers, discoveryreader, environment
from emqx_autocluster.observation import (
    Fact,
    Identity,
    Observation,
    Pod,
    Unobserved,
    Workload,
    WorkloadRef,
)
from emqx_autocluster.observer import inquiries
from emqx_autocluster.observer.clusterdns import ClusterDNSReader
from emqx_autocluster.observer.cores import Cores
from emqx_autocluster.observer.interviews import Interviews
from emqx_autocluster.observer.look import Depth, Look, Remembered, Visit
from emqx_autocluster.observer.lookups import Answers, Lookups
from emqx_autocluster.observer.policies import PolicyReader
from emqx_autocluster.observer.pulses import Pulses, beats
from emqx_autocluster.observer.roster import RosterReader
from emqx_autocluster.observer.strangers import Strangers
from emqx_autocluster.observer.surroundings import Surroundings
from emqx_autocluster.settings import SETTLING_SECONDS

__all__ = ["Depth", "Observer"]

_SECONDS = 90.0
"""For all commands of one look: two that hang in each member, one after the other."""
_PROMPT = 3.0
"""Seconds in which a container that is well has long told who it is."""


class Observer:
    def __init__(
        self,
        kube: Kube,
        emqx_ctl: EmqxCtl,
        resolver: ClusterResolver | None,
        cluster_domain: str,
        settling: timedelta = timedelta(seconds=SETTLING_SECONDS),
        namespaces: Collection[str] | None = None,
    ) -> None:
        """`settling`: the age until which a member that stands alone may still find others by itself.

        `namespaces`: the only ones that are read in; None: all.
        """
        self._settling = settling
        self._kube = kube
        self._pulses = Pulses(emqx_ctl)
        self._interviews = Interviews(kube, emqx_ctl, self._pulses)
        self._lookups = Lookups(emqx_ctl, cluster_domain)
        self._surroundings = Surroundings(kube, resolver, cluster_domain)
        self._roster = RosterReader(kube)
        self._strangers = Strangers(kube)
        self._cores = Cores(kube, emqx_ctl)
        self._cluster_dns = ClusterDNSReader(kube, cluster_domain, namespaces)
        self._policies = PolicyReader(kube, self._cluster_dns)
        self._remembered: dict[WorkloadRef, Remembered] = {}

    def forget(self, ref: WorkloadRef) -> None:
        self._remembered.pop(ref, None)

    def knows_its_pulse(self, ref: WorkloadRef) -> bool:
        """Whether a change of what the last look showed would show in the members' sockets."""
        memory = self._remembered.get(ref)
        return memory is not None and bool(memory.beats)

    def missed_its_pulse(self, ref: WorkloadRef) -> bool:
        """Whether that could not be read for once: not where an image cannot tell."""
        memory = self._remembered.get(ref)
        return memory is not None and memory.missed

    async def pulse_differences(self, ref: WorkloadRef) -> tuple[str, ...] | None:
        """What the members' sockets show that the last look did not; None: that cannot be told.

        One exec for each member, and no other request. None of them says only that nothing new is known.
        """
        memory = self._remembered.get(ref)
        return await self._pulses.differences(memory) if memory else None

    async def workload(self, ref: WorkloadRef) -> Workload | None:
        """None: there is none. Raises ClientError where that could not be told."""
        body = await self._kube.get(paths.WORKLOADS[ref.kind](ref.namespace, ref.name))
        if body is None or "deletionTimestamp" in body["metadata"]:
            return None
        return objects.workload(ref.kind, body)

    async def observe(
        self, workload: Workload, resource: str, options: WorkloadOptions, at: datetime, depth: Depth
    ) -> Observation:
        bare = self._bare(at, resource, workload)
        container = containers.emqx_container(workload.template, options.container)
        if container is None or workload.replicas == 0 or environment.excess(container):
            return bare
        memory = self._remembered.setdefault(workload.ref, Remembered())
        memory.beats = ()
        roster = await fact(self._roster.read(workload, container, memory))
        if isinstance(roster, Unobserved):
            return replace(bare, members=roster)
        pods = roster.pods
        memory.keep_only({pod.container_id for pod in pods if pod.container_id})
        visit = Visit(workload, container, pods, memory, at, depth, settling=self._settling)
        with patience(_SECONDS, visit.silent) as spent:
            seen = await self._seen(visit, resource)
        visit.note_silence(spent)
        return replace(seen, impostors=roster.impostors, mute=memory.mute)

    async def _seen(self, visit: Visit, resource: str) -> Observation:
        identities = asyncio.create_task(self._interviews.identities(visit))
        try:
            # First who they are, which tells their ports: but nobody waits for one that hangs.
            await asyncio.wait({identities}, timeout=_PROMPT)
            # The views take longest, and all else is read meanwhile.
            told, (look, lookups, seen) = await asyncio.gather(
                self._interviews.ask(visit), self._around(visit, resource, identities)
            )
        finally:
            identities.cancel()
        seen = replace(seen, members=await self._interviews.members(look, told, lookups))
        visit.memory.beats = beats(visit, seen)
        seen = await self._policies.with_policies(look, seen)
        strangers, holders, cores = await asyncio.gather(
            self._strangers.named(seen, visit.memory),
            self._strangers.holders(seen),
            self._cores.asked_for(look, seen),
        )
        return replace(seen, strangers=strangers, holders=holders, cores=cores)

    def now(self) -> datetime:
        """By the API server's clock."""
        return self._kube.now()

    async def answers_now(self, seen: Observation) -> bool:
        """Whether the cluster's DNS still answers as it did when this was seen, which may be a while ago.

        The API server has just answered, and is asked next: it is who is patched.
        """
        return await self._surroundings.resolves(seen.network.cluster_domain)

    async def is_as_seen(self, seen: Observation, pod: str, container: str) -> bool:
        """Whether that pod still runs as it did, and its workload is what it was, with the same wishes of its user."""
        ref, was = seen.workload.ref, next((m.pod for m in seen.each_member() if m.pod.name == pod), None)
        # By a list: to get a single pod is a right that nothing else needs.
        workload, found = await asyncio.gather(
            self.workload(ref),
            self._kube.list(paths.pods(ref.namespace), field_selector=f"metadata.name={pod}"),
        )
        if was is None or not found or workload is None:
            return False
        return _wishes(workload) == _wishes(seen.workload) and _lives_on(
            was, objects.pod(found[0], container)
        )

    async def glance(
        self, workload: Workload, resource: str, options: WorkloadOptions, patience: timedelta
    ) -> Observation:
        """The members alone, and of these only whom it has news of: cheap enough for every few seconds."""
        at = self.now()
        bare = self._bare(at, resource, workload)
        container = containers.emqx_container(workload.template, options.container)
        if container is None:
            return bare
        memory = self._remembered.setdefault(workload.ref, Remembered())
        roster = await fact(self._roster.read(workload, container, memory))
        if isinstance(roster, Unobserved):
            return replace(bare, members=roster)
        depth = Depth(thorough=False, believed=inquiries.LONE)
        visit = Visit(workload, container, roster.pods, memory, at, depth, settling=self._settling)
        return replace(bare, members=await self._interviews.newcomers(visit, patience))

    async def _around(
        self, visit: Visit, resource: str, identities: Awaitable[Mapping[str, Fact[Identity]]]
    ) -> tuple[Look, Mapping[str, Answers], Observation]:
        """By who the members are, all that is around them."""
        look = await self._look(visit, resource, await identities)
        lookups, (service, endpoints), governing, rights, network = await asyncio.gather(
            self._lookups.of(look),
            self._surroundings.service(look),
            self._surroundings.governing(look),
            self._surroundings.rights(look),
            self._surroundings.network(look),
        )
        network = await self._cluster_dns.with_causes(look, lookups, network)
        if look.asks_elsewhere(network.cluster_domain):
            network = await self._cluster_dns.with_api_servers(network, look.at)
        seen = replace(
            self._bare(visit.at, resource, visit.workload),
            members=Unobserved("the members were not asked"),
            config_maps=look.config_maps,
            service=service,
            endpoints=endpoints,
            governing=governing,
            rights=rights,
            network=network,
        )
        return look, lookups, seen

    def _bare(self, at: datetime, resource: str, workload: Workload) -> Observation:
        unlisted = Unobserved("the pods were not listed")
        return Observation(at, resource, workload, unlisted, settling=self._settling)

    async def _look(self, visit: Visit, resource: str, identities: Mapping[str, Fact[Identity]]) -> Look:
        """Who the members are, and what they are told about discovery."""
        running = any(pod.running for pod in visit.pods)
        config_maps = await self._surroundings.config_maps(visit.workload, visit.container, running=running)
        newest_first = sorted(visit.pods, key=lambda pod: pod.created, reverse=True)
        newest = [i for pod in newest_first if isinstance(i := identities[pod.uid], Identity)]
        settings = discoveryreader.read_settings(visit.container, newest, config_maps)
        return Look.of(visit, resource, identities, settings, config_maps)


def _wishes(workload: Workload) -> tuple[object, ...]:
    """Not its generation: with each annotation of anybody a Deployment gets another one."""
    options = annotations.parse(workload.annotations)
    return options, workload.uid, workload.template, workload.replicas, workload.paused, workload.partition


def _lives_on(was: Pod, now: Pod) -> bool:
    """The same container, which nobody has asked to end, or to be left alone."""
    return (was.uid, was.container_id, was.deleting, was.annotations) == (
        now.uid,
        now.container_id,
        now.deleting,
        now.annotations,
    )
