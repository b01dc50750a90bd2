"""What the stand-ins of one process share: who runs at which address, time, chance, and the locks around joins.

Kubernetes gives each pod an IP of its own, so nodes are found by address first and by name then, as Erlang does.
"""

import asyncio
import ipaddress
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.emqx.heartbeat import Heartbeat
from sandbox.kubelet.container import NameNotFound, ResolutionFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.emqx.membership import Database
    from sandbox.emqx.node import Node

BLACK_HOLE_SECONDS = 7.0  # the Erlang distribution's time to set a connection up


class JoinLocks:
    """From 5.1 on a join holds both ends and, through the schema transaction, the cluster that it enters."""

    def __init__(self) -> None:
        self._claims: dict[object, set[str]] = {}
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def held(self, owner: object, names: set[str]) -> "AsyncIterator[set[str]]":
        """Hold the names while the block runs; the set that it yields may grow."""
        async with self._changed:
            await self._changed.wait_for(lambda: all(not names & claim for claim in self._claims.values()))
            claim = self._claims[owner] = set(names)
        try:
            yield claim
        finally:
            del self._claims[owner]
            async with self._changed:
                self._changed.notify_all()


class Fabric:
    """The registry through which stand-ins find one another."""

    def __init__(
        self,
        *,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take chance and time from the caller, so that a test can run on virtual time; default: the real ones."""
        self.rng = rng or random.Random()
        self.sleep = sleep
        self._clock = clock
        self._wall = wall
        self._at: dict[str, list[Node]] = {}
        self._named: dict[str, list[Node]] = {}
        self._heartbeat: asyncio.Task[None] | None = None
        self.locks = JoinLocks()
        self._links: set[frozenset[Node]] = set()

    def now(self) -> float:
        """Seconds of a monotonic clock."""
        return self._clock() if self._clock else asyncio.get_running_loop().time()

    def stamp(self) -> str:
        """The time as EMQX's log has it."""
        return self._wall().isoformat(timespec="microseconds")

    def between(self, low: float, high: float) -> float:
        return self.rng.uniform(low, high)

    def __iter__(self) -> Iterator["Node"]:
        """All nodes whose VM runs."""
        for nodes in list(self._at.values()):
            yield from list(nodes)

    def add(self, node: "Node") -> None:
        self._at.setdefault(node.ip, []).append(node)
        self._named.setdefault(node.name, []).append(node)

    def connected(self, node: "Node") -> list["Node"]:
        """The nodes with a connection of the distribution: who was pinged, and who is in one cluster."""
        fellows = (self.owner(database) for database in node.database.running.values())
        pinged = (other for link in self._links if node in link for other in link - {node})
        return sorted({other for other in (*fellows, *pinged) if other is not None}, key=lambda o: o.name)

    def cut(self, one: "Node", other: "Node") -> None:
        """The connection is given up."""
        self._links.discard(frozenset((one, other)))

    def _connect(self, caller: "Node", other: "Node") -> "Node":
        self._links.add(frozenset((caller, other)))
        return other

    def remove(self, node: "Node") -> None:
        self._links = {link for link in self._links if node not in link}
        for index, key in ((self._at, node.ip), (self._named, node.name)):
            nodes = index.get(key, [])
            if node in nodes:
                nodes.remove(node)
            if not nodes:
                index.pop(key, None)

    async def ping(self, caller: "Node", name: str) -> "Node | None":
        """Connect to a node by name as the Erlang distribution does; None: it does not answer."""
        if name == caller.name:
            return caller
        if name in caller.database.running:
            connected = self.peer(caller, name)
            if connected is not None:
                return self._connect(caller, connected)
        for ip in await self._addresses(caller, name.partition("@")[2]):
            if ip not in self._at or not caller.world.reachable(ip, distribution_port(name)):
                await self.sleep(BLACK_HOLE_SECONDS)
                continue
            for node in self._at.get(ip, []):
                if node.name == name and node.cookie == caller.cookie and node.answers:
                    return self._connect(caller, node)
        return None

    def peer(self, node: "Node", name: str) -> "Node | None":
        """The running node of that name which this one's database means, if the network lets them talk."""
        candidates = [
            other
            for other in self._named.get(name, [])
            if other.answers and other.cookie == node.cookie and self.linked(node, other)
        ]
        same = [other for other in candidates if other.database.schema.cookie == node.database.schema.cookie]
        return next(iter(same or candidates), None)

    def owner(self, database: "Database") -> "Node | None":
        """The node that a database belongs to, while its VM runs."""
        return next((node for node in self._named.get(database.name, []) if node.database is database), None)

    def linked(self, one: "Node", other: "Node") -> bool:
        """Whether the network carries an established connection, which needs both directions."""
        return one.world.reachable(other.ip, other.port) and other.world.reachable(one.ip, one.port)

    def watch(self) -> None:
        """Keep the heartbeat going while any cluster exists."""
        if self._heartbeat is None or self._heartbeat.done():
            self._heartbeat = asyncio.get_running_loop().create_task(Heartbeat(self).run())

    async def _addresses(self, caller: "Node", host: str) -> list[str]:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            try:
                return await caller.world.resolve(host)
            except (NameNotFound, ResolutionFailed):
                return []
        return [host]


def distribution_port(name: str) -> int:
    """The port rule of ekka: 4370 plus the digits directly left of the `@`."""
    left = name.partition("@")[0]
    digits = left[len(left.rstrip("0123456789")) :]
    return 4370 + (int(digits) % 60000 if digits else 0)
