"""How long things are truly as they are in the model, which no look at it can tell."""

from dataclasses import dataclass, field

from simulation.cluster import Cluster

SEEN = 150.0
"""Seconds without damage that no look misses: damage that comes back before is the same."""


@dataclass(slots=True)
class Truth:
    cluster: Cluster
    well_since: float | None = None
    damaged_since: float | None = None
    """Since when it is not one cluster in which all serve."""
    _cause_since: float | None = None
    _apart: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Node -> since when it is apart, or serves nothing; and when that was last so."""
    _company: dict[str, float] = field(default_factory=dict)
    """Pod -> when another member of the largest cluster was last Ready."""

    def tick(self) -> None:
        cluster, now = self.cluster, self.cluster.now
        whole = cluster.ekka.is_whole()
        self.damaged_since = None if whole else self.damaged_since or now
        if not (whole and not self._stale()):
            self.well_since = None
        elif self.well_since is None:
            self.well_since = now
        self._cause_since = None if self._can_be_found() else self._cause_since or now
        if not whole:
            self._note_who_is_apart()
        self._company |= dict.fromkeys(self._accompanied(), now)

    def cause_lasts(self) -> float:
        """Seconds for which its members could not find each other, up to now."""
        lasts = self._cause_since is not None and not self._can_be_found()
        return self.cluster.now - self._cause_since if lasts and self._cause_since else 0.0

    def _can_be_found(self) -> bool:
        return self.cluster.names_work and self.cluster.service_exists

    def apart_for(self, node: str) -> float:
        """Seconds for which it has been damaged, but for moments."""
        since, last = self._apart.get(node, (self.cluster.now, self.cluster.now))
        return 0.0 if self.cluster.now - last > SEEN else self.cluster.now - since

    def serving_alone(self, pod: str) -> float:
        """Seconds for which no other member was Ready of the largest cluster."""
        return self.cluster.now - self._company.get(pod, 0.0)

    def _accompanied(self) -> list[str]:
        """Pods beside which another member of the largest cluster is Ready."""
        pods, largest = self.cluster.pods, self._largest()
        ready = {p.name for p in pods.values() if p.ready_since is not None and p.node in largest}
        return [pod for pod in pods if ready - {pod}]

    def _largest(self) -> set[str]:
        """The largest is counted by those that serve; all that are equally large."""
        nodes = self.cluster.ekka.nodes
        if self.damaged_since is None:
            return set(nodes)
        islands = [{n for n in island if nodes[n].serves} for island in self.cluster.ekka.islands()]
        most = max(map(len, islands), default=0)
        return set().union(*(island for island in islands if len(island) == most))

    def _note_who_is_apart(self) -> None:
        """Whom only the node of a pod that is going holds together is apart already."""
        now, nodes = self.cluster.now, self.cluster.ekka.nodes
        staying = {pod.node for pod in self.cluster.live()} & nodes.keys()
        islands = self.cluster.ekka.islands(staying)
        largest = islands[0] if islands else set()
        alone = len(largest) == 1
        for name, node in nodes.items():
            if alone or name not in largest or node.stuck:
                since, last = self._apart.get(name, (now, now))
                self._apart[name] = (now if now - last > SEEN else since, now)
        for name in self._apart.keys() - nodes.keys():
            del self._apart[name]

    def _stale(self) -> set[str]:
        nodes = self.cluster.ekka.nodes
        return {name for node in nodes.values() for name in node.known if name not in nodes}
