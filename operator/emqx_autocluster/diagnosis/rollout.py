"""RolloutSafe: whether the next rolling restart can end in a split or in a member that serves nothing.

EMQX opens its listeners before it looks for its peers. A new pod is Ready first, the controller ends an
old one, and meanwhile the new one joins the oldest member that it sees, perhaps the one that is ending.
"""

from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.observation import Unobserved

_TYPE = ConditionType.ROLLOUT_SAFE
_SAFE_SECONDS = 20
"""With this many seconds between Ready and available, none of ten measured rollouts went wrong."""


def check(case: Case) -> Finding:
    workload = case.workload
    if case.settings is None or isinstance(case.settings.strategy, Unobserved):
        return unknown(_TYPE, Reason.INITIALIZING, "the discovery strategy is not known yet")
    for applies, why in (
        (case.uses_k8s, "only strategy k8s joins at start in this way"),
        (workload.replicas > 1, f"{'one' if workload.replicas else 'no'} replica has nobody to join"),
        (
            workload.strategy == "RollingUpdate",
            f"strategy {workload.strategy} does not replace pods one by one",
        ),
    ):
        if not applies:
            return true(_TYPE, Reason.NOT_APPLICABLE, why)
    if workload.min_ready_seconds < _SAFE_SECONDS:
        return _too_low(case)
    return true(
        _TYPE,
        Reason.MIN_READY_SECONDS_SUFFICIENT,
        f"minReadySeconds is {workload.min_ready_seconds}: a new member has"
        " joined before the next old one ends",
    )


def fits_the_deadline(case: Case) -> bool:
    """Kubernetes refuses a minReadySeconds that is not below progressDeadlineSeconds."""
    deadline = case.workload.progress_deadline_seconds
    return deadline is None or case.spec.repair.min_ready_seconds < deadline


def _too_low(case: Case) -> Finding:
    message = (
        f"minReadySeconds is {case.workload.min_ready_seconds}, it should be at least {_SAFE_SECONDS}: in a rolling"
        " restart a new pod counts as available before it has joined, and may join the member that ends next"
    )
    if not fits_the_deadline(case):
        deadline = case.workload.progress_deadline_seconds
        message += f"; progressDeadlineSeconds is {deadline} and must be raised first"
    return false(_TYPE, Reason.MIN_READY_SECONDS_TOO_LOW, message, repairable=fits_the_deadline(case))
