"""Whether a rollout or a start goes on, in which membership says little; and on what a rollout is stuck."""

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.formation import held, obstacles, serving

_GOES_ON = "a rollout goes on"
_TYPE = ConditionType.CLUSTER_FORMED


def check(case: Case) -> Finding | None:
    workload = case.workload
    if case.held:
        return held.check(case) or unknown(
            _TYPE, Reason.TARGET_PROGRESSING, f"{_GOES_ON}: {held.reached(case)}"
        )
    if not case.progressing and (workload.paused or workload.all_updated):
        return None
    if case.progressing and workload.observed_generation < workload.generation:
        return unknown(
            _TYPE, Reason.TARGET_PROGRESSING, "its controller has not taken in the last change yet"
        )
    if workload.strategy == "OnDelete" and not workload.all_updated:
        return unknown(_TYPE, Reason.TARGET_PROGRESSING, _delete_by_hand(case))
    done = f"{workload.updated_replicas} of {workload.replicas} pods updated, {workload.available_replicas} available"
    waiting = serving.waiting_for_tables(case)
    if not case.progressing:
        return _stuck(case, done, waiting)
    obstacle = waiting or obstacles.of_rollout(case)
    seen = f"; it waits for {obstacle}" if obstacle else ""
    return unknown(_TYPE, Reason.TARGET_PROGRESSING, f"{phase(case)}: {done}{seen}")


def phase(case: Case) -> str:
    """What goes on while `case.progressing`, in words: a member that restarts is no rollout."""
    workload = case.workload
    replaced = workload.status_replicas > workload.updated_replicas
    unseen = workload.observed_generation < workload.generation
    return _GOES_ON if replaced or unseen else "pods are being started"


def _stuck(case: Case, done: str, waiting: str) -> Finding:
    if waiting:
        return false(_TYPE, Reason.WAITING_FOR_TABLES, f"the rollout is stuck ({done}) on {waiting}")
    what = obstacles.of_rollout(case) or "a pod that does not become Ready"
    return false(_TYPE, Reason.ROLLOUT_STUCK, f"the rollout is stuck ({done}) on {what}")


def _delete_by_hand(case: Case) -> str:
    old = [m.pod.name for m in case.running if m.pod.revision != case.workload.update_revision]
    old.sort(key=lambda name: (len(name), name), reverse=True)
    message = (
        f"updateStrategy is OnDelete: delete the pods one after another ({', '.join(old)}), each once the one before"
        " is Ready for 20 s"
    )
    return f"{message}: kubectl delete pod -n {case.workload.ref.namespace} {old[0]}" if old else message
