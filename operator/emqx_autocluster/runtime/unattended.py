"""What is said of a resource by which nothing is looked after, or not any more."""

from emqx_autocluster.api import annotations
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.api.v1alpha1 import StatusModel
from emqx_autocluster.observation import WorkloadRef


def absent(ref: WorkloadRef) -> Finding:
    return Finding(
        ConditionType.ACCEPTED,
        Status.FALSE,
        Reason.TARGET_NOT_FOUND,
        f"{ref} does not exist in namespace {ref.namespace}; create it, or delete this EMQXAutoCluster",
    )


def outranked(ref: WorkloadRef, counting: str) -> Finding:
    return Finding(
        ConditionType.ACCEPTED,
        Status.FALSE,
        Reason.OLDER_RESOURCE_COUNTS,
        f"EMQXAutoCluster {counting} is about {ref} as well and is older, so it counts and this one does not; put into"
        f" {counting} what is wanted, and delete this one",
    )


def left_open(ref: WorkloadRef, status: StatusModel) -> str:
    """The status goes with the resource, so this is the last word."""
    steps = ", ".join(f"{step.action} {step.subject}" for step in status.planned_actions)
    return (
        f"the annotation {annotations.MODE} is gone in the middle of a repair (kubectl rollout undo takes it away if"
        f" the revision is older than it), so all stays as it is; open: {steps or 'the end of the rollout'};"
        f" go on with: kubectl annotate -n {ref.namespace} {ref} {annotations.MODE}=Repair"
    )


def not_enrolled(ref: WorkloadRef) -> Finding:
    command = f"kubectl annotate -n {ref.namespace} {ref} {annotations.MODE}=Observe"
    return Finding(
        ConditionType.ACCEPTED,
        Status.FALSE,
        Reason.NOT_ENROLLED,
        f"{ref} does not carry the annotation {annotations.MODE}; enrol it with: {command}",
    )
