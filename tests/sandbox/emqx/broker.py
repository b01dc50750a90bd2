"""The stand-in EMQX as a container's main process: entrypoint, boot, service, shutdown."""

import asyncio
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import cast

from sandbox.emqx import configuration, connections, console, terms
from sandbox.emqx.connections import RPC_PORT
from sandbox.emqx.ctl import Ctl, Shell
from sandbox.emqx.entrypoint import DEFAULT_COOKIE, Entered, EntrypointError, RefusedError, enter
from sandbox.emqx.fabric import Fabric
from sandbox.emqx.generations import release_of
from sandbox.emqx.membership import IncompatibleSchemaError
from sandbox.emqx.node import Node
from sandbox.emqx.terms import atom
from sandbox.kubelet.container import CommandNotFound, Refused, Response, TCPSocket, World

DATA_DIR = "/opt/emqx/data/mnesia"
EMQX_VARS = "/opt/emqx/releases/emqx_vars"
USERS = "mnesia:dirty_all_keys(emqx_admin)."
"""The one expression that `emqx eval` knows: which dashboard users this member has."""
BEAM_STARTS = 0.3  # share of the boot after which the VM's process exists
VM_ANSWERS = 0.85  # and after which it answers pings
TABLE_WARNING_SECONDS = 30


class StandInEMQX:
    """A Program of the sandbox's kubelet that behaves as the EMQX version of its image does in clustering."""

    def __init__(self, world: World, fabric: Fabric) -> None:
        """Prepare a container: the image's files, and what its entrypoint makes of the environment."""
        self._world = world
        self._fabric = fabric
        self._release = release_of(world.image_version)
        self._stop = asyncio.Event()
        self._process = False
        self._node: Node | None = None
        self._failed: str | None = None
        self._entered: Entered | None = None
        world.files[EMQX_VARS] = self._vars()
        hosts = world.files.get("/etc/hosts", b"").decode()
        try:
            enterprise = world.image_repository.endswith(("-enterprise", "-ee"))
            self._entered = enter(
                self._release,
                world.env,
                world.hostname,
                world.ip,
                hosts,
                enterprise=enterprise,
                in_file=configuration.variables(self._release, world.files),
            )
        except (EntrypointError, RefusedError) as failure:
            self._failed = str(failure)

    @property
    def environ(self) -> Mapping[str, str]:
        """PID 1's environment after the entrypoint."""
        return self._entered.environ if self._entered else self._world.env

    @property
    def node(self) -> Node | None:
        """The node, once the container has started; for tests."""
        return self._node

    def terminate(self) -> None:
        """SIGTERM."""
        self._stop.set()

    async def run(self) -> int:
        """Boot, serve until SIGTERM, shut down; cancelled: the VM is gone at once."""
        if self._entered is None:
            if self._failed:
                self._world.log(self._failed)
            return 1
        node = self._node = Node(self._world, self._fabric, self._release, self._entered, self._disc())
        try:
            return await self._live(node, self._entered)
        except IncompatibleSchemaError as other:
            node.log(
                "error",
                f"Mnesia({atom(node.name)}): ** FATAL ** Failed to merge schema: Incompatible schema cookies. "
                f"Please, restart from old database. {atom(str(other))}",
            )
            return 1
        finally:
            self._process = False
            node.vm_down()

    async def _live(self, node: Node, entered: Entered) -> int:
        boot: asyncio.Future[object] = asyncio.ensure_future(self._boot(node, entered))
        stop: asyncio.Future[object] = asyncio.ensure_future(self._stop.wait())
        died = cast("asyncio.Future[object]", node.died)
        try:
            await asyncio.wait({boot, stop, died}, return_when=asyncio.FIRST_COMPLETED)
            if boot.done():
                boot.result()
                await asyncio.wait({stop, died}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            boot.cancel()
            stop.cancel()
        if node.died.done():
            return node.died.result()
        await self._shut_down(node)
        return 0

    async def _boot(self, node: Node, entered: Entered) -> None:
        seconds = self._boot_seconds(node.pace)
        if entered.cookie == DEFAULT_COOKIE:
            node.say(*console.default_cookie_warning(self._release))
        if not self._release.is_4x:
            node.say(*console.overrides(dict(entered.environ), entered.unknown))
        if entered.unknown:
            node.log("warning", console.unknown_variables(entered.unknown))
        await self._fabric.sleep(seconds * BEAM_STARTS)
        self._process = True
        await self._fabric.sleep(seconds * (VM_ANSWERS - BEAM_STARTS))
        node.vm_up()
        node.database.start()
        await self._load_tables(node)
        await self._fabric.sleep(seconds * (1 - VM_ANSWERS))
        if node.replicant:
            node.spawn(node.replicant.run())
            return
        node.start_apps(boot=True)

    def _boot_seconds(self, pace: float) -> float:
        given = self._world.switches.get("boot_seconds")
        if given:
            return float(given)
        usual = self._fabric.between(6.8, 7.3) if self._release.is_4x else self._fabric.between(3.7, 4.3)
        return usual * pace

    async def _load_tables(self, node: Node) -> None:
        """A node whose fellows went down after it waits for them, or for one that has the tables."""
        if node.database.fresh:
            self._first_data(node)
        waited = 0
        while not self._may_load(node):
            if waited % TABLE_WARNING_SECONDS == TABLE_WARNING_SECONDS - 1:
                module = "ekka_mnesia" if self._release.is_4x else "mria_mnesia"
                node.log(
                    "warning", f"{module}: still waiting for table(s): [emqx_retainer_message,emqx_banned]"
                )
            waited += 1
            await self._fabric.sleep(1.0)
        node.database.loaded = True

    def _first_data(self, node: Node) -> None:
        tables = node.database.schema.tables
        tables.setdefault("dashboard_users", {"admin": "public"})
        count = int(self._world.switches.get("retained", "0"))
        tables.setdefault("retained", {f"sensor/{index}": "1" for index in range(count)})

    def _may_load(self, node: Node) -> bool:
        if self._world.switches.get("tables") == "wait":
            return False
        schema = node.database.schema
        others = [self._fabric.peer(node, name) for name in schema.db_nodes - {node.name}]
        up = [other.database for other in others if other is not None and other.database.up]
        if node.database.in_cluster and up:
            node.database.connect(up)
            self._fabric.watch()
        loaded = [database for database in up if database.loaded]
        if loaded:
            schema.tables = {table: dict(rows) for table, rows in loaded[0].schema.tables.items()}
            return True
        return schema.last_running <= {database.name for database in up}

    async def _shut_down(self, node: Node) -> None:
        """5.x stops its applications first, and can be joined meanwhile; 4.x stops the VM at once."""
        if not node.answers:
            return

        def between(low: float, high: float) -> float:
            return self._fabric.between(low, high) * node.pace

        if self._release.is_4x:
            node.ending = True
            node.serving = False
            await self._fabric.sleep(between(0.7, 1.0))
        else:
            if node.serving:
                node.say(*console.stopped(self._release))
            node.serving = False
            await self._fabric.sleep(between(0.7, 1.1))
            node.ending = True
        node.library_up = False
        await self._fabric.sleep(between(0.1, 0.3))
        node.database.stop()
        await self._fabric.sleep(between(0.1, 0.3))

    def http(self, port: int, path: str) -> Response:
        """Answer the status page and nothing else."""
        if not self.listens(port):
            raise Refused
        own_port, own_path = self._release.status_endpoint
        page, _, query = path.partition("?")
        if port != own_port or page != own_path or self._node is None:
            return Response(404)
        if "format=json" in query and self._release.number >= (5, 0, 25):
            version = (
                '"cluster":"emqxcl"' if self._release.number >= (5, 9, 0) else f'"rel_vsn":"v{self._release}"'
            )
            body = (
                f'"node_name":"{self._node.name}",{version},"broker_status":"started","app_status":"running"'
            )
            return Response(200, "{" + body + "}")
        return Response(200, f"Node {self._node.name} is started\nemqx is running")

    def listens(self, port: int) -> bool:
        return port in self._listening()

    def _listening(self) -> set[int]:
        """The distribution listens as long as the VM runs, everything else while the applications do.

        The switch `closed_ports` takes ports away, as `emqx_ctl listeners stop` does.
        """
        if self._node is None or not self._node.answers:
            return set()
        if not self._node.serving:
            return {self._node.port}
        closed = self._world.switches.get("closed_ports", "").replace(",", " ").split()
        applications = {*console.MQTT_PORTS, 18083, self._release.status_endpoint[0], RPC_PORT}
        return {self._node.port} | (applications - set(map(int, closed)))

    def sockets(self) -> list[TCPSocket]:
        """What it listens on, and its connections with other nodes."""
        if self._node is None:
            return []
        listening = [
            TCPSocket("0.0.0.0", port, inode=self._node.inode(port))  # noqa: S104
            for port in sorted(self._listening())
        ]
        return listening + connections.of(self._node)

    async def execute(
        self,
        argv: Sequence[str],
        stdin: bytes,  # noqa: ARG002 - no command of EMQX that is modelled reads it
        out: Callable[[bytes], None],
        err: Callable[[bytes], None],
    ) -> int:
        """Run emqx_ctl or emqx; raises CommandNotFound for anything else."""
        command = argv[0].rpartition("/")[2] if argv else ""
        if command not in {"emqx_ctl", "emqx"} or self._entered is None:
            raise CommandNotFound
        shell = Shell(lambda text: out(text.encode()), lambda text: err(text.encode()))
        if command == "emqx_ctl":
            return await self._ctl(argv[1:], shell)
        if list(argv[1:2]) == ["ctl"] and self._release.has_emqx_ctl_subcommand:
            return await self._ctl(argv[2:], shell)
        if list(argv[1:]) == ["eval", USERS] and self._node is not None and self._node.serving:
            shell.out(terms.binaries(self._node.database.schema.tables.get("dashboard_users", {})) + "\n")
            return 0
        shell.err("Usage: emqx COMMAND [help]\n")
        return 1

    async def _ctl(self, args: Sequence[str], shell: Shell) -> int:
        """Before the VM's process exists, 5.0.18 and later fall back to the name in the shipped configuration."""
        if self._node is None or self._entered is None:
            await self._fabric.sleep(0.5)
            shell.err("Node 'emqx@127.0.0.1' not responding to pings.\n")
            return 1
        name = self._entered.node_name
        if not self._process and self._release.number >= (5, 0, 18):
            if {"EMQX_NODE_NAME", "EMQX_NODE__NAME"} & self._world.env.keys():
                shell.err(f"ERROR: Node {name} is not running?\n")
                return 1
            name = "emqx@127.0.0.1"
        return await Ctl(self._node, shell).run(args, shown_name=name)

    def _vars(self) -> bytes:
        lines = [
            "######################################################################",
            "## emqx_vars",
            "######################################################################",
            "RUNNER_ROOT_DIR=/opt/emqx",
            f'REL_VSN="{self._release}"',
            'REL_NAME="emqx"',
        ]
        if self._release.is_4x:
            lines.append('## REL_VSN="new_version"')
        return ("\n".join(lines) + "\n").encode()

    def _disc(self) -> MutableMapping[str, object]:
        """The data directory: on the volume whose mount path holds it, else new with each container."""
        for path, volume in self._world.volumes.items():
            if isinstance(volume, dict) and f"{DATA_DIR}/".startswith(path.rstrip("/") + "/"):
                return cast("MutableMapping[str, object]", volume)
        return {}
