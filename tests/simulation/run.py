"""One run: workloads, their disasters, and how it ends, with the operator or without; a seed tells all of it."""

import random
from dataclasses import dataclass
from typing import Any

from emqx_autocluster.api.findings import ConditionType
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.runtime.fleet import Fleet
from simulation import ablation
from simulation.cluster import Cluster
from simulation.disasters import CALM, LAST, OF_A_ZONE, Disasters
from simulation.harm import Harm
from simulation.operator import Operator
from simulation.sight import Sight
from simulation.turns import Turns

END = CALM + 3600.0
"""An hour of quiet: a name is removed after 15 minutes, and two actions may be minutes apart."""
VERSIONS = ("4.3.5", "4.4.19", "5.0.3", "5.4.1", "5.8.9", "5.8.9", "5.10.1")
"""One of each generation: of discovery A to E, and one that needs a licence."""
WATCH = 3
"""Seconds between two looks at a rollout."""
FLEET = 4
"""Workloads of a run in which a zone goes away."""
_FLEETS = 0.08


@dataclass(slots=True)
class Result:
    seed: int
    about: str
    faults: list[str]
    harm: list[str]
    needless: list[str]
    actions: list[str]
    whole_after: float | None
    """Seconds from the end of all faults until all were one cluster each and stayed so; None: they never were."""
    refusal: str | None = None
    """What the status says where one did not become whole."""
    refused: frozenset[str] = frozenset()
    """Guards that refused something: without one of the others all would have been the same."""

    @property
    def lives(self) -> bool:
        return self.whole_after is not None or self.refusal is not None


@dataclass(slots=True)
class World:
    """One workload, and all that happens to it."""

    cluster: Cluster
    operator: Operator | None
    disasters: Disasters
    harm: Harm
    whole_since: float | None = None

    def tick(self, now: float) -> None:
        self.cluster.tick(now)
        self.disasters.tick(now)
        operator = self.operator
        if operator is not None:
            operator.sight.remember()
            if int(now) % WATCH == 0:
                operator.watch()
            operator.hear()
            before = operator.forgotten
            operator.work(self.harm.witness)
            self.harm.forgotten |= operator.forgotten > before
            self.harm.most_per_hour += operator.forgotten - before
        self.harm.after()
        damaged = self.harm.truth.damaged_since is not None
        if damaged or len(self.cluster.ekka.nodes) != self.cluster.replicas:
            self.whole_since = None
        elif self.whole_since is None:
            self.whole_since = now

    @property
    def is_quiet(self) -> bool:
        """Whole and without old names for five minutes: nothing more comes."""
        well = self.harm.well_since
        return well is not None and self.cluster.now - well > 300 and not self.cluster.rolling

    @property
    def told(self) -> str | None:
        """Why it is not whole, by the status."""
        if self.operator is None:
            return None
        hold, conditions = self.operator.plan.hold, self.operator.status.conditions
        if hold is not None:
            return f"{hold.reason}: {hold.message}"
        formed = (c for c in conditions if c.type == ConditionType.CLUSTER_FORMED and c.status == "False")
        return next((f"{c.reason}: {c.message}" for c in formed), None)


def run(seed: int, *, operated: bool = True, without: str | None = None) -> Result:
    with ablation.without(without):
        return _run(seed, operated=operated, fenced=without != ablation.FENCE)


def _run(seed: int, *, operated: bool, fenced: bool) -> Result:
    chance = random.Random(seed)
    fleet, turns = Fleet(), Turns()
    many = FLEET if chance.random() < _FLEETS else 1
    worlds = [
        _world(chance, seed, number, fleet if operated else None, fenced=fenced) for number in range(many)
    ]
    for world in worlds:
        turns.watch(world.harm, world.operator)
    if many > 1:
        at, kind = chance.uniform(120, LAST), chance.choice(OF_A_ZONE)
        for world in worlds:
            world.disasters.also(at, kind)
    now = 0.0
    while now < END and not (now > CALM and all(w.is_quiet and w.disasters.is_over for w in worlds)):
        now += 1.0
        for world in worlds:
            world.tick(now)
    return _result(seed, worlds)


def _world(chance: random.Random, seed: int, number: int, fleet: Fleet | None, *, fenced: bool) -> World:
    own = seed * FLEET + number
    stateful = chance.random() < 0.5
    cluster = Cluster(
        version=chance.choice(VERSIONS),
        replicas=chance.choice([2, 3, 3, 5]),
        stateful=stateful,
        volumes=stateful and chance.random() < 0.5,
        min_ready=chance.choice([0, 20, 20]),
        strategy=chance.choice(["k8s", "k8s", "dns"]),
        chance=random.Random(own + 1),
    )
    per_hour = chance.choice([2, 6, 6])
    healing: dict[str, Any] = {
        "splitPolicy": chance.choice(["Report", "LargestWins"]),
        "actionsPerHour": per_hour,
        "actions": chance.choice([[], ["EvictPod"]]),
    }
    operator = None
    if fleet is not None:
        kind = WorkloadKind.STATEFUL_SET if stateful else WorkloadKind.DEPLOYMENT
        ref = WorkloadRef("iot", kind, f"emqx-{number}")
        sight = Sight(cluster, "Heal")
        operator = Operator(cluster, {"healing": healing}, sight, fleet, ref, random.Random(own + 3), fenced)
    harm = Harm(cluster, per_hour)
    cluster.on_start = harm.started
    return World(cluster, operator, Disasters(random.Random(own + 2), cluster, operator), harm)


def _result(seed: int, worlds: list[World]) -> Result:
    since = [world.whole_since for world in worlds]
    whole = [at for at in since if at is not None]
    silent = any(world.whole_since is None and world.told is None for world in worlds)
    told = next((world.told for world in worlds if world.whole_since is None), None)
    return Result(
        seed=seed,
        about="; ".join(map(_about, worlds)),
        faults=[fault for world in worlds for fault in world.disasters.told],
        harm=[told for world in worlds for told in world.harm.found],
        needless=[told for world in worlds for told in world.harm.needless],
        actions=[action for world in worlds for _, action in world.harm.actions],
        whole_after=max(0.0, max(whole) - CALM) if len(whole) == len(since) else None,
        refusal=None if silent else told,
        refused=frozenset().union(*(w.operator.refused for w in worlds if w.operator)),
    )


def _about(world: World) -> str:
    cluster = world.cluster
    kind = "StatefulSet" if cluster.stateful else "Deployment"
    return f"{kind} {cluster.version} by {cluster.strategy}{' with volumes' * cluster.volumes}"
