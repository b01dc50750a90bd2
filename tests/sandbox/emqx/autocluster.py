"""The discovery loop: look at the Endpoints, join the oldest node that answers, go on or end, by generation."""

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING

from sandbox.emqx import console
from sandbox.emqx.discovery import STRATEGIES, DiscoveryCrashError, DiscoveryError, discover
from sandbox.emqx.generations import Generation
from sandbox.emqx.joining import Failed, JoinCrashError, join
from sandbox.emqx.terms import atoms

if TYPE_CHECKING:
    from sandbox.emqx.node import Node

RETRY_SECONDS = 5.0
READY_TRIES = 10
STOP_SECONDS = 5.0


class Result(StrEnum):
    OK = "ok"
    IGNORE = "ignore"
    ERROR = "error"


class Autocluster:
    """The loop of one node. 4.x starts another one whenever its applications start; a lock lets one work at a time."""

    def __init__(self, node: "Node") -> None:
        """Belong to the node; nothing runs yet."""
        self._node = node
        self._enabled = True
        self._loops: set[asyncio.Task[None]] = set()
        self._round = asyncio.Lock()

    @property
    def generation(self) -> Generation:
        return self._node.release.generation

    @property
    def enabled(self) -> bool:
        """Whether `leave` has to disable it first."""
        return self._enabled and self.configured

    @property
    def configured(self) -> bool:
        """Any strategy that is not modelled is as `manual` here."""
        return self._node.discovery.strategy in STRATEGIES

    @property
    def running(self) -> bool:
        return bool(self._loops)

    def enable(self) -> None:
        self._enabled = True
        self.run()

    def run(self) -> None:
        """Start the loop unless it runs already: on 5.0.9 and later one server, before that one round at a time."""
        server = self.generation in (Generation.D, Generation.E)
        if not self.enabled or (self._loops if server else self._round.locked()):
            return
        task = self._node.spawn(self._loop())
        self._loops.add(task)
        task.add_done_callback(self._loops.discard)

    async def disable(self) -> None:
        """Stop the server; raises TimeoutError if it is inside a round for longer than five seconds."""
        self._enabled = False
        if self._loops:
            await asyncio.wait_for(self._round.acquire(), STOP_SECONDS)
            self._round.release()
            for task in list(self._loops):
                task.cancel()

    async def _loop(self) -> None:
        while not self._round.locked():
            async with self._round:
                try:
                    ended = await self._once()
                except JoinCrashError as crash:
                    for line in console.loop_crash(str(crash)):
                        self._node.log("error", line)
                    return
            if ended:
                return
            if self.generation in (Generation.B, Generation.C):
                self._node.log("warning", "Ekka(AutoCluster): discovery did not succeed; retrying in 5000 ms")
            await self._sleep(RETRY_SECONDS)

    async def _once(self) -> bool:
        """One round; tells whether the loop has ended. D and E do not survive a join that crashes."""
        await self._wait_for_application()
        try:
            result = await self._discover_and_join()
        except DiscoveryCrashError as crash:
            self._crashed(str(crash))
            result = Result.ERROR
        except JoinCrashError as crash:
            if self.generation in (Generation.D, Generation.E):
                raise
            self._crashed(str(crash))
            result = Result.ERROR
        return await self._complete(result)

    def _crashed(self, term: str) -> None:
        self._node.log(
            "error",
            f"Ekka(AutoCluster): Discover error: {term}, [{{ekka_autocluster,discover_and_join,2,[]}}]",
        )

    async def _complete(self, result: Result) -> bool:
        in_cluster = self._node.database.in_cluster
        match self.generation:
            case Generation.A:
                return in_cluster
            case Generation.B:
                return in_cluster and result is Result.OK
        registered = await self._registered()
        if self.generation is not Generation.C and result is Result.IGNORE:
            return registered
        return registered and in_cluster and result is Result.OK

    async def _registered(self) -> bool:
        """Whether discovery finds this node itself: a second GET in each round of 5.x."""
        try:
            return self._node.name in await discover(self._node)
        except DiscoveryError as error:
            self._node.log("error", f"Ekka(AutoCluster): Core node discovery error: {error}")
        except DiscoveryCrashError as crash:
            self._node.log("error", f"Ekka(AutoCluster): Core node discovery error {crash}: []")
        return False

    async def _wait_for_application(self) -> None:
        for _ in range(READY_TRIES):
            if self._node.serving:
                return
            await self._sleep(1.0)

    async def _sleep(self, seconds: float) -> None:
        await self._node.fabric.sleep(seconds * self._node.pace)

    async def _discover_and_join(self) -> Result:
        node = self._node
        given = node.world.switches.get("search_seconds")
        usual = node.fabric.rng.randint(1, 3000) / 1000 * node.pace
        await node.fabric.sleep(float(given) if given else usual)
        try:
            names = await discover(node)
        except DiscoveryError as error:
            node.log("error", f"Ekka(AutoCluster): Discovery error: {error}")
            return Result.ERROR
        found = {name: await node.fabric.ping(node, name) for name in dict.fromkeys(names)}
        answered = {name: other is not None for name, other in found.items()}
        cores = sorted(name for name, other in found.items() if other is not None and not other.replicant)
        result = await self._maybe_join(cores)
        if self.generation is Generation.A:
            return result
        dead = [name for name, alive in answered.items() if not alive]
        if dead:
            self._report_dead(dead)
            return Result.ERROR
        return result if self.generation in (Generation.D, Generation.E) else Result.OK

    def _report_dead(self, dead: list[str]) -> None:
        """From 5.1.1 on an info line, which the default log level hides."""
        if self._node.release.number <= (5, 1, 0):
            self._node.log("warning", f"Ekka(AutoCluster): discovered nodes outside cluster: {atoms(dead)}")

    async def _maybe_join(self, names: list[str]) -> Result:
        node = self._node
        if not names or (self.generation is Generation.A and node.database.in_cluster):
            return Result.IGNORE
        if self.generation is not Generation.A and set(names) == node.database.schema.db_nodes:
            return Result.IGNORE
        oldest = await self._oldest(names)
        if oldest is None or oldest == node.name:
            return Result.IGNORE
        outcome = await join(node, oldest)
        if not isinstance(outcome, Failed):
            return Result.OK
        if self.generation is Generation.E and outcome.term.startswith("{already_in_cluster,"):
            return Result.IGNORE
        return Result.ERROR

    async def _oldest(self, names: list[str]) -> str | None:
        """The node whose membership process started first, if all of them answer."""
        if len(names) == 1:
            return names[0]
        found = [(name, await self._node.fabric.ping(self._node, name)) for name in names]
        bad = [name for name, other in found if other is None]
        if bad:
            self._report_bad(bad)
            return None
        members = [other for _, other in found if other is not None and other.library_up]
        if not members:
            return None
        return min(members, key=lambda other: other.born).name

    def _report_bad(self, bad: list[str]) -> None:
        if self._node.release.number <= (5, 2, 0):
            text = f'FORMAT ERROR: "Ekka(AutoCluster): Bad nodes found: ~p, ResL: " - [{atoms(bad)},[]]'
        else:
            text = f"Ekka(AutoCluster): bad_nodes_found, failed_nodes: {atoms(bad)}, normal_rpc_results: []"
        self._node.log("error", text)
