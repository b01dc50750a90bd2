"""A model of the Kubernetes around the nodes: pods, a Deployment's or StatefulSet's rollouts, and what may be away."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from simulation.ekka import Ekka, Kept, Node

PROBE_SECONDS = 5
SIGTERM_SECONDS = 1.5
"""A node that was told to end keeps answering, and accepts joins, for that long."""
CACHED = 30
"""Seconds for which DNS answers what it answered last."""


@dataclass(slots=True)
class SimulatedPod:
    name: str
    uid: str
    revision: int
    created: float
    ip: str | None = None
    """None: it waits for a machine that has room."""
    node: str = ""
    started: float = float("inf")
    """When its container runs."""
    ready_since: float | None = None
    ending_at: float | None = None
    quarantined: bool = False
    restarts: int = 0
    crashed: bool = False


@dataclass(slots=True)
class Cluster:
    """One workload of `replicas` members, stateful or not, with or without volumes that outlive a pod."""

    version: str
    replicas: int
    stateful: bool
    volumes: bool
    min_ready: int
    chance: random.Random
    strategy: str = "k8s"
    now: float = 0.0
    revision: int = 1
    generation: int = 1
    paused: bool = False
    partition: int = 0
    record: str | None = None
    """The annotation in which the operator keeps what it has replaced."""
    settled: int = 1
    """The revision that all pods had last; below `partition` a StatefulSet's pods are made of it again."""
    images: dict[int, str] = field(default_factory=dict)
    """Of revisions that have another version than the first."""
    names_work: bool = True
    service_exists: bool = True
    api_works: bool = True
    room: bool = True
    """Whether a new pod finds a machine."""
    unready: set[str] = field(default_factory=set)
    """Pods whose probe fails, whatever they do."""
    pods: dict[str, SimulatedPod] = field(default_factory=dict)
    ekka: Ekka = field(init=False)
    kept: dict[str, Kept] = field(default_factory=dict)
    """Of volumes, by pod name."""
    on_start: Callable[[str], None] = lambda _name: None
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _free: list[str] = field(default_factory=list)
    """Addresses that pods had: the next one may get one of them."""
    _cache: tuple[float, list[str]] | None = None

    def __post_init__(self) -> None:
        self.ekka = Ekka(self.version, self.chance, self._discovered)

    # --- time

    def tick(self, now: float) -> None:
        self.now = now
        for pod in list(self.pods.values()):
            if pod.ending_at is not None and now >= pod.ending_at:
                self._gone(pod)
            elif pod.ip is None and self.room:
                self._place(pod)
            elif pod.crashed and now >= pod.started:
                self._run(pod)
        self.ekka.tick(now)
        if int(now) % PROBE_SECONDS == 0:
            self._probe()
        if self.api_works:
            self._control()

    def _probe(self) -> None:
        for pod in self.pods.values():
            node = self.ekka.nodes.get(pod.node)
            serves = node is not None and node.serves and pod.ending_at is None
            if not serves or pod.name in self.unready:
                pod.ready_since = None
            elif pod.ready_since is None:
                pod.ready_since = self.now

    # --- controllers

    def _control(self) -> None:
        (self._stateful_set if self.stateful else self._deployment)()

    def live(self) -> list[SimulatedPod]:
        return [pod for pod in self.pods.values() if pod.ending_at is None]

    def is_available(self, pod: SimulatedPod) -> bool:
        return pod.ready_since is not None and self.now - pod.ready_since >= self.min_ready

    def _deployment(self) -> None:
        live = self.live()
        new = [pod for pod in live if pod.revision == self.revision]
        old = [pod for pod in live if pod.revision != self.revision]
        if self.paused and old:
            while len(live) < self.replicas:
                live.append(self._create(old[0].revision))
            return
        if len(new) < self.replicas and len(live) < self.replicas + (1 if old else 0):
            self._create(self.revision)
            return
        surplus = len(live) - self.replicas
        if old:
            broken = next((pod for pod in old if pod.ready_since is None), None)
            available = [pod for pod in live if self.is_available(pod)]
            if broken or (len(available) > self.replicas - (0 if surplus > 0 else 1) and surplus > 0):
                self.delete((broken or old[0]).name)
        elif surplus > 0:
            self.delete(min(new, key=lambda pod: (pod.ready_since is not None, -pod.created)).name)

    def _stateful_set(self) -> None:
        names = [f"emqx-{n}" for n in range(self.replicas)]
        if not self.rolling and not self.partition:
            self.settled = self.revision
        for ordinal, name in enumerate(names):
            if name not in self.pods:
                self._create(self.settled if ordinal < self.partition else self.revision, name)
                return
        surplus = sorted((n for n in self.pods if n not in names), reverse=True)
        if surplus:
            self.delete(surplus[0])
            return
        for ordinal in reversed(range(self.partition, self.replicas)):
            pod = self.pods[names[ordinal]]
            if pod.ending_at is not None or (pod.revision == self.revision and not self.is_available(pod)):
                return
            if pod.revision != self.revision:
                self.delete(pod.name)
                return

    def _create(self, revision: int, name: str | None = None) -> SimulatedPod:
        number = next(self._numbers)
        name = name or f"emqx-{number:04d}"
        pod = self.pods[name] = SimulatedPod(name, f"{name}-{number}", revision, self.now)
        if self.room:
            self._place(pod)
        return pod

    def _place(self, pod: SimulatedPod) -> None:
        number = next(self._numbers)
        again = self._free and self.chance.random() < 0.5
        pod.ip = self._free.pop() if again else f"10.244.{number // 250}.{number % 250 + 1}"
        pod.node = f"emqx@{pod.name}.emqx.iot.svc.cluster.local" if self.stateful else f"emqx@{pod.ip}"
        pod.started = self.now + 1
        self._run(pod)

    def _run(self, pod: SimulatedPod) -> None:
        pod.crashed = False
        self.ekka.start(
            pod.node, self.kept.get(pod.name, Kept(pod.uid)), self.version_of(pod).partition(".")[0]
        )
        self.on_start(pod.node)

    def version_of(self, pod: SimulatedPod) -> str:
        return self.images.get(pod.revision, self.version)

    def _gone(self, pod: SimulatedPod) -> None:
        self._end(pod)
        if pod.ip and not self.stateful:
            self._free.append(pod.ip)
        del self.pods[pod.name]

    def _end(self, pod: SimulatedPod) -> None:
        kept = self.ekka.stop(pod.node)
        if kept and self.volumes and self.stateful:
            self.kept[pod.name] = kept

    # --- what users and disasters do

    def delete(self, name: str) -> None:
        pod = self.pods.get(name)
        if pod is not None and pod.ending_at is None:
            pod.ending_at = self.now + SIGTERM_SECONDS
            pod.ready_since = None

    def kill(self, name: str) -> None:
        """The pod's machine died: no SIGTERM, and a new pod, elsewhere."""
        if name in self.pods:
            self._gone(self.pods[name])

    def lose(self, name: str, seconds: float) -> None:
        """Its machine is cut off: the pod ends only when that is back, and its node runs on until then."""
        pod = self.pods.get(name)
        if pod is not None and pod.ending_at is None and pod.node in self.ekka.nodes:
            pod.ending_at, pod.ready_since = self.now + seconds, None
            self.ekka.links.lose(pod.node)

    def crash(self, name: str, seconds: float) -> None:
        """Its container ends and starts again in the same pod."""
        pod = self.pods.get(name)
        if pod is not None and pod.node in self.ekka.nodes:
            self._end(pod)
            pod.ready_since, pod.started, pod.crashed = None, self.now + seconds, True
            pod.restarts += 1

    def restart(self) -> None:
        self.revision += 1
        self.generation += 1
        if self.revision - 1 in self.images:
            self.images[self.revision] = self.images[self.revision - 1]

    def scale(self, replicas: int) -> None:
        self.replicas = replicas
        self.generation += 1

    def node_of(self, pod: str) -> Node | None:
        return self.ekka.nodes.get(self.pods[pod].node) if pod in self.pods else None

    @property
    def rolling(self) -> bool:
        live = self.live()
        return len(live) != self.replicas or any(
            pod.revision != self.revision or not self.is_available(pod) for pod in live
        )

    def _discovered(self, _name: str) -> list[str] | None:
        """What a node finds. DNS answers late what has changed, and also without an API server."""
        reachable = self.api_works or self.strategy == "dns"
        if not (self.names_work and self.service_exists and reachable):
            return None
        if self.strategy == "k8s":
            return self._endpoints()
        if self._cache is None or self.now - self._cache[0] > CACHED:
            old = self._cache[1] if self._cache and not self.api_works else self._endpoints()
            self._cache = self.now, old
        return self._cache[1]

    def _endpoints(self) -> list[str]:
        listed = [p for p in self.pods.values() if p.node and (self.stateful or p.ready_since is not None)]
        return [pod.node for pod in sorted(listed, key=lambda pod: pod.created)]
