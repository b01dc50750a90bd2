"""StaleNodesPresent and Paused: the two conditions that are True when something is not as it should be."""

from emqx_autocluster.api.annotations import PAUSED
from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.formation import progress


def stale(case: Case) -> Finding:
    kind, seen = ConditionType.STALE_NODES_PRESENT, case.membership
    if case.is_replicant:
        return false(kind, Reason.NO_STALE_NODES, "a replicant that ends leaves no name behind")
    if case.progressing:
        told = f"{progress.phase(case)}: what is left behind is told once that is over"
        return unknown(kind, Reason.TARGET_PROGRESSING, told)
    if not seen.islands or (seen.unseen and not seen.stale):
        return unknown(kind, Reason.PROBE_FAILED, "not every member's view could be read")
    if not seen.stale:
        return false(kind, Reason.NO_STALE_NODES, "every name in the cluster belongs to a pod")
    live = len(seen.answering)
    message = f"{len(seen.stale)} stopped nodes that no pod has or can take again: {', '.join(seen.stale)}"
    message += "; each is removed by emqx_ctl cluster force-leave NAME in any member"
    if len(seen.stale) >= live:
        told = (
            f"{message}; beside {live} live ones they keep EMQX's autoheal from healing a network partition"
        )
        return true(kind, Reason.AUTOHEAL_INHIBITED, told)
    return true(kind, Reason.STALE_NODES_FOUND, message)


def paused(case: Case) -> Finding:
    if case.options.paused:
        return true(
            ConditionType.PAUSED,
            Reason.ANNOTATION_SET,
            f"{PAUSED} is set: nothing is changed, status stays fresh",
        )
    return false(ConditionType.PAUSED, Reason.NOT_PAUSED, f"{PAUSED} is not set")
