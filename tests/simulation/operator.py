"""The operator as it is, but for its I/O: the real judgement, plan and status, on what the model shows."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import builders
from emqx_autocluster import diagnosis, healing
from emqx_autocluster.api import annotations
from emqx_autocluster.api.v1alpha1 import EMQXAutoCluster, StatusModel
from emqx_autocluster.healing import Action, Memory, Plan, Step, brake, suspects
from emqx_autocluster.healing.steps import EnableDiscovery, Evict, ForceLeave, Join, PatchWorkload, Steer
from emqx_autocluster.observation import Observation, WorkloadRef
from emqx_autocluster.reporting import report
from emqx_autocluster.reporting.report import Pass
from emqx_autocluster.runtime import schedule
from emqx_autocluster.runtime.fleet import Fleet
from simulation.ablation import FENCE
from simulation.cluster import Cluster
from simulation.sight import Sight, when

Witness = Callable[[Step, Observation], None]
"""Is shown each step with what it rests on, right before it is taken."""
_NEWS = 2.0
"""Seconds from an event to the look that it brings."""
TAKEOVER = (16.0, 20.0)
"""Seconds until another replica leads where the leader has gone without a word."""


@dataclass(slots=True)
class Trouble:
    """What keeps commands from doing what they say."""

    lies: set[str] = field(default_factory=set)
    """Pods in which a command says that it was done, and does nothing."""
    slow: float = 0.0
    """Seconds between what was seen and what is done about it."""


@dataclass(slots=True)
class Decided:
    """A pass that was thought through, and whose steps are yet to be taken."""

    at: float
    steps: tuple[Step, ...]
    seen: Observation
    done: Pass
    uids: Mapping[str, str]
    """Of the pods that the steps are about."""


@dataclass(slots=True)
class Operator:
    """All replicas of it as one: what a successor has of its predecessor is in the status."""

    cluster: Cluster
    spec: Mapping[str, Any]
    sight: Sight
    fleet: Fleet
    ref: WorkloadRef
    chance: random.Random
    fenced: bool = True
    """Whether a leader that was frozen looks at its Lease before it writes."""
    trouble: Trouble = field(default_factory=Trouble)
    due: float = 0.0
    status: StatusModel = field(default_factory=StatusModel)
    plan: Plan = field(default_factory=Plan)
    forgets_next: bool = False
    """Whether it dies between its next action and the record of it."""
    freezes_next: bool = False
    """Whether it is frozen right before its next action, until another replica leads."""
    forgotten: int = 0
    refused: set[str] = field(default_factory=set)
    """Guards that refused something at some time."""
    _leads_from: float = 0.0
    """Before that a successor is yet to come, and nobody hears anything."""
    _heard: object = None
    """What the watch showed last of the workload."""
    _bare: EMQXAutoCluster | None = None
    """Without a status."""
    _decided: Decided | None = None
    _frozen: Decided | None = None

    def work(self, witness: Witness) -> None:
        """What is due now."""
        now = self.cluster.now
        if self._frozen and now >= self._frozen.at:
            frozen, self._frozen = self._frozen, None
            if self.fenced:
                self.refused.add(FENCE)
            else:
                self._act(frozen, witness)
        if self._decided and now >= self._decided.at:
            decided, self._decided = self._decided, None
            self._act(decided, witness)
        elif self._decided is None and now >= self.due:
            self._look(witness)

    def hear(self) -> None:
        """What changes in the workload or its status brings a look at once; pods are not watched."""
        cluster = self.cluster
        if not cluster.api_works or cluster.now < self._leads_from:
            return
        live = cluster.live()
        counts = (
            len(live),
            sum(pod.revision == cluster.revision for pod in live),
            sum(pod.ready_since is not None for pod in live),
            sum(map(cluster.is_available, live)),
        )
        if (cluster.generation, counts) != self._heard:
            self._heard, self.due = (cluster.generation, counts), min(self.due, cluster.now + _NEWS)

    def succeed(self, seconds: float) -> None:
        """Another replica, with another clock, leads after so long."""
        self._decided = None
        self.fleet.lose_sight(self.ref)
        self.due = self._leads_from = self.cluster.now + seconds
        self.sight.skew = self.chance.uniform(-4, 4)

    def _look(self, witness: Witness) -> None:
        """One pass, as the reconciler makes it."""
        if not self.cluster.api_works:
            self.due = self.cluster.now + 15
            self.fleet.lose_sight(self.ref)
            return
        seen = self.sight.observed()
        done = self._judged(seen)
        self.plan = done.plan
        self.status = report.status(self._resource(), done)
        self.refused |= {verdict.guard for verdict in done.plan.guards if verdict.refusal}
        steps = tuple(step for step in done.plan.now if step.operation is not None)
        if not steps:
            self.due = self.cluster.now + max(1.0, schedule.next_look(self._resource(), done))
            return
        uids = {pod.name: pod.uid for pod in self.cluster.pods.values()}
        decided = Decided(self.cluster.now + self.trouble.slow, steps, seen, done, uids)
        if self.freezes_next:
            self.freezes_next = False
            self._frozen = replace(decided, at=self.cluster.now + self.chance.uniform(20, 120))
            self.succeed(self.chance.uniform(*TAKEOVER))
        elif self.trouble.slow:
            self._decided = decided
        else:
            self._act(decided, witness)

    def _judged(self, seen: Observation) -> Pass:
        options = annotations.parse(seen.workload.annotations)
        case = diagnosis.build(seen, options, self._resource().spec)
        findings = diagnosis.diagnose(case)
        suspected = suspects.noted(self.fleet.still_counting(self.ref, self.status.suspects), case)
        self.fleet.sees(self.ref)
        self.fleet.note(self.ref, damaged=any(s.kind != suspects.STALE_NODE for s in suspected))
        memory = replace(
            Memory.of(seen.workload, self.status, options),
            suspects=suspected,
            fleet=self.fleet.refusal(self.ref, when(self.cluster.now)),
        )
        return Pass(case, findings, healing.plan(case, findings, memory), memory)

    def _act(self, decided: Decided, witness: Witness) -> None:
        for step in decided.steps:
            witness(step, decided.seen)
            said, succeeded = self._carry_out(step, decided.uids)
            self.fleet.acts(self.ref, when(self.cluster.now))
            if self.forgets_next:
                self.forgets_next, self.forgotten = False, self.forgotten + 1
                self.fleet.lose_sight(self.ref)
                break
            at = when(self.cluster.now + self.sight.skew)
            self.status = report.after(
                self.status, step, succeeded=succeeded, said=said, done=decided.done, at=at
            )
        self.due = self.cluster.now + max(1.0, schedule.AT_ONCE)

    def watch(self) -> None:
        """Between two passes, as the brakeman does: it looks at a rollout, and holds it."""
        cluster = self.cluster
        ends_more = any(pod.revision != cluster.revision for pod in cluster.live())
        if not (cluster.api_works and ends_more) or cluster.paused or cluster.partition:
            return
        seen, resource = self.sight.observed(), self._resource()
        options = annotations.parse(seen.workload.annotations)
        case = diagnosis.build(seen, options, resource.spec)
        step = brake.step(case, Memory.of(seen.workload, self.status, options), seen.at)
        if step is not None and step.action is Action.HOLD_ROLLOUT:
            self._carry_out(step, {})
            self.status = report.noted(self.status, step, succeeded=True, said="", at=seen.at)

    def _resource(self) -> EMQXAutoCluster:
        self._bare = self._bare or builders.a_resource(**self.spec)
        return self._bare.model_copy(update={"status": self.status})

    def _carry_out(self, step: Step, uids: Mapping[str, str]) -> tuple[str, bool]:
        ekka, pods = self.cluster.ekka, self.cluster.pods
        if isinstance(step.operation, PatchWorkload | Steer):
            self._patched(step.operation.body)
            return "", True
        if not isinstance(step.operation, Join | EnableDiscovery | ForceLeave | Evict):
            raise TypeError(f"nothing of this kind is wrong in the simulation: {step.operation}")
        name = step.operation.pod
        if name not in pods or pods[name].node not in ekka.nodes:
            return "the pod is not there", False
        if isinstance(step.operation, Evict):
            if pods[name].uid != uids[name]:
                return "it is another pod", False
            self.cluster.delete(name)
            return "", True
        if name in self.sight.hangs and self.chance.random() < 0.5:
            return "timed out", False
        if name in self.trouble.lies:
            return "joined", True
        said, good = self._command(step.operation)
        return ("timed out", False) if name in self.sight.hangs else (said, good)

    def _command(self, command: Join | EnableDiscovery | ForceLeave) -> tuple[str, bool]:
        ekka, node = self.cluster.ekka, self.cluster.pods[command.pod].node
        match command:
            case Join(_, _, target):
                said = ekka.join(node, target)
                return said, said in {"joined", "already in cluster"}
            case EnableDiscovery():
                said = ekka.enable_discovery(node)
                return said, said == "enabled"
            case ForceLeave():
                ekka.force_leave(node, command.nodes)
                return "", True

    def _patched(self, body: Mapping[str, Any]) -> None:
        spec = body.get("spec") or {}
        if spec.get("template"):
            raise AssertionError("no setting is wrong in the simulation")
        self.cluster.min_ready = spec.get("minReadySeconds") or self.cluster.min_ready
        self.cluster.paused = bool(spec.get("paused", self.cluster.paused))
        if "updateStrategy" in spec:
            self.cluster.partition = spec["updateStrategy"]["rollingUpdate"]["partition"] or 0
        self.cluster.record = body["metadata"]["annotations"][annotations.ORIGINAL]
        self.cluster.generation += 1
