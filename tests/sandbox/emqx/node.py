"""One EMQX node: its VM, its applications and its database, and what the others may ask of it."""

import asyncio
from collections.abc import Coroutine, MutableMapping
from typing import Any

from sandbox.emqx import console
from sandbox.emqx.autocluster import Autocluster
from sandbox.emqx.entrypoint import Entered
from sandbox.emqx.fabric import Fabric, distribution_port
from sandbox.emqx.generations import Release
from sandbox.emqx.membership import Database
from sandbox.emqx.replicant import Replicant, connected
from sandbox.emqx.terms import atom
from sandbox.kubelet.container import World, pace


class Node:
    """State that changes by boot, joins and stops; the sequences themselves are in broker.py and joining.py."""

    def __init__(
        self,
        world: World,
        fabric: Fabric,
        release: Release,
        entered: Entered,
        disc: MutableMapping[str, object],
    ) -> None:
        """Make the node as it is before its boot: nothing runs."""
        self.world = world
        self.fabric = fabric
        self.release = release
        self.name = entered.node_name
        self.ip = world.ip
        self.port = distribution_port(entered.node_name)
        self.cookie = entered.cookie
        self.licensed = entered.licensed or not release.single_node_license
        self.discovery = entered.discovery
        self.database = Database(self.name, disc)
        self.answers = False  # the VM runs and takes connections
        self.library_up = False  # ekka (4.x) or mria (5.x) runs, so others may join this node
        self.serving = False  # the applications run and the listeners are open
        self.ending = False  # the VM is being stopped
        self.starts = 0  # of the applications
        self.born = 0.0  # when the membership process started last: the guid's age
        self.next_autoclean = 0.0
        self.gone = asyncio.Event()
        self.died: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.autocluster = Autocluster(self)
        self.replicant = Replicant(self) if entered.replicant else None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._logged: set[str] = set()
        self._partitions: set[str] = set()

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def pace(self) -> float:
        return pace(self.world.switches)

    def say(self, *lines: str) -> None:
        for line in lines:
            self.world.log(line)

    def log(self, level: str, text: str) -> None:
        self.world.log(f"{self.fabric.stamp()} [{level}] {text}")

    def log_once(self, level: str, text: str) -> None:
        if text not in self._logged:
            self._logged.add(text)
            self.log(level, text)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run something inside this VM: it goes on when its caller goes away, and ends with the VM."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def schema_is_locked(self) -> bool:
        """Whether a join that hangs holds the schema of this node's cluster."""
        return any(database.stuck for database in (self.database, *self.database.running.values()))

    def view(self) -> tuple[list[str], list[str]]:
        """Running and stopped nodes as `cluster status` has them: replicants stand among the running ones."""
        if self.replicant:
            return self.replicant.view()
        running, stopped = self.database.view()
        return (sorted({*running, *connected(self)}), stopped) if running else (running, stopped)

    def inode(self, port: int) -> int:
        """Of the socket that listens there: the VM's own port stays, the applications' are opened at each start."""
        return 2**16 * (30 if port == self.port else 31 + self.starts) + port

    def vm_up(self) -> None:
        self.answers = True
        self.fabric.add(self)

    def vm_down(self) -> None:
        """The process is gone, orderly or not."""
        self.answers = self.library_up = self.serving = False
        self.database.stop()
        self.fabric.remove(self)
        now = self.fabric.now()
        for other in self.fabric:
            if self.name in other.database.schema.db_nodes and self.fabric.linked(self, other):
                other.database.downs[self.name] = now
        for task in list(self._tasks):
            task.cancel()
        self.gone.set()

    def start_apps(self, *, boot: bool = False) -> None:
        """The membership process is new, therefore young."""
        self.library_up = self.serving = True
        self.starts += 1
        self.born = self.fabric.now() + self.fabric.rng.random() / 1000
        self.say(*console.started(self.release, self.name, self.fabric.stamp(), boot=boot))
        if self.release.autoclean_seconds:
            self.next_autoclean = self.fabric.now() + self.release.autoclean_seconds / 4
        if not self.licensed and self.database.running:
            self.log("error", console.single_node_license())
            self.die(1)
        elif (boot or self.release.is_4x) and not self.replicant:
            self.autocluster.run()

    def stop_apps(self, reason: str) -> None:
        """What stands before each join, leave and healing."""
        self.log(*console.stopping(self.release, reason))
        if self.serving:
            self.say(*console.stopped(self.release))
        self.serving = self.library_up = False

    def die(self, code: int) -> None:
        if not self.died.done():
            self.died.set_result(code)

    async def library_running(self, other: "Node | None") -> bool:
        """Whether one may join that node. A VM that is shutting down answers no more until it is gone."""
        if other is None:
            return False
        if other.ending:
            await other.gone.wait()
            return False
        return other.answers and other.library_up

    def lost_connection(self, other: "Node") -> None:
        self.database.downs[other.name] = self.fabric.now()
        if self.release.is_4x:
            self.log(
                "error", f"** Node {atom(other.name)} not responding **, ** Removing (timedout) connection **"
            )
        else:
            self.log("warning", f"msg: cm_registry_node_down, node: {atom(other.name)}")
            self.log("warning", f"msg: cm_registry_mnesia_down, node: {atom(other.name)}")

    def saw_partition(self, name: str) -> None:
        """A node is back that ran on by itself."""
        if name in self._partitions:
            return
        self._partitions.add(name)
        context = "running_partitioned_network"
        self.log(
            "error",
            f"Mnesia({atom(self.name)}): ** ERROR ** mnesia_event got "
            f"{{inconsistent_database, {context}, {atom(name)}}}",
        )
        if self.release.is_4x:
            self.log("critical", f"Ekka(Monitor): Network partition detected from node {name}: {context}")
            self.log(
                "warning", f"[Alarm Handler] Alarm partition is activated, Partition occurs at node {name}"
            )
        else:
            self.log("critical", f"msg: Core cluster partition, context: {context}, from: {atom(name)}")
            self.log(
                "warning",
                f'msg: alarm_is_activated, message: <<"Partition occurs at node {name}">>, name: partition',
            )

    def partition_over(self) -> None:
        self._partitions.clear()
