"""RolloutSafe: whether the next restart can end in a split, in a member that serves nothing, or in an empty node.

EMQX opens its listeners before it looks for its peers. A new pod is Ready first, the controller ends an
old one, and meanwhile the new one joins the oldest member that it sees, perhaps the one that is ending.
"""

from dataclasses import replace

from emqx_autocluster import discovery, template
from emqx_autocluster.diagnosis import volumes
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.observation import Unobserved, WorkloadKind

_TYPE = ConditionType.ROLLOUT_SAFE
_SAFE_SECONDS = 20
"""With this many seconds between Ready and available, none of ten measured rollouts went wrong."""


def check(case: Case) -> Finding:
    if case.settings is None or isinstance(case.settings.strategy, Unobserved):
        return unknown(_TYPE, Reason.INITIALIZING, "the discovery strategy is not known yet")
    found = problems(case)
    if found:
        first, *others = found
        return replace(first, message="; besides, ".join([first.message, *(f.message for f in others)]))
    why_not = _why_not(case)
    if why_not:
        return true(_TYPE, Reason.NOT_APPLICABLE, why_not)
    return true(
        _TYPE,
        Reason.MIN_READY_SECONDS_SUFFICIENT,
        f"minReadySeconds is {case.workload.min_ready_seconds}: a new member has"
        " joined before the next old one ends",
    )


def problems(case: Case) -> tuple[Finding, ...]:
    """The one that Repair puts right is told first."""
    if not case.uses_k8s:
        return ()
    too_low = case.workload.min_ready_seconds < _SAFE_SECONDS and _why_not(case) is None
    return (*((_too_low(case),) if too_low else ()), *((_not_stable(case),) if _loses_its_data(case) else ()))


def _why_not(case: Case) -> str | None:
    """Why minReadySeconds does not matter; None: it does."""
    workload = case.workload
    for applies, why in (
        (case.uses_k8s, "only strategy k8s joins at start in this way"),
        (workload.replicas > 1, f"{'one' if workload.replicas else 'no'} replica has nobody to join"),
        (
            workload.strategy == "RollingUpdate",
            f"strategy {workload.strategy} does not replace pods one by one",
        ),
    ):
        if not applies:
            return why
    return None


def _loses_its_data(case: Case) -> bool:
    """Whether the tables are kept for the pod that comes next, which then has another name and does not find them."""
    return volumes.outlive_the_pod(case, volumes.TABLES) and _is_named_by_address(case)


def _is_named_by_address(case: Case) -> bool:
    hosts = [m.node.partition("@")[2] for m in case.running if m.node]
    if hosts:
        return all(map(discovery.is_ip, hosts))
    settings = case.settings
    if settings is None or discovery.text(settings.address_type) != "ip":
        return False
    return not any(
        isinstance(given, Unobserved) or given.value
        for given in (settings.host, settings.node_name, settings.long_node_name)
    )


def _not_stable(case: Case) -> Finding:
    stateful = case.workload.ref.kind is WorkloadKind.STATEFUL_SET
    cure = (
        f"{discovery.ADDRESS_TYPE}=hostname with a headless Service gives names that stay (the change itself renames)"
        if stateful
        else "keep the data in the pod (emptyDir), or make it a StatefulSet with names by host name"
    )
    return false(
        _TYPE,
        Reason.NODE_NAME_NOT_STABLE,
        "nodes are named after the pods' addresses while their data lies on a volume that outlives the pod: each"
        " restart makes a new, empty node and leaves a stale one, with its data in a folder that nobody reads;"
        f" {cure}",
        field=template.ENV + discovery.ADDRESS_TYPE,
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
    return false(
        _TYPE,
        Reason.MIN_READY_SECONDS_TOO_LOW,
        message,
        repairable=fits_the_deadline(case),
        field=template.MIN_READY_SECONDS,
    )
