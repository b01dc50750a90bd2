"""A model of how EMQX nodes cluster, in virtual time: what each knows, sees, does by itself, and is told to do.

Rules and figures are those that were seen on real brokers: a node looks for its peers every few seconds, and from 5.0.9
on ends to look once it finds itself alone; a join wipes the joiner and stops its applications; a target that goes away
meanwhile leaves it half-joined in one of two forms; a network that is gone is noticed after 130 s, and where it is gone
in one direction, by one side first; autoheal restarts the minority unless as many names are stopped as nodes are live;
a node that has tables on its disk waits for those that went on without it; two majors are never one cluster.
"""

import random
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from packaging.version import Version

from emqx_autocluster.emqx.generation import Generation
from simulation.links import Links

LOOP_SECONDS = 7
JOIN_SECONDS = 3
AUTOHEAL = 20
AUTOCLEAN = {True: 300, False: 24 * 3600}
"""By whether it is 4.x."""


@dataclass(slots=True)
class Node:
    """One broker's process."""

    name: str
    boots_at: float
    data: str
    """Whose data it has: the name of the node that first had it."""
    known: set[str] = field(default_factory=set)
    looking: bool = True
    joining: "Joining | None" = None
    stuck: str | None = None
    """`alone` or `listed`: half-joined, in that form."""
    stopped_apps_at: float | None = None
    serves_since: float | None = None
    started_at: float = 0.0
    major: str = ""
    awaited: set[str] = field(default_factory=set)
    """Who ran on when it stopped: their tables may be newer than its own."""

    @property
    def serves(self) -> bool:
        return self.serves_since is not None and self.joining is None and self.stuck is None


@dataclass(frozen=True, slots=True)
class Joining:
    target: str
    until: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What a node has on its disk when it starts."""

    data: str
    known: frozenset[str] = frozenset()
    awaited: frozenset[str] = frozenset()


Seen = tuple[frozenset[str], frozenset[str]]


class Ekka:
    """All nodes of one workload. `discovered` answers which names discovery finds now; None: it fails."""

    def __init__(
        self, version: str, chance: random.Random, discovered: Callable[[str], list[str] | None]
    ) -> None:
        self.generation = Generation(Version(version))
        self.now = 0.0
        self.nodes: dict[str, Node] = {}
        self._chance = chance
        self._discovered = discovered
        self.links = Links(self._know_each_other)
        self.ended: dict[str, float] = {}

    # --- what happens to processes and links

    def start(self, name: str, kept: "Kept", major: str = "") -> Node:
        node = Node(name, self.now + self._chance.uniform(3, 7), kept.data, {name, *kept.known})
        node.awaited, node.started_at, node.major = set(kept.awaited) - {name}, self.now, major
        self.nodes[name] = node
        self.ended.pop(name, None)
        return node

    def stop(self, name: str) -> "Kept | None":
        """What would be on its disk; None: it did not run."""
        node = self.nodes.get(name)
        kept = None
        if node is not None:
            others = node.awaited if node.serves_since is None else self.view(name)[0]
            kept = Kept(node.data, frozenset(node.known), frozenset(others) - {name})
            del self.nodes[name]
        self.ended[name] = self.links.ended(name)
        self.links.forget(name)
        return kept

    def tick(self, now: float) -> None:
        self.now = now
        for node in list(self.nodes.values()):
            self._boot(node)
            self._finish_join(node)
            if int(now + node.boots_at) % LOOP_SECONDS == 0:
                self._look(node)
        self.links.tick(now)
        self._autoheal()
        self._autoclean()

    # --- what a node sees

    def view(self, name: str) -> Seen:
        node = self.nodes[name]
        running = frozenset(other for other in node.known if self._lists(node, other))
        return running, frozenset(node.known) - running

    def islands(self, among: Collection[str] | None = None) -> list[set[str]]:
        """The truth: who is one cluster with whom, largest first; `among`: by way of these alone."""
        rest, found = set(self.nodes if among is None else among), []
        while rest:
            island = edge = {rest.pop()}
            while edge:
                edge = {o for o in rest for m in edge if self._sees_both_ways(m, o)}
                rest -= edge
                island = island | edge
            found.append(island)
        return sorted(found, key=lambda island: (-len(island), min(island)))

    def is_whole(self) -> bool:
        return all(node.serves for node in self.nodes.values()) and len(self.islands()) == 1

    # --- what a node is told

    def join(self, name: str, target: str) -> str:
        node, other = self.nodes.get(name), self.nodes.get(target)
        if node is None or other is None or not other.serves or not self.links.connected(name, target):
            return "Failed to join the cluster"
        if node.major != other.major:
            node.known, node.data = {name}, f"{name} anew"
            return "Failed to join the cluster"
        if self._is_locked():
            return "timed out"
        if target in node.known and self._lists(node, target):
            return "already in cluster"
        node.joining, node.serves_since = Joining(target, self.now + JOIN_SECONDS), None
        node.stopped_apps_at = self.now
        node.stuck, node.awaited = None, set()
        return "joined"

    def enable_discovery(self, name: str) -> str:
        node = self.nodes.get(name)
        if node is None:
            return "not responding to pings"
        if node.stuck != "listed":
            node.looking = True
        return "enabled"

    def leave(self, name: str) -> None:
        """As `cluster leave` by hand: it is alone, empty, and looks for nobody from 5.0.9 on."""
        node = self.nodes.get(name)
        if node is None or not node.serves:
            return
        for other in self.nodes.values():
            other.known -= {name} - {other.name}
        node.known, node.data = {name}, f"{name} anew"
        node.looking = self.generation.looks_for_ever is not False
        self.links.forget(name)

    def force_leave(self, actor: str, names: Iterable[str]) -> None:
        running, _ = self.view(actor)
        for other in running:
            self.nodes[other].known -= set(names) - {other}

    # --- what it does by itself

    def _boot(self, node: Node) -> None:
        up = self.now >= node.boots_at and node.joining is None and node.stuck is None
        if up and node.serves_since is None and not self._still_waits(node):
            node.serves_since = self.now

    def _still_waits(self, node: Node) -> bool:
        """Until one that has the tables serves, or all that may have newer ones are there."""
        there = [
            self.nodes[n] for n in node.awaited if n in self.nodes and self.links.connected(node.name, n)
        ]
        all_there = len(there) == len(node.awaited) and all(self.now >= n.boots_at for n in there)
        if all_there or any(n.serves for n in there):
            node.awaited = set()
        return bool(node.awaited)

    def _look(self, node: Node) -> None:
        if not node.looking or node.joining or self.now < node.boots_at or node.stuck == "listed":
            return
        if node.awaited:
            return
        found = self._discovered(node.name)
        if found is None:
            return
        others = [n for n in found if n != node.name and n in self.nodes]
        running, _ = self.view(node.name)
        strangers = [n for n in others if n not in running and self._can_be_joined(node, n)]
        if len(running) == 1 and strangers:
            self.join(node.name, strangers[0])
        elif self.generation.looks_for_ever is False:
            node.looking = False

    def _can_be_joined(self, node: Node, name: str) -> bool:
        other = self.nodes[name]
        up = self.now >= other.boots_at and other.joining is None and not other.awaited
        return up and other.major == node.major and self.links.connected(node.name, name)

    def _finish_join(self, node: Node) -> None:
        if node.joining is None or self.now < node.joining.until:
            return
        target, node.joining = self.nodes.get(node.joining.target), None
        if target is None or not target.serves or not self.links.connected(node.name, target.name):
            node.stuck = self._chance.choice(("alone", "listed"))
            node.looking = False
            if node.stuck == "listed" and target is not None:
                self._adopt(node, target)
            else:
                node.known = {node.name}
            return
        self._adopt(node, target)
        node.data, node.looking = target.data, False
        self.links.forget(node.name)

    def _adopt(self, node: Node, target: Node) -> None:
        running, _ = self.view(target.name)
        for name in running:
            self.nodes[name].known |= {node.name}
        node.known = set(target.known) | {node.name}

    def _autoheal(self) -> None:
        due = self.links.up_again(AUTOHEAL)
        if not due:
            return
        largest, *others = self.islands()
        for island in others:
            if any(self._is_inhibited(name) for name in largest | island):
                continue
            if any(pair & island and pair & largest for pair in due):
                self._rejoin(island, largest)

    def _is_inhibited(self, name: str) -> bool:
        running, stopped = self.view(name)
        gone = [n for n in stopped if n not in self.nodes]
        return len(gone) >= len(running)

    def _rejoin(self, minority: set[str], majority: set[str]) -> None:
        first = self.nodes[min(majority)]
        for name in minority:
            self.links.forget(name)
            node = self.nodes[name]
            node.serves_since, node.boots_at = None, self.now + 5
            self._adopt(node, first)
            node.data = first.data

    def _autoclean(self) -> None:
        after = AUTOCLEAN[self.generation.is_4x]
        old = {name for name, since in self.ended.items() if self.now - since > after}
        if old:
            for node in self.nodes.values():
                node.known -= old - {node.name}

    # --- who lists whom

    def _lists(self, node: Node, other: str) -> bool:
        """Whether it calls the other running."""
        if other == node.name:
            return True
        peer = self.nodes.get(other)
        if peer is None or node.name not in peer.known or other not in node.known:
            return False
        return self.links.holds(node.name, other)

    def _sees_both_ways(self, one: str, other: str) -> bool:
        return self._lists(self.nodes[one], other) and self._lists(self.nodes[other], one)

    def _know_each_other(self, pair: frozenset[str]) -> bool:
        one, other = sorted(pair)
        nodes = self.nodes
        return one in nodes and other in nodes and other in nodes[one].known and one in nodes[other].known

    def _is_locked(self) -> bool:
        """A join that hangs holds the cluster-wide lock."""
        return any(node.stuck == "listed" for node in self.nodes.values())
