"""The lines of the log that others read by program: one for each transition of a condition, one for each action.

docs/logs.md says what their keys mean. What an action came to is counted here as well, so that both always agree. Their
sentences are cut: a container runtime tears lines of more than 16 KiB.
"""

import logging
from collections.abc import Iterable

from emqx_autocluster import metrics
from emqx_autocluster.api.v1alpha1 import Condition, EMQXAutoCluster
from emqx_autocluster.clients.errors import one_line
from emqx_autocluster.healing import Step
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.reporting.events import is_good

logger = logging.getLogger(__name__)


def of(ref: WorkloadRef) -> dict[str, str]:
    """The keys of whatever is logged about a workload."""
    return {"namespace": ref.namespace, "workload": str(ref)}


def changed(resource: EMQXAutoCluster, new: Iterable[Condition]) -> None:
    """Once they are written. Unlike Events: also what became Unknown, and all that is told for the first time."""
    before = {condition.type: condition.status for condition in resource.status.conditions}
    for condition in new:
        if condition.status != before.get(condition.type):
            _transition(resource, condition, before.get(condition.type))


def _transition(resource: EMQXAutoCluster, condition: Condition, was: str | None) -> None:
    target, metadata = resource.spec.target_ref, resource.metadata
    keys = of(WorkloadRef(metadata.namespace, WorkloadKind(target.kind), target.name)) | {
        "event": "transition",
        "resource": metadata.name,
        "condition": condition.type,
        "status": condition.status,
        "was": was,
        "reason": condition.reason,
    }
    level = logging.INFO if is_good(condition) else logging.WARNING
    told = one_line(f"{condition.type} is {condition.status}: {condition.message}")
    logger.log(level, "%s", told, extra=keys)


def acted(ref: WorkloadRef, step: Step, result: str, said: str) -> None:
    """Superseded: another change came first, so that nothing was done; it is logged, and not counted."""
    keys = {"event": "action", "action": str(step.action), "subject": step.subject, "result": result}
    told = step.message if result == "succeeded" else f"{step.message}: {said}"
    logger.log(
        logging.WARNING if result == "failed" else logging.INFO, "%s", one_line(told), extra=of(ref) | keys
    )
    if result in metrics.RESULTS:
        metrics.ACTIONS.labels(str(step.action), result).inc()
