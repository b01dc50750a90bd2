"""Members that run and do not serve: half-joined, waiting for their tables, or not Ready for another reason."""

from datetime import timedelta

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, unknown
from emqx_autocluster.api.v1alpha1 import delta
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.observation import JoinTrace, Member, Unobserved

BOOT = timedelta(seconds=60)
"""A member that is not Ready after this is slower than any boot that was measured (7 s)."""

_TYPE = ConditionType.CLUSTER_FORMED


def check(case: Case) -> Finding | None:
    idle = [m for m in case.running if not m.pod.ready]
    if not idle:
        return None
    member = idle[0]
    age = case.observation.at - (member.pod.running_since or case.observation.at)
    if age < BOOT:
        return unknown(_TYPE, Reason.NODES_STARTING, f"{member.pod.name} is in the cluster and not Ready yet")
    # No age: a message that changes with each look would be a write with each look.
    since = f"although it runs since {member.pod.running_since:%H:%M:%S} UTC"
    if isinstance(member.join_trace, Unobserved):
        return unknown(
            _TYPE,
            Reason.PROBE_FAILED,
            f"{member.pod.name} answers and is not Ready, {since}; whether it is half-joined"
            f" only its log can tell, which could not be read: {member.join_trace.reason}",
        )
    waits = waiting_for_tables(case)
    if waits:
        return false(_TYPE, Reason.WAITING_FOR_TABLES, f"one member serves nothing yet: {waits}")
    return false(
        _TYPE,
        Reason.MEMBER_NOT_READY,
        f"{member.pod.name} is in the cluster and not Ready, {since}; see kubectl describe pod and kubectl logs"
        f" {case.where(member.pod.name)} (a readiness probe of the wrong port or path?)",
    )


def half_joined(case: Case) -> tuple[Member, ...]:
    """Members whose own log proves that a join stopped their applications and never started them again."""
    after = delta(case.spec.repair.half_joined_after)
    return tuple(m for m in case.running if not m.replicant and _is_half_joined(case, m, after))


def _is_half_joined(case: Case, member: Member, after: timedelta) -> bool:
    trace = member.join_trace
    if member.pod.ready or not isinstance(trace, JoinTrace) or trace.stopped_at is None:
        return False
    return not trace.listening_again and case.observation.at - trace.stopped_at >= after


def check_half_joined(case: Case) -> Finding | None:
    members = half_joined(case)
    if not members:
        return None
    trace = members[0].join_trace
    line = trace.line if isinstance(trace, JoinTrace) else ""
    names = ", ".join(m.pod.name for m in members)
    return false(
        _TYPE,
        Reason.MEMBER_HALF_JOINED,
        f"{names} stopped its applications to join and never started them again: it answers and serves nothing"
        f" (its log: {line}); a rollout waits for it for ever;"
        f" cure: {_cure(case, members[0])}",
    )


def _cure(case: Case, member: Member) -> str:
    namespace, pod = case.workload.ref.namespace, member.pod.name
    has_command = (
        case.settings.version.agree(lambda each: each.has_discovery_command) if case.settings else None
    )
    replace = f"kubectl delete pod -n {namespace} {pod}"
    if has_command is False:
        return replace
    known = "" if has_command else " (EMQX 5.6.1 and later)"
    return (
        f"kubectl exec {case.where(pod)} -- emqx_ctl cluster discovery enable{known};"
        f" if it is not Ready a minute later: {replace}"
    )


def waits_for_tables(member: Member) -> bool:
    """From outside it looks like a half-joined member, and a join would wipe the data that it waits to load."""
    trace = member.join_trace
    return not member.pod.ready and isinstance(trace, JoinTrace) and bool(trace.waits)


def waiting_for_tables(case: Case) -> str:
    """Which member does, for a message; empty: none."""
    member = next(filter(waits_for_tables, case.running), None)
    if member is None or not isinstance(member.join_trace, JoinTrace):
        return ""
    return (
        f"{member.pod.name}, which waits for its tables until the members that have them are up, and is left"
        f" alone (its log: {member.join_trace.waits})"
    )
