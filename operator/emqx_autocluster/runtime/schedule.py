"""When a workload is looked at again, and how closely: soon while something happens, seldom while nothing does.

To ask a member costs over a CPU-second in its pod, so a state that lasts is not asked about as often as one
that may mend itself within seconds. The pulse costs next to nothing, so between two looks it is taken alone.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from emqx_autocluster.api.findings import ConditionType, Reason, Status
from emqx_autocluster.api.v1alpha1 import Condition, EMQXAutoCluster, StatusModel, delta, seconds
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.healing import Action, suspects
from emqx_autocluster.observation import Workload
from emqx_autocluster.observer import Depth
from emqx_autocluster.reporting.report import Pass

AT_ONCE = 0.05
"""Seconds after a step was taken: whether it worked is seen, not assumed."""
AGAIN = 5.0
"""After something that has to be tried again, and not at once."""
_WHILE_REPAIRING = 2.5
_WHILE_ROLLING = 5.0
"""The new members themselves have a watch of their own meanwhile, which looks more often."""
_SOONEST, _SOONEST_PULSE = 5.0, 2.0
"""However often a resource asks for it: each look costs every member, and the API server."""
_AROUND = 300.0
"""So often what is around healthy members is looked at, such as rights, addresses and names."""
_FIRST_RESPITE, _LONGEST_RESPITE = 30.0, 600.0
_NEWS = timedelta(minutes=5)
"""So long after a step of a repair, or after membership changed, more is expected to happen by itself."""
_YOUNG = timedelta(minutes=2)
"""So long after a pod was made its rollout is followed closely."""
_STALE = timedelta(minutes=1)
"""So long a member's answer counts that lists names which nobody has: no socket shows that they were removed."""
_ON_REMEMBERED = {Action.JOIN_CLUSTER, Action.HOLD_ROLLOUT}
_UNHURRIED = 4
"""What only a person can put right is looked at this many times less often than what may mend itself."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """When the next look is due, and how often the pulse is taken until then."""

    look: datetime
    pulse: float
    """As its resource asks for."""

    def wait(self, at: datetime, fewest: float) -> float:
        """Seconds until the next of either; 0: the look is due. `fewest`: as many as the fleet allows by now."""
        return max(0.0, min(max(self.pulse, fewest), (self.look - at).total_seconds()))


def appointment(
    resource: EMQXAutoCluster, wait: float, done: Pass, fewest: float = 0.0
) -> Appointment | None:
    """None: the next look comes as soon as a pulse would, or the last one did not show one cluster.

    `fewest`: the least seconds from one pulse to the next, however many the resource asks for.
    """
    asked = seconds(resource.spec.verification.pulse)
    pulse = max(_SOONEST_PULSE, asked) if asked else asked
    formed = done.findings[ConditionType.CLUSTER_FORMED].status is Status.TRUE
    look = done.case.observation.at + timedelta(seconds=wait)
    return Appointment(look, pulse) if formed and pulse and max(pulse, fewest) < wait else None


def whole(resource: EMQXAutoCluster) -> Depth:
    """A look that believes no earlier answer."""
    return replace(depth(resource, changed=True), believed=timedelta(0))


def depth(resource: EMQXAutoCluster, *, changed: bool) -> Depth:
    """How much the next look asks for; `changed`: an event or a pulse says that something is not as it was."""
    status, verification = resource.status, resource.spec.verification
    suspicious = is_suspicious(status)
    # Members come, join and go, which each one's sockets show: an event about one is no reason to ask all.
    followed = suspicious and (status.procedure is not None or _is_under_way(status))
    believed = delta(verification.suspicious_interval if suspicious else verification.interval)
    if status.stale_nodes:
        believed = min(believed, _STALE)
    return Depth(
        thorough=changed or (suspicious and not (followed and _is_rolling(status))),
        believed=believed if followed or not (changed or suspicious) else timedelta(0),
        in_turn=not suspicious,
        pulse=suspicious or changed or seconds(verification.pulse) < seconds(verification.interval),
        count_devices=resource.spec.repair.rollout == "Manual" and not _is_ready(status),
        dial_ports=suspicious,
    )


def is_believed(resource: EMQXAutoCluster, workload: Workload) -> bool:
    """Whether what its status says counts for a while after the process started, so that nobody is asked at once.

    Only where an operator saw that all is well, of just this workload and resource, and nothing is under way.
    """
    status = resource.status
    of_this = (status.workload_uid, status.workload_generation) == (workload.uid, workload.generation)
    tuned_alike = status.observed_generation == resource.metadata.generation
    under_way = status.procedure or status.planned_actions or status.suspects or workload.rolling
    return of_this and tuned_alike and _is_ready(status) and not is_suspicious(status) and not under_way


def needs_whole_look(resource: EMQXAutoCluster, done: Pass) -> bool:
    """Whether something would follow from remembered answers that only fresh ones may lead to.

    Nothing turns True by them, and nothing is done: but for a join after another, since a lone member's last answer
    is some seconds old, and its sockets show that it still has no connection; and but for holding a rollout, which
    needs no proof and may not come late.
    """
    formed = _condition(resource.status, ConditionType.CLUSTER_FORMED)
    was_formed = formed is not None and formed.status == "True"
    if not was_formed and done.findings[ConditionType.CLUSTER_FORMED].status is Status.TRUE:
        return True
    if done.plan.heals and done.plan.now:
        return True
    return any(step.action not in _ON_REMEMBERED for step in done.plan.now)


def next_look(resource: EMQXAutoCluster, done: Pass, fewest: float = 0.0) -> float:
    """Seconds until the next look, if no event comes before; `fewest`: of a workload that is well, in this fleet."""
    usual = min(_usual(resource, done, max(_AROUND, fewest)), _until_ripe(resource, done))
    usual, failed = max(usual, _respite(done.case.observation.mute)), done.memory.setback
    if failed is None or done.plan.hold is None or done.plan.hold.reason is not Reason.ACTION_FAILED:
        return usual
    return min(usual, max(AT_ONCE, (failed.due - done.case.observation.at).total_seconds()))


def _until_ripe(resource: EMQXAutoCluster, done: Pass) -> float:
    """Damage that mode Heal may act on is looked at until it was seen often enough, and when it is old enough."""
    case, soon = done.case, seconds(resource.spec.verification.suspicious_interval)
    due = [
        soon
        if suspect.looks < suspects.LOOKS
        else (suspects.ripe_at(case, suspect) - case.observation.at).total_seconds()
        for suspect in done.memory.suspects
    ]
    return max(AT_ONCE, min((wait for wait in due if wait > 0), default=float("inf")))


def is_suspicious(status: StatusModel) -> bool:
    """Whether every member has to be asked: membership was not whole, or a repair is under way."""
    formed = _condition(status, ConditionType.CLUSTER_FORMED)
    return status.procedure is not None or formed is None or formed.status != "True"


def _respite(mute: int) -> float:
    """Members that do not answer cost a look all its time, so it is taken less and less often."""
    return min(_LONGEST_RESPITE, _FIRST_RESPITE * 2.0 ** min(mute - 1, 8)) if mute else 0.0


def _usual(resource: EMQXAutoCluster, done: Pass, around: float) -> float:
    verification, status, at = resource.spec.verification, resource.status, done.case.observation.at
    interval = min(max(_SOONEST, seconds(verification.interval)), around)
    suspicious = max(_SOONEST, seconds(verification.suspicious_interval))
    unhurried = min(interval, _UNHURRIED * suspicious)
    starting = any(f.reason is Reason.NODES_STARTING for f in done.findings.values())
    waits = done.case.progressing and not done.case.held
    if (_repairs(status, at) and not waits) or starting:
        return min(_WHILE_REPAIRING, suspicious)
    if _is_followed(done.case):
        return min(_WHILE_ROLLING, suspicious)
    if is_suspicious(status):
        return suspicious if _is_news(status, at) else unhurried
    may_be_cleared = bool(status.stale_nodes) and _is_news(status, at)
    return interval if _is_ready(status) and not may_be_cleared else unhurried


def _is_followed(case: Case) -> bool:
    """Whether a rollout made a pod a moment ago, so that members join and others end."""
    made = (member.pod.created for member in case.observation.each_member())
    return case.progressing and any(case.observation.at - created < _YOUNG for created in made)


def _is_rolling(status: StatusModel) -> bool:
    formed = _condition(status, ConditionType.CLUSTER_FORMED)
    return formed is not None and formed.reason == Reason.TARGET_PROGRESSING


def _is_under_way(status: StatusModel) -> bool:
    """Whether members start, join and end just now."""
    formed = _condition(status, ConditionType.CLUSTER_FORMED)
    return _is_rolling(status) or (formed is not None and formed.reason == Reason.NODES_STARTING)


def _is_ready(status: StatusModel) -> bool:
    ready = _condition(status, ConditionType.READY)
    return ready is not None and ready.status == "True"


def _repairs(status: StatusModel, at: datetime) -> bool:
    """Whether a step of a repair was taken a moment ago."""
    last = status.last_action
    return status.procedure is not None and last is not None and at - last.time < _NEWS


def _is_news(status: StatusModel, at: datetime) -> bool:
    formed = _condition(status, ConditionType.CLUSTER_FORMED)
    return formed is None or at - formed.last_transition_time < _NEWS


def _condition(status: StatusModel, kind: ConditionType) -> Condition | None:
    return next((condition for condition in status.conditions if condition.type == kind), None)
