"""Who is clustered with whom: islands, strays, stale names, read from the members' own views.

A single view lies: a node whose applications are stopped still answers, alone or even listed by all.
So two members are in one island only if each runs in the other's view.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from emqx_autocluster.observation import Member, Observation, Pod, Unobserved, View, Workload, WorkloadKind

SETTLING = timedelta(seconds=30)
"""A broker boots in 3 to 7 s and looks for its peers every 5 to 8 s; until this age, alone means nothing."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The members sorted by what is known of them; each tuple in a stable order."""

    islands: tuple[tuple[Member, ...], ...] = ()
    """Largest first, then the one with the oldest member. Empty while any view is unknown."""
    one_sided: tuple[tuple[str, str], ...] = ()
    """(a, b): a lists b as running, b does not list a."""
    unseen: tuple[Member, ...] = ()
    """Their container runs, and what they see could not be read."""
    down: tuple[Member, ...] = ()
    """Their container does not run."""
    stale: tuple[str, ...] = ()

    @property
    def answering(self) -> tuple[Member, ...]:
        return tuple(member for island in self.islands for member in island)


def examine(observation: Observation) -> Membership:
    live = [m for m in observation.each_member() if not m.pod.deleting]
    up = [m for m in live if m.pod.running]
    seen = [m for m in up if isinstance(m.view, View) and m.node]
    return Membership(
        islands=_islands(seen),
        one_sided=_one_sided(seen),
        unseen=tuple(m for m in up if m not in seen),
        down=tuple(m for m in live if not m.pod.running),
        stale=_stale(observation.workload, live),
    )


def node_name(pod: Pod, own: str | None, names: Iterable[str]) -> str | None:
    """The EMQX node name of a pod: its own word, else the only name whose host part is this pod's."""
    if own:
        return own
    fitting = sorted({name for name in names if is_host_of(name, pod)})
    return fitting[0] if len(fitting) == 1 else None


def is_settling(member: Member, now: datetime) -> bool:
    """Whether the broker is so young that being alone is no news."""
    return member.pod.running_since is not None and now - member.pod.running_since < SETTLING


def is_host_of(name: str, pod: Pod) -> bool:
    host = name.partition("@")[2]
    if not host:
        return False
    addresses = {pod.ip, pod.ip.replace(".", "-")} if pod.ip else set()
    first_label = host.partition(".")[0]
    return (
        host in addresses or first_label in addresses or (bool(pod.subdomain) and first_label == pod.hostname)
    )


def _sees(one: Member, other: Member) -> bool:
    return isinstance(one.view, View) and other.node in one.view.running


def _islands(members: Sequence[Member]) -> tuple[tuple[Member, ...], ...]:
    rest = list(members)
    islands: list[tuple[Member, ...]] = []
    while rest:
        island = [rest.pop(0)]
        for member in island:
            near = [m for m in rest if _sees(member, m) and _sees(m, member)]
            island.extend(near)
            rest = [m for m in rest if m not in near]
        islands.append(tuple(sorted(island, key=lambda m: m.pod.name)))
    return tuple(sorted(islands, key=lambda i: (-len(i), min(m.pod.created for m in i), i[0].pod.name)))


def _one_sided(members: Sequence[Member]) -> tuple[tuple[str, str], ...]:
    pairs = ((a, b) for a in members for b in members if a is not b)
    return tuple(sorted((a.pod.name, b.pod.name) for a, b in pairs if _sees(a, b) and not _sees(b, a)))


def _stale(workload: Workload, live: Sequence[Member]) -> tuple[str, ...]:
    views = [m.view for m in live if isinstance(m.view, View)]
    stopped = {name for view in views for name in view.stopped}
    running = {name for view in views for name in view.running}
    return tuple(sorted(n for n in stopped - running if not _can_be_taken(n, workload, live)))


def foreign(observation: Observation) -> frozenset[str]:
    """Running nodes in the members' views that no pod of the workload has, nor can take: others run there as well."""
    every = list(observation.each_member())
    seen = [m.view for m in every if isinstance(m.view, View) and not m.pod.deleting]
    running = {name for view in seen for name in view.running}
    return frozenset(name for name in running if not _can_be_taken(name, observation.workload, every))


def _can_be_taken(name: str, workload: Workload, live: Sequence[Member]) -> bool:
    """Whether a live pod has this name, or a pod that is yet to come may get it."""
    if any(m.node == name or is_host_of(name, m.pod) for m in live):
        return True
    if workload.ref.kind is not WorkloadKind.STATEFUL_SET:
        return False
    label = name.partition("@")[2].partition(".")[0]
    ordinal = re.fullmatch(re.escape(workload.ref.name) + r"-(\d+)", label)
    return ordinal is not None and int(ordinal.group(1)) < workload.replicas


def unreadable(member: Member) -> str:
    """Why nothing is known of a member's view, for a message."""
    if isinstance(member.view, Unobserved):
        return f"{member.pod.name}: {member.view.reason}"
    return f"{member.pod.name}: its node name could not be told"
