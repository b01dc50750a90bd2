"""Judges an observation: an ordered list of pure checks, each with one finding."""

from dataclasses import replace
from itertools import chain

from emqx_autocluster.diagnosis import (
    acceptance,
    access,
    configuration,
    endpoints,
    evidence,
    formation,
    names,
    remains,
    rollout,
)
from emqx_autocluster.diagnosis.case import Case, build
from emqx_autocluster.findings import ABNORMAL_TRUE, ConditionType, Finding, Reason, Status

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

Findings = dict[ConditionType, Finding]


def diagnose(case: Case) -> Findings:
    found = [evidence.confirmed(case, check(case)) for check in CHECKS]
    if case.workload.replicas == 0:
        found = [_at_zero(finding) for finding in found]
    return {finding.type: finding for finding in found}


def problems(case: Case, findings: Findings) -> tuple[Finding, ...]:
    """All that is wrong or not known, and not just the first of each condition; causes before their symptoms."""
    told = (finding for finding in findings.values() if is_wrong(finding) or finding.status is Status.UNKNOWN)
    return tuple(chain.from_iterable(_all_of(case, finding) for finding in told))


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


__all__ = ["CHECKS", "Case", "Findings", "build", "diagnose", "is_wrong", "problems"]
