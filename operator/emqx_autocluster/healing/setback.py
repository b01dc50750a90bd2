"""A step that the API server or a member refuses: its words are told, and it is not tried again at once.

What refuses it, such as a quota or an admission policy, is mended by people, and without any event for us.
So the step is tried again by itself, at growing intervals. How often it failed is kept in the process
alone: after a restart the first try finds the refusal again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.healing.steps import Action, Hold, Plan, Step

_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=1)

_CONCERNS = {
    Action.CREATE_SERVICE: ConditionType.DISCOVERY_READY,
    Action.CREATE_SERVICE_ACCOUNT: ConditionType.RBAC_READY,
    Action.CREATE_ROLE: ConditionType.RBAC_READY,
    Action.UPDATE_ROLE: ConditionType.RBAC_READY,
    Action.CREATE_ROLE_BINDING: ConditionType.RBAC_READY,
    Action.UPDATE_ROLE_BINDING: ConditionType.RBAC_READY,
    Action.EVICT_POD: ConditionType.CLUSTER_FORMED,
    Action.FORCE_LEAVE: ConditionType.STALE_NODES_PRESENT,
    Action.HOLD_ROLLOUT: ConditionType.CLUSTER_FORMED,
    Action.CONTINUE_ROLLOUT: ConditionType.CLUSTER_FORMED,
}
"""Where a failure is told; that of a patch stands on what the patch would put right."""

_WITH_RULES_OF_THEIR_OWN = frozenset({Action.JOIN_CLUSTER, Action.ENABLE_DISCOVERY})
"""Tried a counted number of times, since each try interrupts the member."""


@dataclass(frozen=True, slots=True)
class Setback:
    """The step that failed last, how many times in a row, and what was said."""

    action: Action
    subject: str
    said: str
    at: datetime
    count: int = 1

    @property
    def due(self) -> datetime:
        """When the step is tried again."""
        return self.at + min(_LONGEST_WAIT, _FIRST_WAIT * (1 << min(self.count - 1, 8)))

    def is_of(self, step: Step) -> bool:
        return (self.action, self.subject) == (step.action, step.subject)


def after(before: Setback | None, step: Step, said: str, at: datetime) -> Setback:
    count = before.count + 1 if before and before.is_of(step) else 1
    return Setback(step.action, step.subject, said, at, count)


def patiently(plan: Plan, setback: Setback | None, at: datetime) -> Plan:
    """The plan, held where its next step failed; once the step is due that is still told, but holds nothing."""
    first = plan.steps[0] if plan.steps else None
    if setback is None or first is None or plan.hold or not setback.is_of(first):
        return plan
    if first.action in _WITH_RULES_OF_THEIR_OWN:
        return plan
    told = f"{first.action} {first.subject} failed: {setback.said}; it is tried again at least once a minute"
    hold = Hold(Reason.ACTION_FAILED, told, _CONCERNS.get(first.action))
    return replace(plan, hold=hold, again=at >= setback.due)
