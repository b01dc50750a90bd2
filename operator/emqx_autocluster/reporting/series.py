"""What one pass tells Prometheus of its workload: the same as the status says."""

from emqx_autocluster.api.v1alpha1 import LastAction, StatusModel
from emqx_autocluster.metrics import Deed, Key, State
from emqx_autocluster.observation import WorkloadRef
from emqx_autocluster.reporting.report import Pass


def key(ref: WorkloadRef) -> Key:
    return ref.namespace, str(ref.kind), ref.name


def state(status: StatusModel, done: Pass) -> State:
    members = status.members
    counts = (
        {"expected": members.expected, "ready": members.ready, "clustered": members.clustered}
        if members
        else {}
    )
    return State(
        conditions={condition.type: condition.status for condition in status.conditions},
        members=counts,
        islands=members.islands if members else None,
        stale_nodes=members.stale if members else None,
        rolling=done.case.rolling,
        verified_at=done.case.observation.at.timestamp(),
        last_action=_deed(status.last_action) if status.last_action else None,
    )


def _deed(last: LastAction) -> Deed:
    return Deed(last.action, last.result.lower(), last.time.timestamp())
