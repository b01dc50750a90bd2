"""Starts a whole sandbox, watches over it, and ends it.

It ends as a whole: when one part dies, when this process is told to stop, when the process that started it is
gone, and, by the kernel's hand, when this process itself is killed.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import binaries, clusterobjects, processes
from sandbox.addresses import Ports
from sandbox.controlplane import ControlPlane
from sandbox.handle import SandboxHandle
from sandbox.processes import Child
from sandbox.readiness import Probe, until
from sandbox.state import StateDirectory, write_json
from sandbox.telling import Progress, SandboxError

IMPORT_ROOT = Path(__file__).parents[1]
_THRIFTY = {"GOGC": "400"}
"""The parts written in Go collect their garbage less often: memory is not what a sandbox runs short of."""


@dataclass(frozen=True, slots=True)
class Options:
    nodes: int
    node_grace: str
    kubelet: bool
    with_parent: bool


async def run(folder: Path, options: Options, tell: Progress) -> None:
    """Starts a sandbox and stays until told to stop. Raises when a part does not start, or dies."""
    state = StateDirectory(folder.absolute())
    with state.occupied(), Ports() as ports:
        await Supervisor(state, ports, options, tell).run()


@dataclass(slots=True)
class Supervisor:
    state: StateDirectory
    ports: Ports
    options: Options
    tell: Progress
    _children: list[Child] = field(default_factory=list)
    _watchers: set[asyncio.Task[None]] = field(default_factory=set)
    _dead: asyncio.Queue[Child] = field(default_factory=asyncio.Queue)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _began: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        self._listen_for_the_end()
        try:
            if await self._unless_stopped(self._start()):
                await self._unless_stopped(asyncio.Event().wait())
        finally:
            await self._end()

    def _listen_for_the_end(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        if self.options.with_parent:
            # Readable once that process has ended, whichever of its threads started this one.
            loop.add_reader(os.pidfd_open(os.getppid()), self._stop.set)

    async def _unless_stopped(self, work: Coroutine[Any, Any, object]) -> bool:
        """Whether the work came to its end. A child's death is an error at any time."""
        working = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self._stop.wait())
        dead = asyncio.ensure_future(self._dead.get())
        done, pending = await asyncio.wait({working, stopped, dead}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if dead in done:
            raise _death(dead.result())
        if working in done:
            working.result()
        return working in done

    async def _start(self) -> None:
        self._link(await binaries.provide(self.tell))
        self._began = time.monotonic()
        plane = ControlPlane.prepare(self.state, self.ports)
        async with Probe.of(plane) as probe:
            await self._launch("etcd", plane.etcd())
            await until(probe.etcd_healthy, what="etcd")
            self._tell("etcd is ready")
            await self._launch("kube-apiserver", plane.api_server())
            await until(probe.api_server_ready, what="the API server's /readyz")
            self._tell("kube-apiserver is ready")
            await probe.create_all(clusterobjects.AT_START)
            await asyncio.gather(
                self._start_controllers(plane, probe),
                self._start_dns(plane, probe),
                self._start_kubelet(plane),
            )
        self._describe(plane)

    def _link(self, paths: Mapping[str, Path]) -> None:
        for name, path in paths.items():
            (self.state.binaries / name).symlink_to(path)

    async def _start_controllers(self, plane: ControlPlane, probe: Probe) -> None:
        await self._launch(
            "kube-controller-manager", plane.controller_manager(node_grace=self.options.node_grace)
        )
        await self._launch("kube-scheduler", plane.scheduler())
        await until(probe.default_service_account_there, what="the ServiceAccount default")
        self._tell("kube-controller-manager and kube-scheduler are at work")

    async def _start_dns(self, plane: ControlPlane, probe: Probe) -> None:
        await self._launch("coredns", plane.coredns())
        await probe.create_all([clusterobjects.dns_config(self.state.corefile.read_text())])
        await until(probe.coredns_ready, what="CoreDNS's /ready")
        await until(probe.kubernetes_name_resolves, what="CoreDNS's answer to kubernetes.default")
        self._tell("coredns answers")

    async def _start_kubelet(self, plane: ControlPlane) -> None:
        if not self.options.kubelet:
            return
        write_json(self.state.kubelet_config, plane.kubelet_config(nodes=self.options.nodes))
        await self._launch(
            "kubelet",
            (sys.executable, "-m", "sandbox.kubelet", "--config", str(self.state.kubelet_config)),
            {"PYTHONPATH": str(IMPORT_ROOT)},
        )
        await until(self._kubelet_ready, what="a Ready node")
        self._tell("all nodes are Ready")

    async def _kubelet_ready(self) -> bool:
        return self.state.kubelet_ready.exists()

    async def _launch(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        log = self.state.logs / f"{name}.log"
        child = await processes.start(name, command, log, os.environ | _THRIFTY | dict(environment or {}))
        self._children.append(child)
        self._watchers.add(asyncio.create_task(self._watch(child)))

    async def _watch(self, child: Child) -> None:
        await child.process.wait()
        self._dead.put_nowait(child)

    def _describe(self, plane: ControlPlane) -> None:
        """Last of all: who finds sandbox.json finds everything ready."""
        control = json.loads(self.state.kubelet_ready.read_text())["control"] if self.options.kubelet else ""
        SandboxHandle(
            kubeconfig=self.state.admin_kubeconfig,
            server=plane.server,
            ca=plane.authority.certificate_file,
            dns=plane.dns,
            etcd=plane.etcd_server,
            audit_log=self.state.audit_log,
            control=control,
            kubectl_path=self.state.binaries / "kubectl",
            bin=self.state.binaries,
            pid=os.getpid(),
        ).save(self.state.description)
        self._tell(f"the sandbox is ready, described in {self.state.description}")
        self.tell(f"\n    export KUBECONFIG={self.state.admin_kubeconfig}\n")
        self.tell(f"It stops with Ctrl-C, or with: kill {os.getpid()}")

    def _tell(self, line: str) -> None:
        self.tell(f"{time.monotonic() - self._began:5.1f} s  {line}")

    async def _end(self) -> None:
        """Hard: nothing here has to survive, and an API server told nicely waits up to 60 s for open watches."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*(child.kill() for child in self._children))


def _death(child: Child) -> SandboxError:
    return SandboxError(
        f"{child.name} has ended with exit code {child.process.returncode}; the end of its log {child.log}:\n"
        f"{child.last_lines()}"
    )
