"""The replicated database that carries EMQX's membership: who belongs to a cluster and who of them runs; no I/O.

Separate, because it is the one model that all commands, joins and failures change. Each node keeps a view of its own;
views differ when a connection is cut or when a node is stuck inside a schema transaction.
"""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from itertools import count

Tables = dict[str, dict[str, str]]

_COOKIES = count(1)


class IncompatibleSchemaError(Exception):
    """Two nodes know of each other and have databases of different origin."""


@dataclass(slots=True, eq=False)
class Schema:
    """What a node's data directory keeps."""

    name: str
    db_nodes: set[str]
    tables: Tables = field(default_factory=dict)
    last_running: set[str] = field(default_factory=set)  # peers that ran when this node was last seen running
    cookie: int = field(default_factory=lambda: next(_COOKIES))

    @classmethod
    def fresh(cls, name: str) -> "Schema":
        return cls(name, {name})


class Database:
    """One node's database while its VM runs."""

    def __init__(self, name: str, disc: MutableMapping[str, object]) -> None:
        """Load what the data directory (`disc`) holds for this node name, or start with nothing."""
        self.name = name
        self._disc = disc
        self._key = f"mnesia/{name}"
        kept = disc.get(self._key)
        self.schema = kept if isinstance(kept, Schema) else Schema.fresh(name)
        self._disc[self._key] = self.schema
        self.running: dict[str, Database] = {}
        self.downs: dict[str, float] = {}
        self.up = False
        self.loaded = False
        self.stuck = False

    @property
    def fresh(self) -> bool:
        """Whether this node knows of no other."""
        return self.schema.db_nodes == {self.name}

    @property
    def in_cluster(self) -> bool:
        return not self.fresh

    def view(self) -> tuple[list[str], list[str]]:
        """Running and stopped nodes as this node sees them."""
        running = {self.name, *self.running} if self.up else set()
        return sorted(running), sorted(self.schema.db_nodes - running)

    def wipe(self) -> None:
        """Forget everything: what a join or leave does first."""
        self.schema = Schema.fresh(self.name)
        self._disc[self._key] = self.schema
        self.downs.clear()
        self.running.clear()
        self.loaded = True

    def start(self) -> None:
        self.up = True
        self.stuck = False

    def stop(self) -> None:
        """Stop orderly or not: the others see it at once."""
        if not self.up:
            return
        self.up = False
        self.schema.last_running = set(self.running)
        for peer in list(self.running.values()):
            peer._lose(self.name)
        self.running.clear()

    def connect(self, peers: Iterable["Database"]) -> None:
        """Meet again the nodes that the schema names, after a start or a cut."""
        for peer in peers:
            if peer.schema.cookie != self.schema.cookie:
                raise IncompatibleSchemaError(peer.name)
            self._see(peer)
            peer._see(self)
            peer.schema.db_nodes |= self.schema.db_nodes
            self.schema.db_nodes |= peer.schema.db_nodes

    def merge(self, seed: "Database") -> None:
        """Become a member of the seed's cluster, with a copy of its data."""
        members = [seed, *seed.running.values()]
        nodes = seed.schema.db_nodes | {self.name}
        tables = {table: dict(rows) for table, rows in seed.schema.tables.items()}
        self.schema = Schema(self.name, set(nodes), tables, cookie=seed.schema.cookie)
        self._disc[self._key] = self.schema
        self.loaded = True
        for peer in members:
            peer.schema.db_nodes |= nodes
            self._see(peer)
            peer._see(self)

    def settle(self) -> None:
        """Catch up, after a schema transaction, with what went down or came meanwhile."""
        self.stuck = False
        for name, peer in list(self.running.items()):
            if not peer.up or self.name not in peer.running:
                self._lose(name)
                continue
            self.schema.db_nodes |= peer.schema.db_nodes
            for other in peer.running.values():
                if other is not self:
                    self._see(other)

    def cut(self, peer: "Database") -> None:
        """Lose each other, both still running."""
        self._lose(peer.name)
        peer._lose(self.name)

    def leave(self) -> None:
        """Leave: the running members forget this node, which starts with nothing."""
        for peer in list(self.running.values()):
            peer.remove(self.name)
        self.stop()
        self.wipe()

    def forget(self, name: str) -> None:
        """Remove a node from the schema, here and on all running members."""
        for member in [self, *self.running.values()]:
            member.remove(name)

    def remove(self, name: str) -> None:
        """Drop a node from this node's schema alone."""
        if self.stuck:
            return
        self.schema.db_nodes.discard(name)
        self.running.pop(name, None)
        self.downs.pop(name, None)
        self.schema.last_running.discard(name)

    def write(self, table: str, key: str, value: str | None) -> None:
        """Change a row on all running members."""
        for member in [self, *self.running.values()]:
            rows = member.schema.tables.setdefault(table, {})
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value

    def _see(self, peer: "Database") -> None:
        if not self.stuck:
            self.running[peer.name] = peer
            self.downs.pop(peer.name, None)
            self.schema.last_running.add(peer.name)

    def _lose(self, name: str) -> None:
        """A node stuck in a schema transaction no longer takes notice."""
        if not self.stuck:
            self.running.pop(name, None)
            self.schema.last_running.discard(name)
