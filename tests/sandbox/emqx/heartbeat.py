"""What happens to a cluster by itself with time: cut connections are noticed, partitions heal, the dead are forgotten.

One task serves all nodes of the process; it beats every five seconds, and only while any cluster exists, so
thousands of lone nodes cost nothing.
"""

import asyncio
from typing import TYPE_CHECKING

from sandbox.emqx.joining import JoinCrashError, heal
from sandbox.emqx.membership import Database
from sandbox.emqx.terms import atom

if TYPE_CHECKING:
    from sandbox.emqx.fabric import Fabric
    from sandbox.emqx.node import Node

BEAT_SECONDS = 5.0
NET_TICK_SECONDS = (128.0, 134.0)  # net_ticktime 120 s; noticed up to a quarter of it later
HEAL_SECONDS = 18.0  # 3 s to confirm a partition, 15 s to collect the views


class Heartbeat:
    def __init__(self, fabric: "Fabric") -> None:
        """Serve the fabric's nodes."""
        self._fabric = fabric
        self._silent_since: dict[frozenset[Database], tuple[float, float]] = {}
        self._healing: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Beat until no node has a fellow."""
        while any(node.database.in_cluster for node in self._fabric):
            await self._fabric.sleep(BEAT_SECONDS)
            for node in self._fabric:
                if node.database.up and node.database.in_cluster:
                    self._notice_cuts(node)
                    self._notice_partitions(node)
                    self._autoclean(node)

    def _notice_cuts(self, node: "Node") -> None:
        now = self._fabric.now()
        for database in list(node.database.running.values()):
            other = self._fabric.owner(database)
            if other is None:
                continue
            pair = frozenset((node.database, database))
            if self._fabric.linked(node, other):
                self._silent_since.pop(pair, None)
                continue
            since, patience = self._silent_since.setdefault(pair, (now, self._patience(node)))
            if now - since >= patience:
                del self._silent_since[pair]
                node.database.cut(database)
                self._fabric.cut(node, other)
                node.lost_connection(other)
                other.lost_connection(node)

    def _patience(self, node: "Node") -> float:
        given = node.world.switches.get("net_ticktime")
        return float(given) if given else self._fabric.between(*NET_TICK_SECONDS)

    def _notice_partitions(self, node: "Node") -> None:
        for name in node.database.view()[1]:
            other = self._fabric.peer(node, name)
            if other is None or not _partitioned(node.database, other.database):
                continue
            node.saw_partition(name)
            cookie = node.database.schema.cookie
            task = self._healing.get(cookie)
            if task is None or task.done():
                self._healing[cookie] = asyncio.get_running_loop().create_task(self._heal(cookie))

    async def _heal(self, cookie: int) -> None:
        await self._fabric.sleep(HEAL_SECONDS)
        members = [
            node for node in self._fabric if node.database.schema.cookie == cookie and node.database.up
        ]
        members.sort(key=lambda node: node.born)
        if not members or not self._may_heal(members):
            return
        views = {node: set(node.database.view()[0]) for node in members}
        majority = max(members, key=lambda node: len(views[node]))
        for node in members:
            if node.name not in views[majority]:
                await self._bring_back(node, majority)
        for node in members:
            node.partition_over()

    @staticmethod
    async def _bring_back(node: "Node", majority: "Node") -> None:
        try:
            await heal(node, majority)
        except JoinCrashError as crash:
            majority.log("critical", f"msg: Rejoin for autoheal, node: {atom(node.name)}, return: {crash}")

    @staticmethod
    def _may_heal(members: list["Node"]) -> bool:
        """Stopped nodes that the cluster still lists keep it from healing."""
        listed = set().union(*(node.database.schema.db_nodes for node in members))
        missing = len(listed - {node.name for node in members})
        if members[0].release.heals_with_majority:
            return missing < len(listed) // 2
        return missing == 0

    def _autoclean(self, node: "Node") -> None:
        """Forget nodes whose going down this node has seen; it looks four times in the expiry time."""
        expiry = node.release.autoclean_seconds
        now = self._fabric.now()
        if expiry is None or now < node.next_autoclean or node.schema_is_locked:
            return
        node.next_autoclean = now + expiry / 4
        for name, since in list(node.database.downs.items()):
            if now - since > expiry and name not in node.database.running:
                node.database.forget(name)


def _partitioned(one: Database, other: Database) -> bool:
    """Both run, know each other, have one origin, and do not see each other running."""
    return (
        other.up
        and not one.stuck
        and not other.stuck
        and other.name not in one.running
        and one.schema.cookie == other.schema.cookie
        and one.name in other.schema.db_nodes
    )
