"""From findings to metav1 conditions: the summary, transition times, and what holds a repair back."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.api.v1alpha1 import Condition
from emqx_autocluster.diagnosis import Findings
from emqx_autocluster.healing import Hold

SUMMARISED = (
    ConditionType.ACCEPTED,
    ConditionType.CONFIGURATION_VALID,
    ConditionType.RBAC_READY,
    ConditionType.DISCOVERY_READY,
    ConditionType.DNS_HEALTHY,
    ConditionType.CLUSTER_FORMED,
)
"""Ready is about these, causes before their symptoms."""

_MEMBERSHIP_HOLDS = frozenset(
    {
        Reason.SEED_NEEDED,
        Reason.JOIN_FAILED,
        Reason.SPLIT_BRAIN,
        Reason.MEMBER_HALF_JOINED,
        Reason.MEMBER_NOT_READY,
        Reason.WAITING_FOR_TABLES,
    }
)
_UNTOLD = frozenset(
    {Reason.OBSERVE_ONLY, Reason.TARGET_PROGRESSING, Reason.ROLLOUT_HELD, Reason.ANNOTATION_SET}
)
"""Told already, by a condition of their own."""


def complete(findings: Findings, hold: Hold | None) -> list[Finding]:
    """All findings with what holds their repair back, and Ready before them."""
    explained = _explained(findings, hold)
    return [summary(explained), *(explained[kind] for kind in ConditionType if kind in explained)]


def _explained(findings: Findings, hold: Hold | None) -> Findings:
    if hold is None or hold.reason in _UNTOLD:
        return findings
    if hold.concerns:
        return _changed(findings, hold.concerns, hold, reason=None)
    if hold.reason in _MEMBERSHIP_HOLDS:
        return _changed(findings, ConditionType.CLUSTER_FORMED, hold, reason=hold.reason)
    reason = Reason.EXTERNAL_REVERT if hold.reason is Reason.EXTERNAL_REVERT else None
    broken = next((f.type for f in findings.values() if f.bad and f.repairable), None)
    return _changed(findings, broken, hold, reason=reason) if broken else findings


def _changed(findings: Findings, kind: ConditionType, hold: Hold, *, reason: Reason | None) -> Findings:
    finding = findings[kind]
    if hold.message in finding.message:
        return findings
    told = replace(finding, reason=reason or finding.reason, message=f"{finding.message}; {hold.message}")
    return findings | {kind: told}


def summary(findings: Mapping[ConditionType, Finding]) -> Finding:
    """Ready is computed, never judged: the first False, else the first Unknown, else the cluster's own words."""
    judged, formed = [findings[kind] for kind in SUMMARISED], findings[ConditionType.CLUSTER_FORMED]
    for status in (Status.FALSE, Status.UNKNOWN):
        first = next((finding for finding in judged if finding.status is status), None)
        if first:
            # Of a rollout the cluster says most: how far it is, and what it waits for.
            rolling = first.reason is formed.reason is Reason.TARGET_PROGRESSING
            return replace(formed if rolling else first, type=ConditionType.READY)
    return replace(formed, type=ConditionType.READY)


def merge(
    findings: Iterable[Finding], old: Iterable[Condition], now: datetime, generation: int
) -> tuple[Condition, ...]:
    """The only place that knows lastTransitionTime: it moves when the status does, and at no other time."""
    before = {condition.type: condition for condition in old}
    return tuple(_condition(finding, before.get(finding.type), now, generation) for finding in findings)


def _condition(finding: Finding, old: Condition | None, now: datetime, generation: int) -> Condition:
    same = old is not None and old.status == finding.status
    return Condition(
        type=finding.type,
        status=finding.status.value,
        reason=finding.reason,
        message=finding.message,
        observed_generation=generation,
        last_transition_time=old.last_transition_time if same and old else now.replace(microsecond=0),
    )
