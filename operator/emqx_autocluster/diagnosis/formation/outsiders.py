"""Members that serve and are not in the cluster yet: as long as there is one, no other member should end.

Kubernetes counts a new pod as available `minReadySeconds` after it became Ready, and ends an old one then. Whether the
new one has joined meanwhile it does not ask.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.emqx import membership
from emqx_autocluster.observation import Member, Unobserved, View, Workload, WorkloadKind

_MARGIN = timedelta(seconds=6)
"""So long before a pod counts as available it has to be known that it has joined: to look, and to hold the rollout."""
_MOST_OF_THE_TIME = 0.7
"""Where minReadySeconds is small, a member gets at least this share of it to join."""


@dataclass(frozen=True, slots=True)
class Outsider:
    member: Member
    why: str
    """What it lacks, as a predicate: `does not list emqx-a`."""
    seen: bool = True
    """False: it may have joined; it could not be looked at."""

    @property
    def told(self) -> str:
        """With the time, which stays the same from look to look."""
        pod = self.member.pod
        since = f", Ready since {pod.ready_since:%H:%M:%S} UTC," if pod.ready_since else ""
        return f"{pod.name}{since} {self.why}"


def patience(workload: Workload) -> timedelta:
    """How long after it became Ready a new member may take to join."""
    seconds = timedelta(seconds=workload.min_ready_seconds)
    return max(seconds - _MARGIN, seconds * _MOST_OF_THE_TIME)


def due(case: Case, member: Member) -> datetime | None:
    """When it has to have joined; None: it is not Ready, so that Kubernetes waits for it."""
    pod = member.pod
    return pod.ready_since + patience(case.workload) if pod.ready and pod.ready_since else None


def overdue(case: Case, now: datetime) -> Outsider | None:
    """The member for which the rollout has to be held: it is about to count as available."""
    return _of([m for m in _serving(case) if (at := due(case, m)) is None or at <= now])


def any_of(case: Case) -> Outsider | None:
    """The same of all that serve, however young: before the next member may end each is known to have joined."""
    return _of(_serving(case))


def _serving(case: Case) -> list[Member]:
    return [m for m in case.running if m.pod.ready]


def _of(members: list[Member]) -> Outsider | None:
    """The one who lacks most of the others; of several the youngest, which is what a rollout brings."""
    pairs = [(a, b) for a, b in combinations(members, 2) if not (_lists(a, b) and _lists(b, a))]
    lacking = [m for pair in pairs for m in pair]
    if not lacking:
        unread = next((m for m in members if not _is_read(m)), None)
        return Outsider(unread, _unread(unread), seen=False) if unread else None
    member = max(lacking, key=lambda m: (lacking.count(m), m.pod.created, m.pod.name))
    other = next(b if a is member else a for a, b in pairs if member in (a, b))
    return _outsider(member, other)


def _outsider(member: Member, other: Member) -> Outsider:
    unread = next((m for m in (member, other) if not _is_read(m)), None)
    if unread:
        return Outsider(member, _unread(unread), seen=False)
    if _lists(member, other):
        return Outsider(member, f"is not listed by {other.pod.name}")
    if _lists(other, member):
        return Outsider(member, f"does not list {other.pod.name}")
    return Outsider(member, f"has not joined the cluster of {other.pod.name}")


def _lists(one: Member, other: Member) -> bool:
    return isinstance(one.view, View) and other.node in one.view.running


def _is_read(member: Member) -> bool:
    return isinstance(member.view, View) and member.node is not None


def _unread(member: Member) -> str:
    return f"could not be seen to have joined ({membership.unreadable(member)})"


def is_whole(case: Case) -> bool:
    """Whether every pod that shall be serves and has joined: the proof without which no held rollout goes on."""
    if isinstance(case.observation.members, Unobserved):
        return False
    staying = [m.pod for m in case.observation.each_member() if not m.pod.deleting]
    return len(staying) >= case.workload.replicas and all(p.ready for p in staying) and any_of(case) is None


def old_members(case: Case) -> list[Member]:
    """Those that are yet to be replaced; of a StatefulSet lowest ordinal first, of a Deployment the older pods."""
    workload, found = case.workload, [m for m in case.observation.each_member() if not m.pod.deleting]
    if workload.ref.kind is WorkloadKind.STATEFUL_SET:
        old = [m for m in found if m.pod.revision != workload.update_revision]
        return sorted(old, key=lambda m: (len(m.pod.name), m.pod.name))
    found.sort(key=lambda m: (m.pod.created, m.pod.name))
    return found[: max(0, len(found) - workload.updated_replicas)]


def last_old(case: Case) -> int:
    """Of a StatefulSet: the place of its highest member that is yet to be replaced, as `partition` counts them."""
    name = old_members(case)[-1].pod.name
    return int(name.rpartition("-")[2]) - case.workload.first_ordinal


def old_stand_alone(case: Case) -> bool:
    """Whether all that are yet to be replaced are certainly clusters of their own; one alone is the last of one."""
    pairs = list(combinations(old_members(case), 2))
    return bool(pairs) and all(
        _is_read(a) and _is_read(b) and not _lists(a, b) and not _lists(b, a) for a, b in pairs
    )


def ends_more(case: Case) -> bool:
    """Whether the rollout has members left to end."""
    workload = case.workload
    if workload.ref.kind is WorkloadKind.STATEFUL_SET:
        return bool(old_members(case))
    return workload.updated_replicas < workload.status_replicas
