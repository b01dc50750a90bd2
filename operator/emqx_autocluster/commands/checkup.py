"""What `doctor` concludes about one workload: the same judgement as the operator's, as one value for people."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any, Self

from emqx_autocluster import diagnosis, healing
from emqx_autocluster.api.findings import ConditionType, Finding, Level, Reason, Status, Unjudged
from emqx_autocluster.commands import permissions, remedy
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.healing import Action, Hold, Memory, Step, roll
from emqx_autocluster.healing.steps import patch_command
from emqx_autocluster.objects import template
from emqx_autocluster.objects.recorded import Changes
from emqx_autocluster.observation import Member, View, WorkloadRef
from emqx_autocluster.reporting import conditions

_OPERATORS_OWN = frozenset({ConditionType.ACCEPTED, ConditionType.PAUSED})
"""Where they are well they say something about the operator, and nothing about the cluster."""


class Verdict(IntEnum):
    """Also the exit code."""

    HEALTHY = 0
    FINDINGS = 1
    UNKNOWN = 2


class Standing(StrEnum):
    """How one finding stands; the value is the sign for it."""

    WELL = "✓"
    WRONG = "✗"
    ADVICE = "!"
    UNTOLD = "?"

    @classmethod
    def of(cls, finding: Finding) -> "Standing":
        if finding.status is Status.UNKNOWN:
            return cls.UNTOLD
        if not diagnosis.is_wrong(finding):
            return cls.WELL
        return cls.ADVICE if finding.level is Level.ADVICE else cls.WRONG


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
    """What keeps the cluster from being Ready; else the worst other rung, errors before advice; None: all is well."""
    unjudged: tuple[Unjudged, ...] = ()
    """What was not judged for want of a fact, and no rung tells."""

    @property
    def headline(self) -> str:
        """The verdict in a few words; where there is a cause, what kind of one, and its message goes on."""
        if self.cause is None:
            return "Nothing is wrong in what was judged." if self.unjudged else "Nothing is wrong."
        if not diagnosis.is_wrong(self.cause):
            return "Could not tell"
        return "Advice" if self.cause.level is Level.ADVICE else "Cause"

    def beside(self, rung: Finding) -> tuple[Finding, ...]:
        """What else is wrong there, and the rung does not say already."""
        return tuple(p for p in self.problems if p.type is rung.type and p.message not in rung.message)

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
        """Advice is none; with `strict` it counts."""
        return self.judged(strict=False)

    def judged(self, *, strict: bool) -> Verdict:
        if self.cause is None:
            return Verdict.HEALTHY
        if not diagnosis.is_wrong(self.cause):
            return Verdict.UNKNOWN
        return Verdict.FINDINGS if strict or self.cause.level is Level.ERROR else Verdict.HEALTHY


@dataclass(frozen=True, slots=True)
class Unexamined:
    """A workload that holds something so odd that nothing can be concluded; the others are looked at all the same."""

    ref: WorkloadRef
    why: str

    @classmethod
    def after(cls, ref: WorkloadRef, error: Exception) -> Self:
        return cls(ref, f"looking at it ended in {type(error).__name__}: {error}")

    @property
    def verdict(self) -> Verdict:
        return Verdict.UNKNOWN

    def judged(self, *, strict: bool) -> Verdict:  # noqa: ARG002 - the same, whether advice counts or not
        return self.verdict


def examine(case: Case) -> Checkup:
    findings = diagnosis.diagnose(case)
    plan = healing.plan(case, findings, Memory())
    ready, *told = conditions.complete(findings, plan.hold)
    rungs = tuple(rung for rung in told if diagnosis.is_wrong(rung) or rung.type not in _OPERATORS_OWN)
    hold = None if plan.hold and plan.hold.reason is Reason.OBSERVE_ONLY else plan.hold
    problems, repair = diagnosis.problems(case, findings), roll.changes(case, findings)
    cause = _cause(ready, rungs)
    return Checkup(
        case,
        rungs,
        problems,
        plan.steps,
        repair,
        hold,
        by_hand(case, problems, repair, plan.steps),
        cause,
        _untold(case, problems),
    )


def _untold(case: Case, problems: Iterable[Finding]) -> tuple[Unjudged, ...]:
    """A condition that is Unknown says by itself which fact is missing."""
    told = {finding.type for finding in problems if finding.status is Status.UNKNOWN}
    return tuple(gap for gap in diagnosis.unjudged(case) if gap.type not in told)


def by_hand(case: Case, problems: Iterable[Finding], repair: Changes, steps: Iterable[Step]) -> Changes:
    """All right values that no step sets: a repair waits while a person has to decide something else first."""
    set_by_step = repair if any(step.action is Action.PATCH_WORKLOAD for step in steps) else ()
    # While a rollout goes on no step is taken: what Repair puts right is not for a person to decide.
    later = case.progressing
    wrong = [f for f in problems if diagnosis.is_wrong(f) and not (later and f.repairable)]
    found = [change for finding in wrong for change in remedy.changes(case, finding, repair)]
    fields = {change.field: change for change in reversed(found) if change not in set_by_step}
    return tuple(reversed(fields.values()))


def _cause(ready: Finding, rungs: Iterable[Finding]) -> Finding | None:
    if ready.status is Status.TRUE:
        wrong = (rung for rung in rungs if diagnosis.is_wrong(rung))
        return min(wrong, key=lambda rung: rung.level is Level.ADVICE, default=None)
    return next(rung for rung in rungs if replace(rung, type=ready.type) == ready)


def verdict(checkups: Iterable[Checkup | Unexamined], *, strict: bool = False) -> Verdict:
    """Of several: what is broken is worse than what could not be told."""
    seen = {checkup.judged(strict=strict) for checkup in checkups}
    return next((v for v in (Verdict.FINDINGS, Verdict.UNKNOWN) if v in seen), Verdict.HEALTHY)


def document(checkup: Checkup | Unexamined) -> dict[str, Any]:
    """For `-o json` and `-o yaml`; what could not be looked at is told as such and never left out."""
    if isinstance(checkup, Unexamined):
        return {**_whose(checkup.ref), "verdict": checkup.verdict.name.capitalize(), "unread": checkup.why}
    case, cause = checkup.case, checkup.cause
    ref, settings = case.workload.ref, case.settings
    return {
        **_whose(ref),
        "emqxVersion": str(settings.version) if settings and settings.version.known else None,
        "verdict": checkup.verdict.name.capitalize(),
        "cause": _finding(cause) if cause else None,
        "checks": [_finding(rung) for rung in checkup.rungs],
        "problems": [_finding(problem) for problem in checkup.problems],
        "unjudged": [_gap(gap) for gap in checkup.unjudged],
        "members": [_member(member) for member in case.observation.each_member()],
        "staleNodes": list(case.membership.stale),
        "actions": [_step(step) for step in checkup.steps],
        "byHand": checkup.by_hand_command,
        "missingRights": list(checkup.missing_rights),
    }


def _whose(ref: WorkloadRef) -> dict[str, Any]:
    return {"namespace": ref.namespace, "kind": str(ref.kind), "name": ref.name}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "condition": str(finding.type),
        "status": str(finding.status),
        "level": str(finding.level) if diagnosis.is_wrong(finding) else None,
        "reason": str(finding.reason),
        "message": finding.message,
        "repairable": finding.repairable,
        "sets": dict(finding.sets),
    }


def _gap(gap: Unjudged) -> dict[str, Any]:
    return {
        "condition": str(gap.type),
        "question": gap.question,
        "missing": gap.missing,
        "remedy": gap.remedy,
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
