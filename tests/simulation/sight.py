"""What the operator sees of the model, as its observer would tell it: also what is old, hidden, or broken."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from packaging.version import Version

import builders
from emqx_autocluster.api import annotations
from emqx_autocluster.emqx.discovery import HOST, NAME
from emqx_autocluster.emqx.generation import Generation
from emqx_autocluster.observation import (
    DNSAnswer,
    DNSOutcome,
    EnvVar,
    JoinTrace,
    Member,
    Network,
    Observation,
    Pod,
    Service,
    Unobserved,
    View,
    Workload,
)
from simulation.cluster import Cluster, SimulatedPod

SERVICE = "emqx.iot.svc.cluster.local"
NO_ANSWER = Unobserved("the cluster's DNS does not answer")
_POD_NAME = EnvVar("POD_NAME", None, {"fieldRef": {"fieldPath": "metadata.name"}})
_REMEMBERED = 20


@dataclass(slots=True)
class Sight:
    cluster: Cluster
    mode: str
    skew: float = 0.0
    """Seconds that the operator's clock is off."""
    hangs: set[str] = field(default_factory=set)
    """Pods in which no command answers."""
    old: dict[str, float] = field(default_factory=dict)
    """Pods whose answers are so many seconds old."""
    _past: dict[str, list[tuple[float, View]]] = field(default_factory=dict)

    def remember(self) -> None:
        """What members would say now, for answers that come late."""
        for pod in self.cluster.pods.values():
            if pod.node in self.cluster.ekka.nodes:
                past = self._past.setdefault(pod.uid, [])
                past.append((self.cluster.now, View(*self.cluster.ekka.view(pod.node))))
                del past[:-_REMEMBERED]

    def observed(self) -> Observation:
        cluster = self.cluster
        group = tuple(sorted(map(self._member, cluster.pods.values()), key=lambda m: m.pod.name))
        seen = builders.an_observation(self._workload(), members=group, **self._surroundings(group))
        return replace(seen, at=when(cluster.now + self.skew))

    def _surroundings(self, group: tuple[Member, ...]) -> Mapping[str, Any]:
        cluster = self.cluster
        facts: dict[str, Any] = {} if cluster.service_exists else {"service": None, "endpoints": None}
        if cluster.strategy != "dns":
            away = {"network": builders.a_network(dns={builders.SERVICE_FQDN: NO_ANSWER})}
            return facts | ({} if cluster.names_work else away)
        name = f"{SERVICE}."
        hosts = tuple(m.pod.ip or "" for m in group)
        peers = tuple(f"{m.pod.name}.{SERVICE}" for m in group) if cluster.stateful else hosts
        network = Network(
            {name: DNSAnswer(name, DNSOutcome.ANSWER, hosts[:1], 5)},
            peers=DNSAnswer(name, DNSOutcome.ANSWER, peers, 5),
        )
        headless = Service("emqx", {"app": "emqx"}, headless=True, publish_not_ready=True, ports=("ekka",))
        return {
            "service": headless,
            "rights": None,
            "network": network if cluster.names_work else Network({name: NO_ANSWER}, peers=NO_ANSWER),
            **facts,
        }

    def _workload(self) -> Workload:
        cluster, live = self.cluster, self.cluster.live()
        updated = [p for p in live if p.revision == cluster.revision]
        make = builders.a_stateful_set if cluster.stateful else builders.a_workload
        facts: dict[str, Any] = {"partition": cluster.partition} if cluster.stateful else {}
        facts["annotations"] = {annotations.ORIGINAL: cluster.record} if cluster.record else {}
        if cluster.volumes:
            facts |= {"volumes": {"data": "persistentVolumeClaim"}, "mounts": {"/opt/emqx/data": "data"}}
        version = cluster.images.get(cluster.revision, cluster.version)
        return make(
            image=_image(version),
            env=self._settings(version),
            mode=self.mode,
            replicas=cluster.replicas,
            generation=cluster.generation,
            observed_generation=cluster.generation,
            min_ready_seconds=cluster.min_ready,
            paused=cluster.paused,
            status_replicas=len(live),
            updated_replicas=len(updated),
            ready_replicas=sum(1 for pod in live if pod.ready_since is not None),
            available_replicas=sum(1 for pod in live if cluster.is_available(pod)),
            update_revision=f"r{cluster.revision}",
            **facts,
        )

    def _settings(self, version: str) -> dict[str, Any]:
        generation = Generation(Version(version))
        licence = {"EMQX_LICENSE__KEY": "a key"} if generation.needs_licence else {}
        if self.cluster.strategy != "dns":
            return licence
        record = {generation.record_type_variable: "srv"} if self.cluster.stateful else {}
        own = {"POD_NAME": _POD_NAME, HOST: f"$(POD_NAME).{SERVICE}"} if self.cluster.stateful else {}
        named = {NAME: "emqx", "EMQX_CLUSTER__DNS__APP": "emqx"} if generation.is_4x else {}
        return {
            **named,
            generation.strategy_variable: "dns",
            "EMQX_CLUSTER__DNS__NAME": SERVICE,
            **record,
            **own,
            **licence,
        }

    def _member(self, pod: SimulatedPod) -> Member:
        cluster = self.cluster
        running = pod.node in cluster.ekka.nodes and cluster.now >= pod.started
        known = cluster.names_work
        version = cluster.version_of(pod)
        lookups: dict[str, Any] = {
            builders.CANONICAL_HOST: (builders.CLUSTER_IP,) if known else NO_ANSWER,
            f"{SERVICE}.": ("10.244.0.1",) if known else NO_ANSWER,
        }
        environ = {"EMQX_NODE__NAME": pod.node, "EMQX_LICENSE__KEY": "(set)"}
        return Member(
            pod=self._pod(pod, running=running),
            identity=builders.an_identity(version, **environ) if running else Unobserved("it does not run"),
            view=self._view(pod) if running else Unobserved("its container does not run"),
            node=pod.node if running else None,
            connections=100,
            lookups=lookups,
            join_trace=self._trace(pod),
        )

    def _pod(self, pod: SimulatedPod, *, running: bool) -> Pod:
        quarantine = {annotations.QUARANTINE: "by hand"} if pod.quarantined else {}
        return builders.a_pod(
            pod.name.removeprefix("emqx-"),
            name=pod.name,
            uid=pod.uid,
            ip=pod.ip,
            created=when(pod.created),
            running_since=when(pod.started) if running else None,
            ready=pod.ready_since is not None,
            ready_since=None if pod.ready_since is None else when(pod.ready_since),
            deleting=pod.ending_at is not None,
            container_id=f"{pod.uid}-{pod.restarts}",
            hostname=pod.name,
            subdomain="emqx" if self.cluster.stateful else "",
            revision=f"r{pod.revision}",
            image=_image(self.cluster.version_of(pod)),
            annotations=quarantine,
        )

    def _view(self, pod: SimulatedPod) -> View | Unobserved:
        node = self.cluster.ekka.nodes[pod.node]
        if pod.name in self.hangs:
            return Unobserved("emqx_ctl timed out")
        if self.cluster.now < node.boots_at:
            return Unobserved("the node does not respond to pings")
        past = self._past.get(pod.uid, [])
        age = self.old.get(pod.name, 0.0)
        older = [view for at, view in past if at <= self.cluster.now - age]
        return older[-1] if age and older else View(*self.cluster.ekka.view(pod.node))

    def _trace(self, pod: SimulatedPod) -> JoinTrace:
        node = self.cluster.ekka.nodes.get(pod.node)
        if node is not None and node.awaited and self.cluster.now >= node.boots_at:
            return JoinTrace(None, listening_again=False, waits="still waiting for tables")
        if node is None or node.stopped_apps_at is None or node.serves:
            return JoinTrace(None, listening_again=False)
        return JoinTrace(when(node.stopped_apps_at), listening_again=False, line=builders.STOPPED_TO_JOIN)


def _image(version: str) -> str:
    return f"emqx/emqx:{version}"


def when(seconds: float) -> datetime:
    return builders.AT + timedelta(seconds=seconds)
