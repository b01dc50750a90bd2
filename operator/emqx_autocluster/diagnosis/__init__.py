"""Judges an observation: an ordered list of pure checks, each with one finding."""

from dataclasses import replace

from emqx_autocluster.diagnosis import (
    acceptance,
    access,
    configuration,
    endpoints,
    formation,
    names,
    remains,
    rollout,
)
from emqx_autocluster.diagnosis.case import Case, build
from emqx_autocluster.findings import ConditionType, Finding, Reason, Status

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

Findings = dict[ConditionType, Finding]


def diagnose(case: Case) -> Findings:
    found = [check(case) for check in CHECKS]
    if case.workload.replicas == 0:
        found = [_at_zero(finding) for finding in found]
    return {finding.type: finding for finding in found}


def _at_zero(finding: Finding) -> Finding:
    """Nothing was read, by intention: no other cause of an Unknown would be true."""
    if finding.status is not Status.UNKNOWN:
        return finding
    return replace(finding, reason=Reason.INITIALIZING, message="nothing is looked at while replicas is 0")


__all__ = ["CHECKS", "Case", "Findings", "build", "diagnose"]
