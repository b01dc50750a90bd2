"""Judges an observation: an ordered list of pure checks, each with one finding."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain

from emqx_autocluster.api.findings import (
    ABNORMAL_TRUE,
    ConditionType,
    Finding,
    Level,
    Reason,
    Status,
    Unjudged,
)
from emqx_autocluster.diagnosis import (
    acceptance,
    access,
    comeback,
    configuration,
    endpoints,
    evidence,
    formation,
    generations,
    lastingnames,
    names,
    probes,
    remains,
    rollout,
)
from emqx_autocluster.diagnosis.case import Case, build
from emqx_autocluster.diagnosis.generations import Opinion

CHECKS = (
    acceptance.check,  # is this ours to look after?
    configuration.check,  # can the settings work on this version?
    access.check,  # may the pods ask?
    endpoints.check,  # does the answer list them?
    names.check,  # do they reach the API server by name?
    formation.check,  # are they one cluster?
    rollout.check,  # will they be one after the next restart?
    remains.stale,
    remains.paused,
)

_MORE = {
    ConditionType.CONFIGURATION_VALID: configuration.problems,
    ConditionType.DISCOVERY_READY: endpoints.problems,
    ConditionType.ROLLOUT_SAFE: rollout.problems,
}
"""Conditions that can have several causes at once, of which they tell the first."""

UNJUDGED: tuple[Callable[[Case], Iterator[Unjudged]], ...] = (
    configuration.unjudged,
    access.unjudged,
    endpoints.unjudged,
    names.unjudged,
    comeback.unjudged,
    lastingnames.unjudged,
    probes.unjudged,
)
"""Each tells which of its questions a fact was missing for."""

Findings = dict[ConditionType, Finding]


def diagnose(case: Case) -> Findings:
    """One finding for each condition; where the versions that it may be differ, the condition is Unknown."""
    if not case.others:
        return {kind: _veiled(case, finding) for kind, finding in _diagnosed(case).items()}
    opinions = [generations.opinion(each, _diagnosed(each).values()) for each in case.each()]
    return {
        finding.type: _veiled(case, generations.condition(case, opinions, finding.type))
        for finding in opinions[0].found
    }


def _diagnosed(case: Case) -> Findings:
    found = [evidence.confirmed(case, check(case)) for check in CHECKS]
    if case.workload.replicas == 0:
        found = [_at_zero(finding) for finding in found]
    return {finding.type: finding for finding in found}


def problems(case: Case, findings: Findings) -> tuple[Finding, ...]:
    """All that is wrong or not known, errors first, and causes before their symptoms."""
    found = generations.common(case.version, _opinions(case)) if case.others else _problems(case, findings)
    told = (_veiled(case, finding) for finding in found)
    return tuple(sorted(told, key=lambda finding: is_wrong(finding) and finding.level is Level.ADVICE))


def _veiled(case: Case, finding: Finding) -> Finding:
    return replace(finding, message=case.veil.over(finding.message))


def _problems(case: Case, findings: Findings) -> tuple[Finding, ...]:
    told = (finding for finding in findings.values() if is_wrong(finding) or finding.status is Status.UNKNOWN)
    return tuple(chain.from_iterable(_all_of(case, finding) for finding in told))


def _opinions(case: Case) -> list[Opinion]:
    return [generations.opinion(each, _problems(each, _diagnosed(each))) for each in case.each()]


def unjudged(case: Case, tells: Callable[[Finding], bool] = lambda _: True) -> tuple[Unjudged, ...]:
    """All that was not judged for want of a fact; of what depends on the version, what `tells` lets through."""
    opinions = _opinions(case) if case.others else []
    found = [finding for finding in generations.undecided(opinions) if finding.bad and tells(finding)]
    version = (generations.not_judged(case, opinions, found),) if found else ()
    rest = (gap for each in case.each() for look in UNJUDGED for gap in look(each))
    told = (*version, *{(gap.type, gap.question): gap for gap in rest}.values())
    return tuple(
        replace(gap, question=case.veil.over(gap.question), missing=case.veil.over(gap.missing))
        for gap in told
    )


def _all_of(case: Case, told: Finding) -> tuple[Finding, ...]:
    """The first of several is what the condition tells, which may add what the others say."""
    found = _MORE[told.type](case) if told.type in _MORE else ()
    each = tuple(evidence.confirmed(case, finding) for finding in found)
    return each if each and each[0].reason is told.reason else (told, *each)


def is_wrong(finding: Finding) -> bool:
    return finding.status is (Status.TRUE if finding.type in ABNORMAL_TRUE else Status.FALSE)


def _at_zero(finding: Finding) -> Finding:
    """Nothing was read, by intention: no other cause of an Unknown would be true."""
    if finding.status is not Status.UNKNOWN:
        return finding
    return replace(finding, reason=Reason.INITIALIZING, message="nothing is looked at while replicas is 0")


__all__ = ["CHECKS", "Case", "Findings", "build", "diagnose", "is_wrong", "problems", "unjudged"]
