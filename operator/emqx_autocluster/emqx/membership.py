"""Who is clustered with whom: islands, strays, stale names, read from the members' own views.

All of them are about cores (before 5.0 every node is one): a replicant belongs to whatever core it finds, may stand in
the lists of two clusters at once, and leaves nothing behind. So replicants tie no clusters together, and never join.

A single view lies: a node whose applications are stopped still answers, alone or even listed by all.
So two members are in one island only if each runs in the other's view.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from emqx_autocluster.observation import Member, Observation, Pod, Unobserved, View, Workload, WorkloadKind


class Names:
    """Names of nodes, to be looked up by what they have behind the @: many pods cost no more than one."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_host = defaultdict[str, set[str]](set)
        for name in names:
            host = name.partition("@")[2]
            if host:
                self._by_host[host].add(name)
                self._by_host[host.partition(".")[0]].add(name)

    def of(self, pod: Pod) -> frozenset[str]:
        """Those whose host part is this pod's: its address, or what a headless Service makes of its host name."""
        hosts = [pod.ip, pod.ip.replace(".", "-")] if pod.ip else []
        hosts += [pod.hostname] if pod.subdomain else []
        return frozenset(chain.from_iterable(self._by_host.get(host, ()) for host in hosts))


@dataclass(frozen=True, slots=True)
class Membership:
    """The members sorted by what is known of them; each tuple in a stable order."""

    islands: tuple[tuple[Member, ...], ...] = ()
    """Largest first, then the one with the oldest member. Empty while any view is unknown."""
    one_sided: tuple[tuple[str, str], ...] = ()
    """(a, b): a lists b as running, b does not list a."""
    parted: tuple[tuple[str, str], ...] = ()
    """(a, b) of one island: neither lists the other as running, and a third one lists both."""
    unseen: tuple[Member, ...] = ()
    """Their container runs, and what they see could not be read."""
    down: tuple[Member, ...] = ()
    """Their container does not run."""
    stale: tuple[str, ...] = ()
    replicants: tuple[Member, ...] = ()
    """Their container runs, whatever they see; in none of the above but `down`."""

    @property
    def answering(self) -> tuple[Member, ...]:
        return tuple(member for island in self.islands for member in island)


def examine(observation: Observation) -> Membership:
    every = [m for m in observation.each_member() if not m.pod.deleting]
    live = [m for m in every if not m.replicant]
    up = [m for m in live if m.pod.running]
    seen = [m for m in up if isinstance(m.view, View) and m.node]
    found = islands(seen)
    return Membership(
        islands=found,
        parted=tuple(pair for island in found for pair in _parted(island)),
        one_sided=_one_sided(seen),
        unseen=tuple(m for m in up if m not in seen),
        down=tuple(m for m in every if not m.pod.running),
        stale=_stale(observation, live),
        replicants=tuple(m for m in every if m.replicant and m.pod.running),
    )


def node_name(pod: Pod, own: str | None, names: Names) -> str | None:
    """The EMQX node name of a pod: its own word, else the only name whose host part is this pod's."""
    if own:
        return own
    fitting = names.of(pod)
    return next(iter(fitting)) if len(fitting) == 1 else None


def is_alone(member: Member, cores: Iterable[Member]) -> bool:
    """Whether it sees none of the other cores; the replicants that it may see are no company."""
    return isinstance(member.view, View) and not any(_sees(member, c) for c in cores if c is not member)


def _sees(one: Member, other: Member) -> bool:
    return isinstance(one.view, View) and other.node in one.view.running


def islands(members: Sequence[Member]) -> tuple[tuple[Member, ...], ...]:
    """Who sees each other, by way of others as well; largest first, then the one with the oldest member."""
    rest = list(members)
    found: list[tuple[Member, ...]] = []
    while rest:
        island = [rest.pop(0)]
        for member in island:
            near = [m for m in rest if _sees(member, m) and _sees(m, member)]
            island.extend(near)
            rest = [m for m in rest if m not in near]
        found.append(tuple(sorted(island, key=lambda m: m.pod.name)))
    return tuple(sorted(found, key=lambda i: (-len(i), min(m.pod.created for m in i), i[0].pod.name)))


def _one_sided(members: Sequence[Member]) -> tuple[tuple[str, str], ...]:
    pairs = ((a, b) for a in members for b in members if a is not b)
    return tuple(sorted((a.pod.name, b.pod.name) for a, b in pairs if _sees(a, b) and not _sees(b, a)))


def _parted(island: Sequence[Member]) -> tuple[tuple[str, str], ...]:
    pairs = combinations(island, 2)
    return tuple((a.pod.name, b.pod.name) for a, b in pairs if not _sees(a, b) and not _sees(b, a))


def _stale(observation: Observation, live: Sequence[Member]) -> tuple[str, ...]:
    """A member of another workload that is down is none."""
    holders = observation.holders
    held = frozenset() if isinstance(holders, Unobserved) else holders.keys()
    views = [m.view for m in live if isinstance(m.view, View)]
    stopped = {name for view in views for name in view.stopped}
    running = {name for view in views for name in view.running}
    return tuple(sorted(_beyond(observation.workload, live, stopped - running - held)))


def foreign(observation: Observation) -> frozenset[str]:
    """Running nodes in the members' views that no pod of the workload has, nor can take: others run there as well."""
    every = list(observation.each_member())
    seen = [m.view for m in every if isinstance(m.view, View) and not m.pod.deleting]
    running = {name for view in seen for name in view.running}
    return frozenset(_beyond(observation.workload, every, running))


def foreign_cores(observation: Observation) -> frozenset[str]:
    """Of these all but replicants, which belong to whatever core they find; what is not known may be a core."""
    known = observation.strangers
    return frozenset(n for n in foreign(observation) if n not in known or not known[n].replicant)


def company(member: Member, others: frozenset[str]) -> str | None:
    """The first of these nodes that a member lists as running; None: it is in no cluster with them."""
    running = member.view.running if isinstance(member.view, View) else frozenset()
    return min(running & others, default=None)


def is_in_use(observation: Observation, name: str) -> bool:
    """Whether a pod has this node name, a pod that is to come may get it, or a member lists it as running."""
    every = list(observation.each_member())
    runs = any(isinstance(m.view, View) and name in m.view.running for m in every)
    return runs or not any(_beyond(observation.workload, every, [name]))


def _beyond(workload: Workload, live: Sequence[Member], names: Collection[str]) -> Iterator[str]:
    """Those of the names that no live pod has, and that no pod that is yet to come may get."""
    known = Names(names)
    taken = {m.node for m in live}.union(*(known.of(m.pod) for m in live))
    return (name for name in names if name not in taken and not _may_come(name, workload))


def _may_come(name: str, workload: Workload) -> bool:
    if workload.ref.kind is not WorkloadKind.STATEFUL_SET:
        return False
    label = name.partition("@")[2].partition(".")[0]
    ordinal = re.fullmatch(re.escape(workload.ref.name) + r"-([0-9]{1,10})", label)
    first = workload.first_ordinal
    return ordinal is not None and first <= int(ordinal.group(1)) < first + workload.replicas


def unreadable(member: Member) -> str:
    """Why nothing is known of a member's view, for a message."""
    if isinstance(member.view, Unobserved):
        return f"{member.pod.name}: {member.view.reason}"
    return f"{member.pod.name}: its node name could not be told"
