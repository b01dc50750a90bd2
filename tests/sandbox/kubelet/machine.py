"""One hollow node as it runs: its Lease, its pods, its server; and its sudden end."""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Self

from sandbox.addresses import LOOPBACK

from . import identity
from .api import UNREACHABLE, ApiClient, ApiError
from .backoff import Backoff
from .config import KubeletConfig, NodeConfig
from .context import NodeContext, Sandbox
from .node import Node
from .pods import Pods
from .server import KubeletServer
from .sources import Sources
from .statuswriter import StatusWriter

logger = logging.getLogger(__name__)


class Machine:
    def __init__(self, name: str, pods: Pods, node: Node, port: int) -> None:
        self.name = name
        self.pods = pods
        self._node = node
        self._port = port
        self._powered = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, index: int, node: NodeConfig, config: KubeletConfig, sandbox: Sandbox) -> Self:
        """Its server answers and its Node is registered; it goes on with `run`."""
        client = identity.of_node(config, node)
        server = KubeletServer(sandbox.switches)
        runner, port = await server.start(config, node.kubelet_port)
        machine = cls(
            node.name, Pods(_context(index, node, client), sandbox), Node(node.name, port, client), port
        )
        machine._powered.push_async_callback(client.close)
        machine._powered.push_async_callback(runner.cleanup)
        machine._powered.push_async_callback(machine.pods.stop)
        server.serve(machine.pods)
        await _register(machine._node)
        return machine

    def run(self, group: asyncio.TaskGroup) -> None:
        self._tasks = [group.create_task(self._node.keep_alive()), group.create_task(self.pods.watch())]

    async def lose_power(self) -> None:
        """No word of it any more, to nobody: whoever connects waits, as for a machine that is gone."""
        await self.stop()
        await asyncio.start_server(_say_nothing, LOOPBACK, self._port)

    async def stop(self) -> None:
        """The pods stay in the API."""
        for task in self._tasks:
            task.cancel()
        await self._powered.aclose()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.read()
    finally:
        writer.close()


def _context(index: int, node: NodeConfig, client: ApiClient) -> NodeContext:
    # a label, as the pod IPs are: the node's real address is 127.0.0.1 for all of them
    ip = f"10.0.{1 + index // 250}.{1 + index % 250}"
    return NodeContext(node.name, ip, client, Sources(client), StatusWriter(client))


async def _register(node: Node) -> None:
    backoff = Backoff(0.2, 5)
    while True:
        try:
            await node.register()
        except (ApiError, *UNREACHABLE) as error:
            logger.warning("registration: %s", error or type(error).__name__)
            await asyncio.sleep(backoff.next())
        else:
            return
