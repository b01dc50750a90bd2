"""Mode Heal: acts on damage of any origin, by the very steps of a repair, each through the guards.

Ladder for a member that is apart: its own search, then `discovery enable`, then `cluster join`, then, only where the
user lists it, another pod. For one that is half-joined the same. Then the names that nobody has any more. After each
step the views are read again, and the next one is due after its own wait.
"""

from collections.abc import Iterator

from emqx_autocluster.api.annotations import Mode
from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.api.v1alpha1 import Suspect
from emqx_autocluster.diagnosis import Case, Findings
from emqx_autocluster.healing import brake, guards, settle, suspects
from emqx_autocluster.healing.guards import Proposal
from emqx_autocluster.healing.memory import Memory
from emqx_autocluster.healing.steps import Action, Hold, Plan, Step, Verdict

Rung = tuple[tuple[Step, ...], Hold | None]


def concerns(case: Case, memory: Memory) -> bool:
    """Whether there is damage to look at, or healing under way; a repair of settings sees to itself."""
    if case.options.mode is not Mode.HEAL or case.is_replicant:
        return False
    under_way = memory.procedure is not None
    return bool(memory.suspects) if not under_way else memory.heals


def may_begin(case: Case, memory: Memory) -> bool:
    """Whether what begins now is healing, and no part of a repair of settings."""
    return case.options.mode is Mode.HEAL and (memory.procedure is None or memory.heals)


def plan(case: Case, findings: Findings, memory: Memory, closed: Hold | None) -> Plan:
    """The first action that all guards let pass; else what is due first, and the guard that refuses it."""
    first: Plan | None = None
    for steps, hold in _rungs(case, findings, memory):
        told = verdicts(case, findings, memory, steps) if steps and not hold else ()
        refused = next((_refused(verdict, steps[0]) for verdict in told if verdict.refusal), None)
        left = (*steps, *brake.preview(case))
        found = Plan(left, closed or hold or refused, procedure=True, heals=True, guards=told)
        if not found.hold:
            return found
        first = first or found
    return first or Plan(brake.preview(case), procedure=memory.procedure is not None, heals=True)


def verdicts(case: Case, findings: Findings, memory: Memory, steps: tuple[Step, ...]) -> tuple[Verdict, ...]:
    suspect = next((s for s in memory.suspects if s.subject == steps[0].subject), None)
    return guards.verdicts(case, findings, memory, Proposal(steps[0], suspect))


def _rungs(case: Case, findings: Findings, memory: Memory) -> Iterator[Rung]:
    """What is to be done, most urgent first: who serves nobody, who is apart, and what is left behind."""
    half_joined = settle.half_joined(case, memory)
    if any(half_joined):
        yield half_joined
        return
    if case.progressing:
        return
    apart = settle.strays(case, findings, memory)
    if any(apart):
        yield _last_resort(case, apart)
        return
    names = {s.subject.removeprefix("Node/") for s in _left_names(case, memory)}
    stubborn = names & settle.given_up(memory.procedure)
    removals = settle.removals(case, names - stubborn)
    if removals:
        yield removals, None
    elif stubborn:
        yield settle.removals(case, stubborn), _failed(stubborn)


def _failed(names: set[str]) -> Hold:
    return Hold(
        Reason.HEAL_FAILED,
        f"{', '.join(sorted(names))} was removed twice, as EMQX said, and is still listed: it is not tried again until"
        " something changes; see which member still lists it with emqx_ctl cluster status in each",
        ConditionType.STALE_NODES_PRESENT,
    )


def _left_names(case: Case, memory: Memory) -> list[Suspect]:
    """Those that are old enough, or, where none is, all of them, for their guard to say so."""
    left = [s for s in memory.suspects if s.kind == suspects.STALE_NODE]
    return [s for s in left if suspects.is_ripe(case, s)] or left


def _last_resort(case: Case, apart: Rung) -> Rung:
    """A pod that could not be joined twice is replaced, where the user allows that."""
    steps, hold = apart
    if hold is None or hold.reason is not Reason.JOIN_FAILED or not steps:
        return apart
    member = guards.member_of(case, steps[0])
    if member is None or "EvictPod" not in case.spec.healing.actions:
        return apart
    return (settle.evict(case, member, "which could not be joined"),), None


def _refused(verdict: Verdict, step: Step) -> Hold:
    return Hold(
        Reason.HEAL_REFUSED,
        f"{step.action} {step.subject} is due, and the guard {verdict.guard} holds it back: {verdict.refusal}",
        ConditionType.STALE_NODES_PRESENT
        if step.action is Action.FORCE_LEAVE
        else ConditionType.CLUSTER_FORMED,
    )
