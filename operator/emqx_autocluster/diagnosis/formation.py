"""ClusterFormed: whether all members are one cluster, each of them serving."""

from datetime import timedelta

from emqx_autocluster import membership
from emqx_autocluster.diagnosis import obstacles
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.findings import ConditionType, Finding, Reason, Status, false, true, unknown
from emqx_autocluster.membership import Membership
from emqx_autocluster.observation import JoinTrace, Member, Unobserved, View
from emqx_autocluster.v1alpha1 import delta

_TYPE = ConditionType.CLUSTER_FORMED
_BOOT = timedelta(seconds=60)
"""A member that is not Ready after this is slower than any boot that was measured (7 s)."""


def check(case: Case) -> Finding:
    if case.container is None or case.workload.replicas == 0:
        return unknown(_TYPE, Reason.INITIALIZING, "there is no member to ask")
    if isinstance(case.observation.members, Unobserved):
        return unknown(
            _TYPE, Reason.PROBE_FAILED, f"the pods could not be listed: {case.observation.members.reason}"
        )
    for ask in (licence, _half_joined, _progress, _views, _split, _missing, _serving):
        finding = ask(case)
        if finding:
            return finding
    count = len(case.membership.answering)
    if case.workload.replicas == 1:
        return true(
            _TYPE, Reason.SINGLE_MEMBER, "the one member runs and answers; one replica needs no cluster"
        )
    return true(_TYPE, Reason.ALL_MEMBERS_CLUSTERED, f"all {count} members see each other and serve")


def licence(case: Case) -> Finding | None:
    """EMQX 5.9 and later: with the licence of the image a second running node stops the VM."""
    settings = case.settings
    if settings is None or settings.generation is None or case.workload.replicas <= 1:
        return None
    if not settings.generation.needs_licence or settings.licensed is True:
        return None
    version = settings.version
    if isinstance(settings.licensed, Unobserved):
        seen = f"EMQX {version} needs a licence key to cluster, and whether it has one is not known"
        return unknown(_TYPE, Reason.PROBE_FAILED, f"{seen}: {settings.licensed.reason}")
    return false(
        _TYPE,
        Reason.LICENSE_MISSING,
        f"EMQX {version} with {case.workload.replicas} replicas and no EMQX_LICENSE__KEY: the licence in the image"
        " allows one node, and clustered nodes would crash-loop; set a licence key, or one replica",
    )


def half_joined(case: Case) -> tuple[Member, ...]:
    """Members whose own log proves that a join stopped their applications and never started them again."""
    after = delta(case.spec.repair.half_joined_after)
    return tuple(m for m in case.running if _is_half_joined(case, m, after))


def _is_half_joined(case: Case, member: Member, after: timedelta) -> bool:
    trace = member.join_trace
    if member.pod.ready or not isinstance(trace, JoinTrace) or trace.stopped_at is None:
        return False
    return not trace.listening_again and case.observation.at - trace.stopped_at >= after


def _half_joined(case: Case) -> Finding | None:
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
    return (
        f"kubectl exec -n {namespace} {pod} -- emqx_ctl cluster discovery enable (EMQX 5.6.1 and later);"
        f" if it is not Ready a minute later: kubectl delete pod -n {namespace} {pod}"
    )


def _progress(case: Case) -> Finding | None:
    workload = case.workload
    if not case.progressing and (workload.paused or workload.all_updated):
        return None
    if workload.strategy == "OnDelete" and not workload.all_updated:
        return unknown(_TYPE, Reason.TARGET_PROGRESSING, _delete_by_hand(case))
    done = f"{workload.updated_replicas} of {workload.replicas} pods updated, {workload.available_replicas} available"
    obstacle = _waits_for_tables(case) or obstacles.of_rollout(case)
    if not case.progressing:
        what = obstacle or "a pod that does not become Ready"
        return false(_TYPE, Reason.MEMBER_NOT_READY, f"the rollout is stuck ({done}) on {what}")
    if workload.observed_generation < workload.generation:
        return unknown(
            _TYPE, Reason.TARGET_PROGRESSING, "its controller has not taken in the last change yet"
        )
    replaced = workload.status_replicas > workload.updated_replicas
    what = "a rollout goes on" if replaced else "pods are being started"
    seen = f"; it waits for {obstacle}" if obstacle else ""
    return unknown(_TYPE, Reason.TARGET_PROGRESSING, f"{what}: {done}{seen}")


def _waits_for_tables(case: Case) -> str:
    """From outside it looks like a half-joined member, and a join would wipe the data that it waits to load."""
    for member in case.running:
        trace = member.join_trace
        if not member.pod.ready and isinstance(trace, JoinTrace) and trace.waits:
            return (
                f"{member.pod.name}, which waits for its tables until the members that have them are up, and is left"
                f" alone (its log: {trace.waits})"
            )
    return ""


def _delete_by_hand(case: Case) -> str:
    old = [m.pod.name for m in case.running if m.pod.revision != case.workload.update_revision]
    old.sort(key=lambda name: (len(name), name), reverse=True)
    message = (
        f"updateStrategy is OnDelete: delete the pods one after another ({', '.join(old)}), each once the one before"
        " is Ready for 20 s"
    )
    return f"{message}: kubectl delete pod -n {case.workload.ref.namespace} {old[0]}" if old else message


def _views(case: Case) -> Finding | None:
    seen = case.membership
    young = [m.pod.name for m in case.running if membership.is_settling(m, case.observation.at)]
    if seen.unseen:
        others = f" (and of {len(seen.unseen) - 1} more)" if len(seen.unseen) > 1 else ""
        detail = membership.unreadable(seen.unseen[0]) + others
        if any(m.pod.name in young for m in seen.unseen):
            return unknown(_TYPE, Reason.NODES_STARTING, f"members are starting: {detail}")
        return unknown(_TYPE, Reason.PROBE_FAILED, f"what a member sees could not be read: {detail}")
    if seen.one_sided:
        one, other = seen.one_sided[0]
        return unknown(
            _TYPE,
            Reason.VIEWS_DIFFER,
            f"{one} lists {other} as running, {other} does not list {one}: a join or a"
            " network partition in progress",
        )
    if len(seen.islands) > 1 and young:
        return unknown(
            _TYPE, Reason.NODES_STARTING, f"{', '.join(young)} started a moment ago and may still join"
        )
    return None


def _split(case: Case) -> Finding | None:
    islands = case.membership.islands
    if len(islands) < 2:  # noqa: PLR2004 - one island is what is wanted
        return None
    shown = " | ".join(", ".join(m.pod.name for m in island) for island in islands)
    reason = _split_reason(case.membership)
    text = {
        Reason.SPLIT_BRAIN: "the members are separate clusters of two or more",
        Reason.MEMBERS_ORPHANED: "members stand alone beside a larger cluster",
        Reason.NOT_FORMED: "each member is a cluster of its own",
    }[reason]
    return false(_TYPE, reason, f"{len(islands)} clusters instead of one, {text}: {shown}")


def _split_reason(seen: Membership) -> Reason:
    larger = [island for island in seen.islands if len(island) > 1]
    if len(larger) > 1:
        return Reason.SPLIT_BRAIN
    return Reason.MEMBERS_ORPHANED if larger else Reason.NOT_FORMED


def _missing(case: Case) -> Finding | None:
    down, wanted = case.membership.down, case.workload.replicas
    present = len(case.running)
    if not down and present >= wanted:
        return None
    detail = "; ".join(obstacles.state(m.pod) for m in down) or "no more pods were made"
    ref = case.workload.ref
    look = (
        obstacles.where_to_look(case, down[0].pod) if down else f"kubectl describe -n {ref.namespace} {ref}"
    )
    return false(_TYPE, Reason.MEMBERS_MISSING, f"{present} of {wanted} members run ({detail}); see {look}")


def _serving(case: Case) -> Finding | None:
    idle = [m for m in case.running if not m.pod.ready]
    if not idle:
        return None
    member = idle[0]
    age = case.observation.at - (member.pod.running_since or case.observation.at)
    if age < _BOOT:
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
    waits = _waits_for_tables(case)
    if waits:
        return false(_TYPE, Reason.MEMBER_NOT_READY, f"one member serves nothing yet: {waits}")
    return false(
        _TYPE,
        Reason.MEMBER_NOT_READY,
        f"{member.pod.name} is in the cluster and not Ready, {since}; see kubectl logs"
        f" -n {case.workload.ref.namespace} {member.pod.name} (waiting for tables?)",
    )


def clustered(case: Case) -> int | None:
    """How many members are in the largest island and Ready; None while that is not known."""
    seen = case.membership
    if seen.unseen or isinstance(case.observation.members, Unobserved):
        return None
    if not seen.islands:
        return 0
    return sum(1 for m in seen.islands[0] if m.pod.ready and isinstance(m.view, View))


def is_formed(finding: Finding) -> bool:
    return finding.status is Status.TRUE
