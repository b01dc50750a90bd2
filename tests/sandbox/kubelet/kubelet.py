"""The whole process: all nodes, their servers, the switches, what the pods share. Assembly alone."""

import asyncio
import json
import logging
from contextlib import AsyncExitStack
from pathlib import Path

from . import identity
from .addresstable import AddressTable
from .api import UNREACHABLE, ApiClient, ApiError
from .backoff import Backoff
from .config import KubeletConfig, NodeConfig
from .context import NodeContext, Sandbox
from .controlserver import ControlServer
from .images import Programs
from .listening import listen
from .network import Outbound
from .node import Node
from .podnetwork import PodNetwork
from .pods import Pods
from .provisioner import Provisioner
from .resolver import Nameservers
from .server import KubeletServer
from .services import Services
from .sources import Sources
from .statuswriter import StatusWriter
from .switches import Switches

logger = logging.getLogger(__name__)


class Kubelet:
    """Serves until cancelled."""

    def __init__(self, config: KubeletConfig) -> None:
        self._config = config
        self._switches = Switches()
        self._network = PodNetwork(self._switches)
        self._table = AddressTable()

    async def serve(self) -> None:
        async with AsyncExitStack() as stack:
            outbound = Outbound(self._config.server, self._table, Nameservers(self._config.dns))
            stack.push_async_callback(outbound.close)
            sandbox = Sandbox(self._switches, self._network, outbound, Programs(), Services(), {})
            group = await stack.enter_async_context(asyncio.TaskGroup())
            nodes = [
                await self._start_node(index, node, sandbox, stack, group)
                for index, node in enumerate(self._config.nodes)
            ]
            self._start_provisioner(sandbox, stack, group)
            control = ControlServer(self._switches, self._network, self._table, nodes)
            runner, port = await listen(control.app(), self._config.control_port, None)
            stack.push_async_callback(runner.cleanup)
            _write(self._config.ready_file, {"control": f"http://127.0.0.1:{port}"})
            logger.info("%d nodes are ready; switches at port %d", len(nodes), port)
            await asyncio.Event().wait()

    async def _start_node(
        self, index: int, node: NodeConfig, sandbox: Sandbox, stack: AsyncExitStack, group: asyncio.TaskGroup
    ) -> Pods:
        client = identity.of_node(self._config, node)
        stack.push_async_callback(client.close)
        server = KubeletServer(self._switches)
        runner, port = await server.start(self._config, node.kubelet_port)
        stack.push_async_callback(runner.cleanup)
        pods = Pods(_context(index, node, client), sandbox)
        stack.push_async_callback(pods.stop)
        server.serve(pods)
        registration = Node(node.name, port, client)
        await _register(registration)
        if index == 0:
            group.create_task(sandbox.services.watch(client))
        group.create_task(registration.keep_alive())
        group.create_task(pods.watch())
        return pods

    def _start_provisioner(self, sandbox: Sandbox, stack: AsyncExitStack, group: asyncio.TaskGroup) -> None:
        if self._config.admin_kubeconfig is None:
            logger.warning("no admin_kubeconfig is given: volume claims stay pending")
            return
        client = identity.of_kubeconfig(self._config.admin_kubeconfig)
        stack.push_async_callback(client.close)
        folder = self._config.state_dir / "volumes"
        group.create_task(Provisioner(client, folder, sandbox.kept_volumes).watch())


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


def _write(path: Path, content: dict[str, str]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content))
    partial.replace(path)
