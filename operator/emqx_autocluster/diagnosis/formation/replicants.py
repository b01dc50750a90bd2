"""ClusterFormed of replicants: whether each of them has a core, and the cores are one cluster.

A replicant waits in its boot until it has found a core. Once it has served, Kubernetes calls it Ready whatever comes:
without a core it takes connections and answers none. Nothing has to be done to it, ever: it connects by itself.
"""

from collections.abc import Sequence

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.diagnosis import evidence
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import membership
from emqx_autocluster.observation import DiscoveryError, Member, Unobserved, View

_TYPE = ConditionType.CLUSTER_FORMED


def check_awaited(case: Case) -> Finding | None:
    """Those that wait in their boot, and see nobody but themselves."""
    waiting = case.awaiting
    if not waiting:
        return None
    more = f" (and {len(waiting) - 1} more)" if len(waiting) > 1 else ""
    said = evidence.confirmation(case, frozenset(DiscoveryError))
    return false(
        _TYPE,
        Reason.CORE_AWAITED,
        f"{waiting[0].pod.name}{more} waits in its boot for a core and has found none: it goes on by itself within"
        f" seconds once its discovery works, and needs no restart and no join{said}",
    )


def check_views(case: Case) -> Finding | None:
    unread = [m for m in case.membership.replicants if not isinstance(m.view, View) or not m.node]
    if not unread:
        return None
    detail = membership.unreadable(unread[0])
    if any(case.observation.is_settling(m) for m in unread):
        return unknown(_TYPE, Reason.NODES_STARTING, f"replicants are starting: {detail}")
    return unknown(_TYPE, Reason.PROBE_FAILED, f"what a replicant sees could not be read: {detail}")


def check_gone(case: Case) -> Finding | None:
    """Ready, and without any node in sight that could be a core."""
    ready = [m for m in case.membership.replicants if m.pod.ready]
    pinned = next((m for m in ready if _has_lost_its_pin(m)), None)
    if pinned:
        return false(
            _TYPE,
            Reason.CORES_GONE,
            f"{pinned.pod.name} is Ready and answers no device: since a cluster join it looks for {pinned.pinned_to}"
            f" alone, which is gone; let it discover again: {leave_command(case, pinned)}",
        )
    lost = [m for m in ready if not possible_cores(case, m)]
    if not lost:
        return None
    names = ", ".join(m.pod.name for m in lost)
    return false(
        _TYPE,
        Reason.CORES_GONE,
        f"{names} sees no core any more: it is Ready, takes connections and answers none of them; it serves again by"
        f" itself within seconds once a core is back{_cores_state(case)}",
    )


def _cores_state(case: Case) -> str:
    cores = case.observation.cores
    if isinstance(cores, Unobserved):
        return ""
    up = [m.pod.name for m in cores if m.pod.running]
    if up:
        return f"; {', '.join(up)} runs, so look at what keeps them from each other (4370, cookie, names)"
    return (
        "; of the cores that its Service names, none runs" if cores else "; its Service names no core's pod"
    )


def possible_cores(case: Case, replicant: Member) -> frozenset[str]:
    """The running nodes in its view that are not known to be replicants."""
    own = {m.node for m in case.membership.replicants}
    others = {name for name, what in case.observation.strangers.items() if what.replicant}
    view = replicant.view
    return frozenset(view.running - own - others) if isinstance(view, View) else frozenset()


def _has_lost_its_pin(replicant: Member) -> bool:
    target, view = replicant.pinned_to, replicant.view
    return isinstance(target, str) and isinstance(view, View) and target not in view.running


def leave_command(case: Case, replicant: Member) -> str:
    return f"kubectl exec {case.where(replicant.pod.name)} -- emqx_ctl cluster leave"


def check_split(case: Case) -> Finding | None:
    """A replicant may stand in the lists of two clusters at once: only the cores tell whether they are one."""
    islands = case.cores.islands
    if len(islands) < 2:  # noqa: PLR2004 - one island is what is wanted
        return None
    shown = " | ".join(", ".join(m.pod.name for m in island) for island in islands)
    owners = ", ".join(sorted({m.owner for island in islands for m in island if m.owner}))
    look = f", see emqx-autocluster doctor for {owners}" if owners else ""
    return false(
        _TYPE,
        Reason.CORES_SPLIT,
        f"the cores that these replicants ask for are {len(islands)} clusters instead of one: {shown}; devices of"
        f" replicants with different cores do not hear each other; the cure is at the cores{look}",
    )


def formed(case: Case) -> Finding:
    """The last word where nothing else was wrong: it takes the cores' own view as well."""
    cores, seen = case.observation.cores, case.cores
    if isinstance(cores, Unobserved):
        return unknown(
            _TYPE, Reason.PROBE_FAILED, f"whether the cores are one cluster is not known: {cores.reason}"
        )
    if seen.parted:
        one, other = seen.parted[0]
        told = f"the cores {one} and {other} do not list each other, and others list both; the cure is at the cores"
        return unknown(_TYPE, Reason.VIEWS_DIFFER, told)
    if seen.unseen or seen.one_sided or not seen.islands:
        detail = membership.unreadable(seen.unseen[0]) if seen.unseen else "no core's own view could be read"
        return unknown(_TYPE, Reason.PROBE_FAILED, f"whether the cores list these replicants: {detail}")
    listed = {name for m in seen.answering if isinstance(m.view, View) for name in m.view.running}
    missing = [m.pod.name for m in case.membership.replicants if m.node not in listed]
    if missing:
        return unknown(
            _TYPE,
            Reason.VIEWS_DIFFER,
            f"{', '.join(missing)} lists a core and no core lists it: it connects, or it is being cut off",
        )
    return true(
        _TYPE,
        Reason.ALL_MEMBERS_CLUSTERED,
        f"all {len(case.membership.replicants)} replicants are connected to the cores ({_names(seen.answering)}),"
        " which are one cluster",
    )


def _names(members: Sequence[Member]) -> str:
    return ", ".join(m.pod.name for m in members)


def connected(case: Case) -> int | None:
    """How many have a core and are Ready; None while that is not known."""
    found = case.membership.replicants
    if any(not isinstance(m.view, View) for m in found):
        return None
    return sum(1 for m in found if m.pod.ready and possible_cores(case, m) and not _has_lost_its_pin(m))
