"""A rollout that the operator itself holds: what it waits for, since when, and how a person goes on or back."""

import json

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.formation import obstacles, outsiders, serving
from emqx_autocluster.observation import Workload, WorkloadKind, WorkloadRef

_TYPE = ConditionType.CLUSTER_FORMED


def check(case: Case) -> Finding | None:
    """None: nothing is amiss; a StatefulSet's rollout is held between any two of its members."""
    outsider = outsiders.overdue(case, case.observation.at)
    waits = outsider.told if outsider else serving.waiting_for_tables(case) or obstacles.of_rollout(case)
    if waits is None:
        return None
    told = f"the rollout is held ({reached(case)}) and no further member ends: it waits for {waits}; {_ways(case)}"
    if outsider and not outsider.seen:
        return unknown(_TYPE, Reason.ROLLOUT_HELD, told)
    return false(_TYPE, Reason.ROLLOUT_HELD, told)


def reached(case: Case) -> str:
    """How far it is, in Kubernetes' own numbers."""
    workload = case.workload
    return f"{workload.updated_replicas} of {workload.replicas} pods updated, {workload.available_replicas} available"


def _ways(case: Case) -> str:
    """`kubectl rollout undo` refuses a paused Deployment."""
    ref = case.workload.ref
    undo = _rollout(ref, "undo")
    go_on = release(ref)
    back = f"{go_on} && {undo}" if ref.kind is WorkloadKind.DEPLOYMENT else undo
    return f"it goes on by itself once that is mended; to go on all the same: {go_on}; to go back: {back}"


def release(ref: WorkloadRef) -> str:
    """The command that takes the brake off; the operator does not put it on again in the same rollout."""
    if ref.kind is WorkloadKind.DEPLOYMENT:
        return _rollout(ref, "resume")
    return _partition(ref, 0)


def stop(workload: Workload) -> str:
    """The command that does the same by hand: no further member ends."""
    if workload.ref.kind is WorkloadKind.DEPLOYMENT:
        return _rollout(workload.ref, "pause")
    return _partition(workload.ref, workload.replicas - workload.updated_replicas)


def _rollout(ref: WorkloadRef, verb: str) -> str:
    return f"kubectl rollout {verb} {ref} -n {ref.namespace}"


def _partition(ref: WorkloadRef, lowest: int) -> str:
    body = {"spec": {"updateStrategy": {"rollingUpdate": {"partition": lowest}}}}
    patch = json.dumps(body, separators=(",", ":"))
    return f"kubectl patch statefulset {ref.name} -n {ref.namespace} -p '{patch}'"
