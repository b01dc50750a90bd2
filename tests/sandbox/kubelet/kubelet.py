"""The whole process: all nodes, their servers, the switches, what the pods share. Assembly alone."""

import asyncio
import json
import logging
from contextlib import AsyncExitStack
from pathlib import Path

from . import identity
from .addresstable import AddressTable
from .config import KubeletConfig
from .context import Sandbox
from .controlserver import ControlServer
from .images import Programs
from .listening import listen
from .machine import Machine
from .network import Outbound
from .podnetwork import PodNetwork
from .provisioner import Provisioner
from .resolver import Nameservers
from .services import Services
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
            machines = [
                await Machine.start(index, node, self._config, sandbox)
                for index, node in enumerate(self._config.nodes)
            ]
            for machine in machines:
                stack.push_async_callback(machine.stop)
                machine.run(group)
            self._start_services(sandbox, stack, group)
            self._start_provisioner(sandbox, stack, group)
            control = ControlServer(self._switches, self._network, self._table, machines)
            runner, port = await listen(control.app(), self._config.control_port, None)
            stack.push_async_callback(runner.cleanup)
            _write(self._config.ready_file, {"control": f"http://127.0.0.1:{port}"})
            logger.info("%d nodes are ready; switches at port %d", len(machines), port)
            await asyncio.Event().wait()

    def _start_services(self, sandbox: Sandbox, stack: AsyncExitStack, group: asyncio.TaskGroup) -> None:
        """With a client of its own: it goes on when a node has lost its power."""
        client = identity.of_node(self._config, self._config.nodes[0])
        stack.push_async_callback(client.close)
        group.create_task(sandbox.services.watch(client))

    def _start_provisioner(self, sandbox: Sandbox, stack: AsyncExitStack, group: asyncio.TaskGroup) -> None:
        if self._config.admin_kubeconfig is None:
            logger.warning("no admin_kubeconfig is given: volume claims stay pending")
            return
        client = identity.of_kubeconfig(self._config.admin_kubeconfig)
        stack.push_async_callback(client.close)
        folder = self._config.state_dir / "volumes"
        group.create_task(Provisioner(client, folder, sandbox.kept_volumes).watch())


def _write(path: Path, content: dict[str, str]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content))
    partial.replace(path)
