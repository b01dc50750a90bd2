"""What `doctor` concludes about one workload: the same judgement as the operator's, as one value for people."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from emqx_autocluster import conditions, diagnosis, healing, template
from emqx_autocluster.commands import permissions, remedy
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.healing import Action, Hold, Memory, Step, roll
from emqx_autocluster.healing.steps import patch_command
from emqx_autocluster.observation import Member, View
from emqx_autocluster.template import Changes

_OPERATORS_OWN = frozenset({ConditionType.ACCEPTED, ConditionType.PAUSED})
"""Where they are well they say something about the operator, and nothing about the cluster."""


class Verdict(IntEnum):
    """Also the exit code."""

    HEALTHY = 0
    FINDINGS = 1
    UNKNOWN = 2


@dataclass(frozen=True, slots=True)
class Checkup:
    case: Case
    rungs: tuple[Finding, ...]
    """One for each condition that says something about the cluster, causes before their symptoms."""
    problems: tuple[Finding, ...]
    """All that is wrong or not known, and not just the first of each condition."""
    steps: tuple[Step, ...]
    """What Repair would do, in order; each with the command for a person."""

    changes: Changes
    """Of the workload, all in one patch; part of the steps."""
    hold: Hold | None
    """Why the first of them would not be taken now."""
    by_hand: Changes
    """What no step sets, in one patch too: Repair leaves it to a person, and each finding says why."""
    cause: Finding | None
    """What keeps the cluster from being Ready; else the first other rung that is broken; None: all is well."""

    @property
    def by_hand_command(self) -> str | None:
        """For `by_hand`; None: nothing has one right value."""
        container = self.case.container
        if container is None or not self.by_hand:
            return None
        return patch_command(self.case.workload.ref, template.manual_patch(container, self.by_hand))

    @property
    def missing_rights(self) -> tuple[str, ...]:
        """What the person who asks would need to see the rest, as `get pods/exec in namespace iot`."""
        return permissions.lacking(finding.message for finding in self.problems)

    @property
    def verdict(self) -> Verdict:
        if self.cause is None:
            return Verdict.HEALTHY
        return Verdict.FINDINGS if diagnosis.is_wrong(self.cause) else Verdict.UNKNOWN


def examine(case: Case) -> Checkup:
    findings = diagnosis.diagnose(case)
    plan = healing.plan(case, findings, Memory())
    ready, *told = conditions.complete(findings, plan.hold)
    rungs = tuple(rung for rung in told if diagnosis.is_wrong(rung) or rung.type not in _OPERATORS_OWN)
    hold = None if plan.hold and plan.hold.reason is Reason.OBSERVE_ONLY else plan.hold
    problems, repair = diagnosis.problems(case, findings), roll.changes(case, findings)
    cause = _cause(ready, rungs)
    return Checkup(
        case, rungs, problems, plan.steps, repair, hold, by_hand(case, problems, repair, plan.steps), cause
    )


def by_hand(case: Case, problems: Iterable[Finding], repair: Changes, steps: Iterable[Step]) -> Changes:
    """All right values that no step sets: a repair waits while a person has to decide something else first."""
    set_by_step = repair if any(step.action is Action.PATCH_WORKLOAD for step in steps) else ()
    wrong = [finding for finding in problems if diagnosis.is_wrong(finding)]
    found = [change for finding in wrong for change in remedy.changes(case, finding, repair)]
    fields = {change.field: change for change in reversed(found) if change not in set_by_step}
    return tuple(reversed(fields.values()))


def _cause(ready: Finding, rungs: Iterable[Finding]) -> Finding | None:
    if ready.status is Status.TRUE:
        return next((rung for rung in rungs if diagnosis.is_wrong(rung)), None)
    return next(rung for rung in rungs if replace(rung, type=ready.type) == ready)


def verdict(checkups: Iterable[Checkup]) -> Verdict:
    """Of several: what is broken is worse than what could not be told."""
    seen = {checkup.verdict for checkup in checkups}
    return next((v for v in (Verdict.FINDINGS, Verdict.UNKNOWN) if v in seen), Verdict.HEALTHY)


def document(checkup: Checkup) -> dict[str, Any]:
    """For `-o json` and `-o yaml`; what could not be looked at is told as such and never left out."""
    case, cause = checkup.case, checkup.cause
    ref, settings = case.workload.ref, case.settings
    return {
        "namespace": ref.namespace,
        "kind": str(ref.kind),
        "name": ref.name,
        "emqxVersion": str(settings.version) if settings and settings.version else None,
        "verdict": checkup.verdict.name.capitalize(),
        "cause": _finding(cause) if cause else None,
        "checks": [_finding(rung) for rung in checkup.rungs],
        "problems": [_finding(problem) for problem in checkup.problems],
        "members": [_member(member) for member in case.observation.each_member()],
        "staleNodes": list(case.membership.stale),
        "actions": [_step(step) for step in checkup.steps],
        "byHand": checkup.by_hand_command,
        "missingRights": list(checkup.missing_rights),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "condition": str(finding.type),
        "status": str(finding.status),
        "reason": str(finding.reason),
        "message": finding.message,
        "repairable": finding.repairable,
        "sets": dict(finding.sets),
    }


def _member(member: Member) -> dict[str, Any]:
    view = member.view
    seen: dict[str, Any] = {"pod": member.pod.name, "node": member.node, "ready": member.pod.ready}
    if isinstance(view, View):
        return seen | {"running": sorted(view.running), "stopped": sorted(view.stopped)}
    return seen | {"unread": view.reason}


def _step(step: Step) -> dict[str, Any]:
    return {
        "action": str(step.action),
        "subject": step.subject,
        "message": step.message,
        "command": step.command,
    }
