"""Decides what to do: gate → gather → rights → publish → roll → settle → clear, as one pure function.

Putting the address right and rolling is what people do by hand, and with real EMQX it makes splits and
dead members. So a repair has an order, and each pass finds its place in it from what it sees.
"""

from dataclasses import replace
from datetime import datetime

from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.diagnosis import Case, Findings, configuration
from emqx_autocluster.diagnosis.formation import serving
from emqx_autocluster.healing import (
    brake,
    gate,
    gather,
    heal,
    publish,
    reverts,
    rights,
    roll,
    setback,
    settle,
)
from emqx_autocluster.healing.memory import Memory
from emqx_autocluster.healing.setback import Setback
from emqx_autocluster.healing.steps import Action, Hold, Plan, Step
from emqx_autocluster.objects import template

_REPAIRED = (ConditionType.CONFIGURATION_VALID, ConditionType.RBAC_READY, ConditionType.DNS_HEALTHY)


def plan(case: Case, findings: Findings, memory: Memory, now: datetime | None = None) -> Plan:
    """`now`: the time of deciding, where the look that the case is made of took a while."""
    at = case.observation.at
    return _veiled(case, setback.patiently(_plan(case, findings, memory, now or at), memory.setback, at))


def _veiled(case: Case, found: Plan) -> Plan:
    """What is told of it, and not what is done. A command that would hold such a value is not offered."""
    if not case.veil.places:
        return found
    over = case.veil.over
    steps = tuple(
        replace(
            step,
            subject=over(step.subject),
            message=over(step.message),
            command=step.command if over(step.command or "") == (step.command or "") else None,
        )
        for step in found.steps
    )
    hold = replace(found.hold, message=over(found.hold.message)) if found.hold else None
    return replace(found, steps=steps, hold=hold)


def _plan(case: Case, findings: Findings, memory: Memory, now: datetime) -> Plan:
    closed = gate.check(case, findings)
    steered = brake.step(case, memory, now)
    if steered:
        begins = memory.procedure is not None or case.rolling
        heals = heal.may_begin(case, memory)
        return Plan((steered,), _but_for_a_rollout(closed), procedure=begins, heals=heals)
    closed = _but_for_a_rollout(closed) or reverts.undone(case, memory) or closed
    if heal.concerns(case, memory) and not _is_due(case, findings):
        return _heal(case, findings, memory, closed)
    if serving.half_joined(case) and memory.procedure:
        return _blocked_rollout(case, memory, closed)
    if findings[ConditionType.RBAC_READY].reason is Reason.SERVICE_ACCOUNT_MISSING:
        return _without_account(case, findings, closed)
    if case.rolling and brake.sees_through(case, memory) and rights.steps(case, findings):
        given, heals = rights.steps(case, findings), heal.may_begin(case, memory)
        return Plan(given, _but_for_a_rollout(closed), procedure=True, heals=heals)
    if _is_due(case, findings):
        return _repair(case, findings, memory, closed)
    if gather.is_early(case):
        return _gather_early(case, findings, memory, closed)
    if memory.procedure:
        return _finish(case, findings, memory, closed)
    return _upkeep(case, findings, memory, closed)


def _heal(case: Case, findings: Findings, memory: Memory, closed: Hold | None) -> Plan:
    """What drifted of our own objects comes first: it may be the cause."""
    maintenance, contested = _maintenance(case, findings, memory)
    if maintenance and not contested:
        return Plan(maintenance, closed, procedure=memory.procedure is not None, heals=True)
    return of_damage(case, findings, memory, closed)


def of_damage(case: Case, findings: Findings, memory: Memory, closed: Hold | None) -> Plan:
    """What mode Heal does about damage, and nothing else. A half-joined member blocks a rollout for good."""
    half_joined = serving.half_joined(case)
    return heal.plan(case, findings, memory, _but_for_a_rollout(closed) if half_joined else closed)


def _is_due(case: Case, findings: Findings) -> bool:
    """Whether something is wrong that Repair can put right."""
    curable = (*_REPAIRED, ConditionType.DISCOVERY_READY)
    return case.discovers and any(findings[kind].bad and findings[kind].repairable for kind in curable)


def _gather_early(case: Case, findings: Findings, memory: Memory, closed: Hold | None) -> Plan:
    """What else will be due is not told before it is known."""
    joins, hold = gather.steps(case, findings, memory)
    return Plan(joins, _first(closed, hold), procedure=True)


def _repair(case: Case, findings: Findings, memory: Memory, closed: Hold | None) -> Plan:
    # Strategy Recreate restarts all at once: whatever is gathered now would be gone then.
    recreated = case.workload.strategy == "Recreate"
    gathering, gather_hold = ((), None) if recreated else gather.steps(case, findings, memory)
    granting = (*rights.steps(case, findings), *publish.steps(case, findings))
    rolling, roll_hold = roll.steps(case, findings, memory)
    clearing = settle.preview(case, rolls=any(s.action is Action.AWAIT_ROLLOUT for s in rolling))
    later = (*granting, *rolling, *clearing)
    if gather_hold and not gathering:
        later = ()  # carried out by hand without the joins it would make a split
    # What is not known may turn out to be for the user alone to put right, and then a join was for nothing.
    unread = configuration.unread(case)
    doubt = gate.from_finding(unread) if unread and not (gathering and gather.is_young(unread)) else None
    holds = (doubt, gather_hold, *_in_turn((*gathering, *granting), (roll_hold,)))
    return Plan((*gathering, *later), _first(closed, *holds), procedure=True)


def _first(closed: Hold | None, *holds: Hold | None) -> Hold | None:
    """What is to be told: that mode Observe changes nothing is no news beside anything else."""
    observing = closed is not None and closed.reason is Reason.OBSERVE_ONLY
    ordered = (*holds, closed) if observing else (closed, *holds)
    return next((hold for hold in ordered if hold), None)


def _in_turn(before: tuple[Step, ...], holds: tuple[Hold | None, ...]) -> tuple[Hold | None, ...]:
    """A later phase can hold only itself: while an earlier one has steps, those may go on."""
    return () if before else holds


def _blocked_rollout(case: Case, memory: Memory, closed: Hold | None) -> Plan:
    """A half-joined member blocks a rollout for good, so the rollout does not close the gate to its cure."""
    steps, hold = settle.half_joined(case, memory)
    return Plan(steps, _but_for_a_rollout(closed) or hold, procedure=True)


def _without_account(case: Case, findings: Findings, closed: Hold | None) -> Plan:
    """No pod can be made without it, so any rollout waits for it; creating it interrupts nobody."""
    granting = rights.steps(case, findings)
    account = tuple(step for step in granting if step.action is Action.CREATE_SERVICE_ACCOUNT)
    missing = None if account else gate.from_finding(findings[ConditionType.RBAC_READY])
    return Plan(account, _first(_but_for_a_rollout(closed), missing), procedure=True)


def _but_for_a_rollout(closed: Hold | None) -> Hold | None:
    return None if closed and closed.reason is Reason.TARGET_PROGRESSING else closed


def _finish(case: Case, findings: Findings, memory: Memory, closed: Hold | None) -> Plan:
    """After the rollout: members that stayed alone, then names whose pods are gone."""
    joins, hold = settle.strays(case, findings, memory)
    # Where it is not known whether a rollout is yet to come, a stray may be gathered for nothing.
    unsure = next((findings[kind] for kind in _REPAIRED if findings[kind].status is Status.UNKNOWN), None)
    unsure = unsure or configuration.unread(case)
    if case.held:
        # By itself a member joins as soon as it can, and until it can a join by hand would fail as well.
        unsure = unsure or next((findings[kind] for kind in _REPAIRED if findings[kind].bad), None)
    if joins and unsure:
        hold = gate.from_finding(unsure)
    clearing = settle.clear(case, memory.procedure) if memory.procedure else ()
    maintenance, contested = _maintenance(case, findings, memory)
    upkeep = () if contested else maintenance  # what somebody else sets back keeps no repair from its end
    onward = brake.preview(case)
    return Plan((*joins, *upkeep, *onward, *clearing), closed or hold, procedure=True)


def _upkeep(case: Case, findings: Findings, memory: Memory, closed: Hold | None) -> Plan:
    """No repair: what restarts nothing is done; a split or names of other origin are shown with their cure."""
    maintenance, contested = _maintenance(case, findings, memory)
    joins, undecided = gather.steps(case, findings, memory)
    damage = (*joins, *settle.preview(case, rolls=False))
    by_hand = (replace(step, operation=None, message=f"by hand: {step.message}") for step in damage)
    return Plan(
        (*maintenance, *by_hand, *roll.by_hand(case)),
        closed or contested or (None if maintenance else undecided),
    )


def _maintenance(case: Case, findings: Findings, memory: Memory) -> tuple[tuple[Step, ...], Hold | None]:
    """Objects of ours that drifted, and minReadySeconds."""
    granting = rights.steps(case, findings)
    wanted = roll.changes(case, findings)
    # Not while anything is unknown: it may turn out to need the one patch that restarts, and this belongs into it.
    known = all(findings[kind].status is not Status.UNKNOWN for kind in _REPAIRED)
    alone = known and wanted and not template.rolls(wanted)
    rolling, contested = roll.steps(case, findings, memory) if alone else ((), None)
    return (*granting, *rolling), None if granting else contested


__all__ = ["Action", "Hold", "Memory", "Plan", "Setback", "Step", "of_damage", "plan"]
