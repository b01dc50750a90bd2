"""Ports that a member does not listen on and all others do: it is in the cluster, and serves less than they."""

from datetime import timedelta

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.observation import Member, Pulse

_RESTART = timedelta(seconds=15)
"""A member that joins, leaves or heals stops its applications, and starts them again within seconds."""

_TYPE = ConditionType.CLUSTER_FORMED


def check(case: Case) -> Finding | None:
    lacking = next(((m, ports) for m in case.running if (ports := _missing(case, m))), None)
    if lacking is None:
        return None
    member, ports = lacking
    pod, namespace = member.pod.name, case.workload.ref.namespace
    shown = ", ".join(map(str, sorted(ports)))
    if member.listening_since and case.observation.at - member.listening_since < _RESTART:
        return unknown(
            _TYPE, Reason.NODES_STARTING, f"{pod} has stopped listening on {shown}, and may start again"
        )
    stopped = isinstance(member.pulse, Pulse) and not member.pulse.listeners
    seen = (
        "it listens on no port for devices at all, so its applications are stopped"
        if stopped
        else "they expect it"
    )
    cure = (
        f"see kubectl logs {case.where(pod)}, and replace it: kubectl delete pod -n {namespace} {pod}"
        if stopped
        else f"see kubectl exec {case.where(pod)} -- emqx_ctl listeners"
    )
    return false(
        _TYPE,
        Reason.LISTENER_MISSING,
        f"{pod} is in the cluster and does not listen on {shown}, on which every other member does: {seen}; {cure}",
    )


def _missing(case: Case, member: Member) -> frozenset[int]:
    """Not where it has ports of its own instead: then the members are not meant to be alike."""
    others = [m.pulse.listeners for m in case.running if m is not member and isinstance(m.pulse, Pulse)]
    if not isinstance(member.pulse, Pulse) or not member.pulse.up or len(others) < len(case.running) - 1:
        return frozenset()
    shared = frozenset.intersection(*others) if others else frozenset[int]()
    return shared - member.pulse.listeners if member.pulse.listeners < shared else frozenset()
