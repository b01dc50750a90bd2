"""Judges an observation: an ordered list of pure checks, each with one finding."""

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
from emqx_autocluster.findings import ConditionType, Finding

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
    return {finding.type: finding for finding in (check(case) for check in CHECKS)}


__all__ = ["CHECKS", "Case", "Findings", "build", "diagnose"]
