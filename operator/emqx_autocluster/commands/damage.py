"""What `heal` concludes about one workload: mode Heal's own plan for the damage, and what is to be done next."""

from dataclasses import replace
from enum import IntEnum

from emqx_autocluster import diagnosis, healing
from emqx_autocluster.api.annotations import Mode, WorkloadOptions
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.api.v1alpha1 import Spec, StatusModel
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.healing import Action, Hold, Memory, Plan, Step, gate, suspects
from emqx_autocluster.reporting.report import Pass

ACTIONS = (Action.ENABLE_DISCOVERY, Action.JOIN_CLUSTER, Action.EVICT_POD, Action.FORCE_LEAVE)
_PASS_WITH_TIME = frozenset({"NothingStarting", "SeenLongEnough", "CooledDown"})


class Verdict(IntEnum):
    """Also the exit code."""

    WELL = 0
    DUE = 1
    UNKNOWN = 2


def options_by_hand(given: WorkloadOptions) -> WorkloadOptions:
    """As in mode Heal. `paused` keeps the operator still, and not who acts by hand."""
    return replace(given, mode=Mode.HEAL, paused=False)


def spec_by_hand(spec: Spec, action: Action | None) -> Spec:
    """Who names the eviction of a pod allows it."""
    if action is not Action.EVICT_POD:
        return spec
    return spec.model_copy(update={"healing": spec.healing.model_copy(update={"actions": ("EvictPod",)})})


def busy(options: WorkloadOptions, status: StatusModel) -> str | None:
    """Why the operator itself is at work there: two must never act at the same time."""
    if options.paused or not options.may_repair:
        return None
    if options.mode is Mode.HEAL:
        return "it is in mode Heal, so that the operator heals it by itself"
    return "the operator is in the middle of a repair there" if status.procedure else None


def judged(case: Case, status: StatusModel) -> Pass:
    """`status` has what earlier looks found, and what was done."""
    findings = diagnosis.diagnose(case)
    seen = suspects.noted(status.suspects, case)
    memory = replace(Memory.of(case.workload, status, case.options), suspects=seen)
    # A repair that was left in the middle is none of healing's: its steps would not pass the guards.
    memory = memory if memory.procedure is None or memory.heals else replace(memory, procedure=None)
    plan = healing.of_damage(case, findings, memory, gate.check(case, findings))
    return Pass(case, findings, plan, memory)


def step_of(plan: Plan, action: Action | None) -> Step | None:
    """What would be done now; with `action` only if it is that."""
    due = next(iter(plan.now), None)
    return due if due and due.action in ACTIONS and action in {None, due.action} else None


def hold_of(plan: Plan, action: Action | None) -> Hold | None:
    """Why nothing is done now, though something is due."""
    due = next(iter(plan.now), None)
    if due is None or action in {None, due.action}:
        return plan.hold
    told = f"{due.action} {due.subject} comes first: {action} is not due before that was tried"
    return Hold(Reason.HEAL_REFUSED, told)


def passes_with_time(plan: Plan) -> bool:
    """Whether it is enough to look again a moment later."""
    refused = {verdict.guard for verdict in plan.guards if verdict.refusal}
    waits = plan.hold is not None and plan.hold.reason in {Reason.NODES_STARTING, Reason.TARGET_PROGRESSING}
    return waits or bool(refused & _PASS_WITH_TIME)


def verdict(done: Pass) -> Verdict:
    if any(step.action in ACTIONS for step in done.plan.steps):
        return Verdict.DUE
    if not suspects.is_known(done.case):
        return Verdict.UNKNOWN
    return Verdict.DUE if done.plan.hold else Verdict.WELL
