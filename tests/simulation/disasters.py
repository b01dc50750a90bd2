"""What happens to a workload: random faults at random moments, and at last quiet."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from simulation.cluster import Cluster
from simulation.operator import Operator

Undo = Callable[[], None]
LAST = 1200.0
"""Seconds after which no new fault begins."""
CALM = 1560.0
"""Seconds after which every fault is over, but for a lack of room."""
OTHER_MAJOR = {"4": "5.8.9", "5": "4.4.19"}


@dataclass(slots=True)
class Disasters:
    chance: random.Random
    cluster: Cluster
    operator: Operator | None
    told: list[str] = field(default_factory=list)
    plans: list[tuple[float, str]] = field(default_factory=list)
    ends: list[tuple[float, Undo]] = field(default_factory=list)

    def __post_init__(self) -> None:
        many = self.chance.randint(1, 6)
        kinds = self.chance.choices(list(_FAULTS), k=many)
        self.plans = sorted((self.chance.uniform(90, LAST), kind) for kind in kinds)

    def tick(self, now: float) -> None:
        for ending in [end for end in self.ends if now >= end[0]]:
            self.ends.remove(ending)
            ending[1]()
        while self.plans and now >= self.plans[0][0]:
            _, kind = self.plans.pop(0)
            self.told.append(f"{now:.0f} s: {kind}")
            _FAULTS[kind](self)

    @property
    def is_over(self) -> bool:
        return not self.plans and not self.ends

    def also(self, at: float, kind: str) -> None:
        """A fault that hits other workloads at the same time."""
        self.plans = sorted([*self.plans, (at, kind)])

    def lasting(self, undo: Undo, least: float = 20, most: float = 300) -> None:
        self.ends.append((self.cluster.now + self.chance.uniform(least, most), undo))

    def pods(self) -> list[str]:
        return sorted(pod.name for pod in self.cluster.live())

    def some(self) -> list[str]:
        pods = self.pods()
        return self.chance.sample(pods, self.chance.randint(1, max(1, len(pods) - 1))) if pods else []


def _killed(world: Disasters) -> None:
    for pod in world.some():
        world.cluster.kill(pod)


def _all_killed(world: Disasters) -> None:
    for pod in world.pods():
        world.cluster.kill(pod)


def _killed_without_room(world: Disasters) -> None:
    world.cluster.room = False
    world.lasting(lambda: setattr(world.cluster, "room", True), 60, 1500)
    _killed(world)


def _lost(world: Disasters) -> None:
    """A machine is cut off and counts as lost, and what runs there runs on."""
    for pod in world.some()[:1]:
        world.cluster.lose(pod, world.chance.uniform(120, 1500))


def _crashed(world: Disasters) -> None:
    for pod in world.some():
        world.cluster.crash(pod, world.chance.uniform(1, 40))


def _crash_looping(world: Disasters) -> None:
    """One container that ends a few seconds after each start, for a while."""
    pod = world.chance.choice(world.pods() or ["none"])
    until = world.cluster.now + world.chance.uniform(120, 400)

    def again() -> None:
        if world.cluster.now < until:
            world.cluster.crash(pod, 1)
            world.ends.append((world.cluster.now + world.chance.uniform(12, 40), again))

    again()


def _deleted(world: Disasters) -> None:
    for pod in world.some()[:2]:
        world.cluster.delete(pod)


def _rolled(world: Disasters) -> None:
    world.cluster.restart()


def _canary(world: Disasters) -> None:
    """A user tries another major version on a StatefulSet's last pod, and goes back some time later."""
    cluster = world.cluster
    other = OTHER_MAJOR.get(cluster.version.partition(".")[0])
    if not cluster.stateful or cluster.partition or cluster.rolling or other is None or cluster.images:
        return
    cluster.restart()
    cluster.images[cluster.revision] = other
    cluster.partition = cluster.replicas - 1

    def back() -> None:
        cluster.restart()
        cluster.images.pop(cluster.revision, None)
        cluster.partition = 0

    world.lasting(back, 200, 1100)


def _scaled(world: Disasters) -> None:
    world.cluster.scale(world.chance.choice([2, 3, 4, 5]))


def _parted(world: Disasters) -> None:
    side = {world.cluster.pods[p].node for p in world.some()}
    others = {pod.node for pod in world.cluster.live() if pod.node} - side
    for one in side:
        for other in others:
            world.cluster.ekka.links.cut(one, other)
    world.lasting(world.cluster.ekka.links.mend, 30, 300)


def _parted_on_one_side(world: Disasters) -> None:
    side = {world.cluster.pods[p].node for p in world.some()}
    others = {pod.node for pod in world.cluster.live() if pod.node} - side
    for one in side:
        for other in others:
            world.cluster.ekka.links.deafen(one, other)
    world.lasting(world.cluster.ekka.links.mend, 30, 400)


def _one_link(world: Disasters) -> None:
    nodes = sorted(pod.node for pod in world.cluster.live() if pod.node)
    if len(nodes) > 1:
        world.cluster.ekka.links.cut(*world.chance.sample(nodes, 2))
        world.lasting(world.cluster.ekka.links.mend, 30, 300)


def _left(world: Disasters) -> None:
    """Somebody lets members leave by hand."""
    for pod in world.some()[:2]:
        world.cluster.ekka.leave(world.cluster.pods[pod].node)


def _api_away(world: Disasters) -> None:
    world.cluster.api_works = False
    world.lasting(lambda: setattr(world.cluster, "api_works", True))


def _dns_away(world: Disasters) -> None:
    world.cluster.names_work = False
    world.lasting(lambda: setattr(world.cluster, "names_work", True))


def _service_deleted(world: Disasters) -> None:
    world.cluster.service_exists = False
    world.lasting(lambda: setattr(world.cluster, "service_exists", True), 60, 340)


def _unready(world: Disasters) -> None:
    """A probe that fails although the members serve."""
    world.cluster.unready |= set(world.pods() if world.chance.random() < 0.5 else world.some())
    world.lasting(world.cluster.unready.clear, 60, 300)


def _quarantined(world: Disasters) -> None:
    """A person looks into a member, and lets it leave for that."""
    name = world.chance.choice(world.pods() or ["none"])
    pod = world.cluster.pods.get(name)
    if pod is None:
        return
    pod.quarantined = True
    world.cluster.ekka.leave(pod.node)
    world.lasting(lambda: setattr(pod, "quarantined", False), 200, 1100)


def _hanging(world: Disasters) -> None:
    if world.operator is not None:
        hangs = world.operator.sight.hangs
        hangs |= set(world.some())
        world.lasting(hangs.clear)


def _lying(world: Disasters) -> None:
    if world.operator is not None:
        lies = world.operator.trouble.lies
        lies |= set(world.pods())
        world.lasting(lies.clear)


def _slow(world: Disasters) -> None:
    if world.operator is not None:
        trouble = world.operator.trouble
        trouble.slow = world.chance.uniform(2, 12)
        world.lasting(lambda: setattr(trouble, "slow", 0.0))


def _old_answers(world: Disasters) -> None:
    if world.operator is not None:
        old = world.operator.sight.old
        old |= {pod: world.chance.uniform(2, 15) for pod in world.some()}
        world.lasting(old.clear)


def _forgetful(world: Disasters) -> None:
    """The operator dies between its next action and the record of it; the next one has a clock of its own."""
    if world.operator is not None:
        world.operator.forgets_next = True


def _frozen(world: Disasters) -> None:
    if world.operator is not None:
        world.operator.freezes_next = True


def _restarted(world: Disasters) -> None:
    if world.operator is not None:
        world.operator.succeed(world.chance.uniform(1, 20))


def _rolled_in_the_dark(world: Disasters) -> None:
    """A rollout, and the DNS goes away in its middle."""
    world.cluster.restart()
    world.also(world.cluster.now + world.chance.uniform(5, 40), "the DNS is away")


_FAULTS: dict[str, Callable[[Disasters], None]] = {
    "pods die without a word": _killed,
    "all pods die": _all_killed,
    "pods die, and no machine has room": _killed_without_room,
    "a machine is cut off": _lost,
    "containers crash": _crashed,
    "a container crashes again and again": _crash_looping,
    "pods are deleted": _deleted,
    "a rollout restart": _rolled,
    "another major version on one pod": _canary,
    "scaled": _scaled,
    "the network parts": _parted,
    "the network parts in one direction": _parted_on_one_side,
    "one link is cut": _one_link,
    "members leave by hand": _left,
    "the API server is away": _api_away,
    "the DNS is away": _dns_away,
    "the Service is deleted": _service_deleted,
    "probes fail": _unready,
    "a member in quarantine": _quarantined,
    "commands hang": _hanging,
    "commands lie": _lying,
    "commands are slow": _slow,
    "answers are old": _old_answers,
    "the operator dies after an action": _forgetful,
    "the leader is frozen before an action": _frozen,
    "the operator restarts": _restarted,
    "a rollout, and then the DNS is away": _rolled_in_the_dark,
}
OF_A_ZONE = ("pods die without a word", "the network parts", "containers crash", "members leave by hand")
"""What hits several workloads at the same time."""
