"""What must never happen, told by the truth of the model and not by what the operator saw."""

from collections.abc import Callable
from dataclasses import dataclass, field

from emqx_autocluster.healing import Step
from emqx_autocluster.healing.guards import INTERRUPTING
from emqx_autocluster.healing.steps import Action, EnableDiscovery, Evict, ForceLeave, Join
from emqx_autocluster.observation import Observation, Unobserved
from simulation.cluster import Cluster
from simulation.truth import Truth

CLOCKS = 15.0
"""Seconds that the clocks of two operators may be apart."""
HOUR = 3600.0 - CLOCKS
NEEDLESS = 60.0
"""Seconds for which all must have been well for an action to be needless."""
YOUNG = 45.0
"""Damage of fewer seconds may pass by itself; orphanAfter is 2 min, and no look tells of moments without damage."""
YOUNG_NAME = 10 * 60.0
COOL = 120.0 - CLOCKS
"""Of coolDown's 2 min."""
STARTING = (8.0, 20.0)
"""So old a process certainly looks for its peers, and is seen to run."""
BROKEN = 20.0
"""A cause that lasts for so long was certainly seen."""
UNREADY = 20.0


@dataclass(slots=True)
class Harm:
    cluster: Cluster
    most_per_hour: int
    found: list[str] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)
    actions: list[tuple[float, str]] = field(default_factory=list)
    removed: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Name -> when it was removed, and for how many replicas."""
    forgotten: bool = False
    """Whether an operator died since the last action, and nobody knows of it."""
    on_interruption: "Callable[[Harm], str | None]" = lambda _harm: None
    truth: Truth = field(init=False)

    def __post_init__(self) -> None:
        self.truth = Truth(self.cluster)

    @property
    def well_since(self) -> float | None:
        return self.truth.well_since

    def after(self) -> None:
        self.truth.tick()

    def witness(self, step: Step, seen: Observation) -> None:
        self._is_known(step, seen)
        match step.operation:
            case Join(pod, _, target):
                self._join(pod, target)
                self._interrupted(pod, step)
            case EnableDiscovery(pod, _):
                self._interrupted(pod, step)
            case ForceLeave() as command:
                self._removal(command.nodes)
            case Evict(pod, _):
                self._eviction(pod)
                self._interrupted(pod, step)
        if step.action in INTERRUPTING or step.action is Action.FORCE_LEAVE:
            if self.well_since is not None and self.cluster.now - self.well_since > NEEDLESS:
                self.needless.append(
                    f"{self.cluster.now:.0f} s: {step.action} {step.subject} of what was well"
                )
            self._limits(step)
            self.actions.append((self.cluster.now, str(step.action)))

    def started(self, node: str) -> None:
        """A name that was removed comes back.

        Where the user has asked for more members since, that is theirs; and a pod that was made later, and got an
        address that somebody had, knows nothing of its past.
        """
        when, replicas = self.removed.pop(node, (0.0, 0))
        cluster = self.cluster
        made_later = not cluster.stateful and all(
            p.created > when for p in cluster.pods.values() if p.node == node
        )
        if replicas and cluster.replicas <= replicas and cluster.now - when < HOUR and not made_later:
            self._tell(f"{node} was removed at {when:.0f} s and came back")

    def _is_known(self, step: Step, seen: Observation) -> None:
        unread = [m.pod.name for m in seen.each_member() if isinstance(m.view, Unobserved) and m.pod.running]
        others = [name for name in unread if f"Pod/{name}" != step.subject]
        if others and step.action in {Action.JOIN_CLUSTER, Action.FORCE_LEAVE}:
            self._tell(f"{step.action} {step.subject} although the view of {others[0]} is not known")

    def _join(self, pod: str, target: str) -> None:
        stray = self.cluster.node_of(pod)
        if stray is None or stray.stuck:
            return
        islands = self.cluster.ekka.islands()
        own = next((i for i in islands if stray.name in i), {stray.name})
        other = next((i for i in islands if target in i), set())
        if own is other:
            return  # it has found them by itself a moment ago, and EMQX says so
        if stray.awaited:
            self._tell(f"{pod} waits for its tables and was told to join")
        if len(own) > len(other) > 0:
            self._tell(f"{pod} was told to leave a cluster of {len(own)} for one of {len(other)}")
        if len(own) == len(other) > 1:
            self._tell(f"{pod} was told to leave one of two equal clusters of {len(own)}")
        if len(other) == 1 and len(islands[0]) > 1:
            self._tell(f"{pod} was told to join a lone member beside a cluster of {len(islands[0])}")
        if len(islands[0]) == 1 and self.cluster.volumes and self.cluster.stateful:
            self._tell(f"{pod} has data on a volume, as all others, and was told to give it up")
        there = self.cluster.ekka.nodes.get(target)
        if there is not None and there.major != stray.major:
            self._tell(f"{pod} runs {stray.major}.x and was told to join {there.major}.x, which wipes it")

    def _removal(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name in self.cluster.ekka.nodes:
                self._tell(f"{name} lives and was removed")
            gone = self.cluster.now - self.cluster.ekka.ended.get(name, 0.0)
            if gone < YOUNG_NAME:
                self._tell(f"{name} was removed {gone:.0f} s after its node ended")
            self.removed[name] = (self.cluster.now, self.cluster.replicas)

    def _eviction(self, pod: str) -> None:
        node = self.cluster.node_of(pod)
        largest = self.cluster.ekka.islands()[0]
        if node is not None and node.serves and node.name in largest and len(largest) > 1:
            self._tell(f"{pod} serves in the largest cluster and was evicted")

    def _interrupted(self, pod: str, step: Step) -> None:
        """What holds for whatever disconnects the devices of a member."""
        now, truth = self.cluster.now, self.truth
        known = self.cluster.pods.get(pod)
        if known is None:
            return
        if known.quarantined:
            self._tell(f"{step.action} of {pod}, which its user has put into quarantine")
        if known.node in self.cluster.ekka.nodes and truth.apart_for(known.node) < YOUNG:
            self._tell(f"{step.action} of {pod} {truth.apart_for(known.node):.0f} s after it came apart")
        young = [p.name for p in self.cluster.live() if STARTING[0] < now - p.started < STARTING[1]]
        if young:
            self._tell(f"{step.action} of {pod} while {young[0]} starts")
        if truth.cause_lasts() > BROKEN:
            self._tell(f"{step.action} of {pod}, whose discovery cannot work, and which is lost again")
        if truth.serving_alone(pod) > UNREADY:
            self._tell(f"{step.action} of {pod} while no other member is Ready")

    def _limits(self, step: Step) -> None:
        if step.action not in INTERRUPTING:
            return
        recent = [at for at, a in self.actions if self.cluster.now - at < HOUR and a in INTERRUPTING]
        if len(recent) >= self.most_per_hour:
            self._tell(f"{len(recent) + 1} actions in an hour")
        if recent and self.cluster.now - recent[-1] < COOL and not self.forgotten:
            self._tell(f"{step.action} {self.cluster.now - recent[-1]:.0f} s after the last action")
        self.forgotten = False
        out_of_turn = self.on_interruption(self)
        if out_of_turn:
            self._tell(f"{step.action} {step.subject} {out_of_turn}")

    def _tell(self, what: str) -> None:
        self.found.append(f"{self.cluster.now:.0f} s: {what}")
