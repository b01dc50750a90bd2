"""Decides what to do: gate → gather → rights → roll → settle → clear, as one pure function.

Putting the address right and rolling is what people do by hand, and with real EMQX it makes splits and
dead members. So a repair has an order, and each pass finds its place in it from what it sees.
"""

from dataclasses import replace

from emqx_autocluster import template
from emqx_autocluster.diagnosis import Case, Findings, formation
from emqx_autocluster.findings import ConditionType, Reason, Status
from emqx_autocluster.healing import gate, gather, rights, roll, settle
from emqx_autocluster.healing.memory import Memory
from emqx_autocluster.healing.steps import Action, Hold, Plan, Step

_REPAIRED = (ConditionType.CONFIGURATION_VALID, ConditionType.RBAC_READY, ConditionType.DNS_HEALTHY)


def plan(case: Case, findings: Findings, memory: Memory) -> Plan:
    closed = gate.check(case, findings)
    if formation.half_joined(case) and memory.procedure:
        return _blocked_rollout(case, memory, closed)
    if findings[ConditionType.RBAC_READY].reason is Reason.SERVICE_ACCOUNT_MISSING:
        return _without_account(case, findings, closed)
    if _is_due(case, findings):
        return _repair(case, findings, memory, closed)
    if memory.procedure:
        return _finish(case, findings, memory, closed)
    return _upkeep(case, findings, memory, closed)


def _is_due(case: Case, findings: Findings) -> bool:
    """Whether something is wrong that Repair can put right."""
    return case.uses_k8s and any(findings[kind].bad and findings[kind].repairable for kind in _REPAIRED)


def _repair(case: Case, findings: Findings, memory: Memory, closed: Hold | None) -> Plan:
    # Strategy Recreate restarts all at once: whatever is gathered now would be gone then.
    recreated = case.workload.strategy == "Recreate"
    gathering, gather_hold = ((), None) if recreated else gather.steps(case, findings, memory)
    granting, rights_hold = rights.steps(case, findings)
    rolling, roll_hold = roll.steps(case, findings, memory)
    clearing = settle.preview(case, rolls=any(s.action is Action.AWAIT_ROLLOUT for s in rolling))
    holds = (closed, gather_hold, *_in_turn(gathering, (rights_hold, *_in_turn(granting, (roll_hold,)))))
    hold = next((h for h in holds if h), None)
    return Plan((*gathering, *granting, *rolling, *clearing), hold, procedure=True)


def _in_turn(before: tuple[Step, ...], holds: tuple[Hold | None, ...]) -> tuple[Hold | None, ...]:
    """A later phase can hold only itself: while an earlier one has steps, those may go on."""
    return () if before else holds


def _blocked_rollout(case: Case, memory: Memory, closed: Hold | None) -> Plan:
    """A half-joined member blocks a rollout for good, so the rollout does not close the gate to its cure."""
    steps, hold = settle.half_joined(case, memory)
    return Plan(steps, _but_for_a_rollout(closed) or hold, procedure=True)


def _without_account(case: Case, findings: Findings, closed: Hold | None) -> Plan:
    """No pod can be made without it, so any rollout waits for it; creating it interrupts nobody."""
    granting, hold = rights.steps(case, findings)
    account = tuple(step for step in granting if step.action is Action.CREATE_SERVICE_ACCOUNT)
    return Plan(account, _but_for_a_rollout(closed) or hold, procedure=True)


def _but_for_a_rollout(closed: Hold | None) -> Hold | None:
    return None if closed and closed.reason is Reason.TARGET_PROGRESSING else closed


def _finish(case: Case, findings: Findings, memory: Memory, closed: Hold | None) -> Plan:
    """After the rollout: members that stayed alone, then names whose pods are gone."""
    joins, hold = settle.strays(case, findings, memory)
    clearing = settle.clear(case, memory.procedure) if memory.procedure else ()
    maintenance, _ = _maintenance(case, findings, memory)
    return Plan((*joins, *maintenance, *clearing), closed or hold, procedure=True)


def _upkeep(case: Case, findings: Findings, memory: Memory, closed: Hold | None) -> Plan:
    """No repair: what restarts nothing is done; a split of other origin is shown with its cure."""
    maintenance, hold = _maintenance(case, findings, memory)
    joins, _ = gather.steps(case, findings, memory)
    by_hand = (replace(join, operation=None, message=f"by hand: {join.message}") for join in joins)
    return Plan((*maintenance, *by_hand), closed or hold)


def _maintenance(case: Case, findings: Findings, memory: Memory) -> tuple[tuple[Step, ...], Hold | None]:
    """Objects of ours that drifted, and minReadySeconds."""
    granting, hold = rights.steps(case, findings)
    wanted = roll.changes(case, findings)
    # Not while anything is unknown: it may turn out to need the one patch that restarts, and this belongs into it.
    known = all(findings[kind].status is not Status.UNKNOWN for kind in _REPAIRED)
    alone = known and wanted and not template.rolls(wanted)
    rolling, _ = roll.steps(case, findings, memory) if alone else ((), None)
    return (*granting, *rolling), hold


__all__ = ["Action", "Hold", "Memory", "Plan", "Step", "plan"]
