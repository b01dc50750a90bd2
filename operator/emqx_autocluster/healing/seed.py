"""The seed: the island that the others join. A join wipes the joiner, so it is chosen with care.

`spec.repair.seed` names the pod whose data shall stay. The name outlives what it was given for, and of a StatefulSet
even the pod: months later that may have started anew, without any data, beside the cluster of all others. So it decides
between clusters, and while all stand alone; but for a member that stands alone beside a larger cluster it counts only
as long as that one runs longer than all of the others.
"""

from collections.abc import Sequence

from emqx_autocluster.api.findings import Reason
from emqx_autocluster.diagnosis import Case, volumes
from emqx_autocluster.healing.steps import Hold
from emqx_autocluster.observation import Member, Unobserved

Island = Sequence[Member]


def choose(case: Case, *, rolled: bool) -> Island | Hold:
    """`rolled`: whether the pods were replaced since the user named one."""
    named = case.spec.repair.seed
    if not named:
        return _chosen(case)
    island = _named(case)
    if island is None:
        return Hold(Reason.SEED_NEEDED, f"spec.repair.seed names {named}, which is no running member")
    larger = _larger(case)
    if len(island) > 1 or not larger or (not rolled and _runs_longest(island[0], larger)):
        return island
    if not volumes.outlive_the_pod(case) and _is_newest(island[0], larger):
        return _chosen(case)
    return _doubtful(island[0], larger)


def staying(case: Case) -> Island:
    """The cluster of two or more whose members are joined to no other; none while all stand alone."""
    named = _named(case) or ()
    return named if len(named) > 1 else next(iter(_larger(case)), ())


def _named(case: Case) -> Island | None:
    islands, named = case.membership.islands, case.spec.repair.seed
    return next((i for i in islands if any(m.pod.name == named for m in i)), None)


def _larger(case: Case) -> list[Island]:
    return [island for island in case.membership.islands if len(island) > 1]


def _runs_longest(member: Member, others: Sequence[Island]) -> bool:
    since = member.pod.running_since
    started = [m.pod.running_since for island in others for m in island]
    return since is not None and all(other is not None and since <= other for other in started)


def _is_newest(member: Member, others: Sequence[Island]) -> bool:
    return all(m.pod.created < member.pod.created for island in others for m in island)


def _doubtful(member: Member, others: Sequence[Island]) -> Hold:
    name, pods = member.pod.name, _shown(others)
    return Hold(
        Reason.SEED_NEEDED,
        f"spec.repair.seed names {name}, which has started anew since and stands alone beside a cluster ({pods}), and"
        f" joining wipes the joiner: take the name away to let {name} join that cluster, or name a pod of it; if the"
        f" data of {name} shall stay, join the others to it by hand",
    )


def _chosen(case: Case) -> Island | Hold:
    larger = _larger(case)
    if len(larger) == 1:
        return larger[0]
    if larger:
        return _largest(case, larger)
    islands = case.membership.islands
    if volumes.outlive_the_pod(case):
        pods = ", ".join(island[0].pod.name for island in islands)
        return Hold(
            Reason.SEED_NEEDED,
            f"every member is a cluster of its own with data on a volume ({pods}), and joining wipes the joiner: name"
            " the pod whose data shall stay in spec.repair.seed",
        )
    return _most_connected(islands)


def _largest(case: Case, larger: Sequence[Island]) -> Island | Hold:
    unique = len(larger[0]) > len(larger[1])
    if case.spec.healing.split_policy == "LargestWins" and unique:
        return larger[0]
    return Hold(
        Reason.SPLIT_BRAIN,
        f"clusters of two or more stand beside each other ({_shown(larger)}), and joining wipes the joiner: name a pod"
        " of the one that shall stay in spec.repair.seed, or set spec.healing.splitPolicy to LargestWins",
    )


def _shown(islands: Sequence[Island]) -> str:
    return " | ".join(", ".join(m.pod.name for m in island) for island in islands)


def _most_connected(islands: Sequence[Island]) -> Island | Hold:
    members = [island[0] for island in islands]
    unread = next(((m, m.connections) for m in members if isinstance(m.connections, Unobserved)), None)
    if unread:
        member, connections = unread
        return Hold(
            Reason.PROBE_FAILED,
            f"which member has most devices is not known: {member.pod.name}: {connections.reason}",
        )
    return [min(members, key=lambda m: (-_devices(m), m.pod.created, m.pod.name))]


def _devices(member: Member) -> int:
    return 0 if isinstance(member.connections, Unobserved) else member.connections
