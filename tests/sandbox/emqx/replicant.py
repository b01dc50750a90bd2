"""Role replicant: a node without a database of its own, which waits for a core, connects to the cores, and serves.

As seen on 5.4.1: it waits inside its boot for as long as discovery leads to no core, stays started whatever becomes of
its cores later, and a `cluster join` writes one core down that from then on replaces discovery.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sandbox.emqx.discovery import DiscoveryCrashError, DiscoveryError, discover
from sandbox.emqx.joining import NOT_IN_CLUSTER, Done, Failed, Ignored, Outcome
from sandbox.emqx.terms import atom

if TYPE_CHECKING:
    from sandbox.emqx.node import Node

RETRY_SECONDS = (1.0, 2.0)
LEAVE_SECONDS = (0.5, 1.0)
_TABLES = "/opt/emqx/data/mnesia"


class Replicant:
    """What a replicant knows of cores. A core has none of this."""

    def __init__(self, node: "Node") -> None:
        """Belong to a node that has not found any core."""
        self._node = node
        self._cores: list[Node] = []
        self._seed_file = f"{_TABLES}/{node.name}/mria_replicant_cluster_seed"

    @property
    def cores(self) -> list["Node"]:
        """Those that it is connected to and that run."""
        return [core for core in self._cores if self._reaches(core)]

    async def run(self) -> None:
        """Look for cores for as long as the VM runs; the first one ends the boot."""
        node = self._node
        while True:
            self._cores = await self._found()
            if self._cores and not node.serving:
                node.start_apps(boot=True)
            await node.fabric.sleep(node.fabric.between(*RETRY_SECONDS))

    async def _found(self) -> list["Node"]:
        """One cluster's cores: where what it found is several, it stays with the one that it knew."""
        answering = [await self._node.fabric.ping(self._node, name) for name in await self._names()]
        up = [node for node in answering if node is not None and _is_core(node)]
        known = [core for core in up if core in self._cores] or up
        if not known:
            return []
        cluster = {known[0].name, *known[0].database.running}
        return [core for core in up if core.name in cluster]

    async def _names(self) -> list[str]:
        """The one that a join wrote down, else what discovery gives."""
        pinned = self.pinned
        if pinned:
            return [pinned]
        if not self._node.autocluster.configured:
            return []
        try:
            return await discover(self._node)
        except DiscoveryError as error:
            self._node.log("error", f"Ekka(AutoCluster): Core node discovery error: {error} mfa: undefined")
        except DiscoveryCrashError as crash:
            self._node.log("error", f"Ekka(AutoCluster): Core node discovery error {crash}: []")
        return []

    @property
    def pinned(self) -> str:
        """The node name in the file that a join writes."""
        content = self._node.world.files.get(self._seed_file, b"").decode()
        return content.rstrip(".").strip("'")

    def view(self) -> tuple[list[str], list[str]]:
        """Itself, its cores, and all other replicants that run; what a core calls stopped."""
        running, stopped = {self._node.name}, set[str]()
        for core in self.cores:
            up, down = core.database.view()
            running |= set(up)
            stopped |= set(down)
        running |= {other.name for other in replicants(self._node) if self._node.serving}
        return sorted(running), sorted(stopped - running)

    async def join(self, target: str) -> Outcome:
        if target == self._node.name:
            return Ignored()
        other = await self._node.fabric.ping(self._node, target)
        if any(target in {core.name, *core.database.running} for core in self.cores):
            return Failed(f"{{already_in_cluster,{atom(target)}}}")
        if other is None:
            return Failed(f"{{node_down,{atom(target)}}}")
        if other.replicant is not None:
            return Failed(f"{{cannot_join_to_replicant,{atom(target)}}}")
        self._node.world.files[self._seed_file] = f"{atom(target)}.".encode()
        return Done()

    async def leave(self) -> Outcome:
        """Its applications restart, and it discovers again."""
        if not self.cores and not self.pinned:
            return NOT_IN_CLUSTER
        self._node.world.files.pop(self._seed_file, None)
        self._cores = []
        self._node.stop_apps("leave")
        await self._node.fabric.sleep(self._node.fabric.between(*LEAVE_SECONDS))
        return Done()

    def force_leave(self, target: str) -> Outcome:
        """Prints success and does nothing."""
        return Done() if self.cores and target != self._node.name else NOT_IN_CLUSTER

    def _reaches(self, core: "Node") -> bool:
        return _is_core(core) and self._node.fabric.linked(self._node, core)


def replicants(node: "Node") -> Iterator["Node"]:
    """Other nodes of this cluster's cookie that serve as replicants, and that the network lets it talk to."""
    for other in node.fabric:
        mine = other.cookie == node.cookie and other.world.namespace == node.world.namespace
        serves = other is not node and other.replicant is not None and other.serving
        if mine and serves and node.fabric.linked(node, other):
            yield other


def connected(core: "Node") -> Iterator[str]:
    """The replicants that a core lists as running: those of its cluster's cores."""
    cluster = {core.name, *core.database.running}
    for other in replicants(core):
        if other.replicant and any(known.name in cluster for known in other.replicant.cores):
            yield other.name


def _is_core(node: "Node") -> bool:
    return node.replicant is None and node.answers and node.library_up
