"""How the operator steers a rollout, by the workload's own record: held, or let go by somebody else.

The workload alone is asked, and no memory: an operator that starts in the middle finds the brake where it is.
"""

from emqx_autocluster.api import annotations
from emqx_autocluster.objects import template
from emqx_autocluster.objects.recorded import Changes, FieldChange, Record
from emqx_autocluster.observation import Workload

_HOLDING = frozenset({template.PAUSED, template.PARTITION})


def in_force(workload: Workload) -> Changes:
    """What of the rollout's own fields still holds our value."""
    return tuple(c for c in _recorded(workload) if template.holds(workload, None, c))


def holding(workload: Workload) -> FieldChange | None:
    """By what we keep Kubernetes from ending the next old member: `paused`, or a partition."""
    return next((change for change in in_force(workload) if change.field in _HOLDING), None)


def let_go(workload: Workload) -> Changes:
    """What somebody else took off that held it: it is in our record still, and no longer in force."""
    if holding(workload) is not None:
        return ()
    return tuple(change for change in _recorded(workload) if change.field in _HOLDING)


def _recorded(workload: Workload) -> Changes:
    record = Record.load(workload.annotations.get(annotations.ORIGINAL))
    return tuple(change for change in record.changes if change.field in template.OF_A_ROLLOUT)
