"""When a workload is looked at again: soon while something happens, seldom while nothing does.

To ask a member costs over a CPU-second in its pod, so a state that lasts is not asked about as often as one
that may mend itself within seconds.
"""

from datetime import datetime, timedelta

from emqx_autocluster.findings import ConditionType, Reason
from emqx_autocluster.report import Pass
from emqx_autocluster.v1alpha1 import Condition, EMQXAutoCluster, StatusModel, seconds

AT_ONCE = 0.05
"""Seconds after a step was taken: whether it worked is seen, not assumed."""
_WHILE_REPAIRING = 5.0
_NEWS = timedelta(minutes=5)
"""So long after a step of a repair, or after membership changed, more is expected to happen by itself."""
_UNHURRIED = 4
"""What only a person can put right is looked at this many times less often than what may mend itself."""


def next_look(resource: EMQXAutoCluster, done: Pass) -> float:
    """Seconds until the next look, if no event comes before."""
    usual, failed = _usual(resource, done), done.memory.setback
    if failed is None or done.plan.hold is None or done.plan.hold.reason is not Reason.ACTION_FAILED:
        return usual
    return min(usual, max(AT_ONCE, (failed.due - done.case.observation.at).total_seconds()))


def is_suspicious(status: StatusModel) -> bool:
    """Whether every member has to be asked: membership was not whole, or a repair is under way."""
    formed = _condition(status, ConditionType.CLUSTER_FORMED)
    return status.procedure is not None or formed is None or formed.status != "True"


def _usual(resource: EMQXAutoCluster, done: Pass) -> float:
    verification, status, at = resource.spec.verification, resource.status, done.case.observation.at
    interval, suspicious = seconds(verification.interval), seconds(verification.suspicious_interval)
    unhurried = min(interval, _UNHURRIED * suspicious)
    starting = any(f.reason is Reason.NODES_STARTING for f in done.findings.values())
    if (_repairs(status, at) and not done.case.progressing) or starting:
        return min(_WHILE_REPAIRING, suspicious)
    if is_suspicious(status):
        return suspicious if _is_news(status, at) else unhurried
    ready = _condition(status, ConditionType.READY)
    return interval if ready and ready.status == "True" else unhurried


def _repairs(status: StatusModel, at: datetime) -> bool:
    """Whether a step of a repair was taken a moment ago."""
    last = status.last_action
    return status.procedure is not None and last is not None and at - last.time < _NEWS


def _is_news(status: StatusModel, at: datetime) -> bool:
    formed = _condition(status, ConditionType.CLUSTER_FORMED)
    return formed is None or at - formed.last_transition_time < _NEWS


def _condition(status: StatusModel, kind: ConditionType) -> Condition | None:
    return next((condition for condition in status.conditions if condition.type == kind), None)
