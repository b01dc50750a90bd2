"""Keeps an operator running as Kubernetes does: starts it again when it ended by itself, later and later."""

import asyncio
import re
import signal
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from running import RunningOperator
from sandbox.faultgate import FaultGate
from sandbox.handle import SandboxHandle

RESTART_SECONDS = (0.0, 10.0, 20.0, 40.0)
"""The kubelet's delays before it starts an ended container again."""
STOP_SECONDS = 30.0
"""terminationGracePeriodSeconds of a pod that does not say otherwise."""

_POLL = 0.05


@dataclass(slots=True)
class Keeper:
    running: RunningOperator
    starts: int = 1
    exits: list[int] = field(default_factory=list)
    """Exit codes, negative for signals, of each process that ended without being asked to by a test."""
    _keeping: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, sandbox: SandboxHandle, gate: FaultGate, **settings: str) -> Self:
        return cls(RunningOperator.start(replace(sandbox, server=gate.server), **settings))

    async def __aenter__(self) -> Self:
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave_alone()
        print(self.log.read_text(errors="replace")[-20000:])
        self.running.stop()

    @property
    def log(self) -> Path:
        return self.running.log

    @property
    def kubeconfig(self) -> Path:
        return Path(self.running.environment["EMQX_AUTOCLUSTER_KUBECONFIG"])

    @property
    def pid(self) -> int:
        return self.running.process.pid

    def says(self, text: str) -> int:
        """How often the log, of all its processes, has this."""
        return self.log.read_text(errors="replace").count(text)

    async def until_watching(self, seconds: float = 120) -> None:
        """Until the process of now says on /readyz that its watches have listed everything."""
        async with aiohttp.ClientSession() as session:
            try:
                async with asyncio.timeout(seconds):
                    while not await self._is_ready(session):
                        await asyncio.sleep(_POLL)
            except TimeoutError:
                raise AssertionError(
                    f"not within {seconds:g} s: /readyz of the operator; ended before with {self.exits}"
                ) from None

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        ports = re.findall(r"health endpoints on port (\d+)", self.log.read_text(errors="replace"))
        if len(ports) < self.starts:
            return False
        async with session.get(f"http://127.0.0.1:{ports[-1]}/readyz") as answer:
            return answer.status == HTTPStatus.OK

    async def kill(self) -> None:
        """As the kernel does: without notice. Started again at once."""
        await self._leave_alone()
        self.running.process.kill()
        await self._ended()
        self._start()

    async def terminate(self) -> tuple[int, float]:
        """As Kubernetes stops a pod; exit code and seconds that it took. Not started again."""
        await self._leave_alone()
        began = asyncio.get_running_loop().time()
        self.running.process.send_signal(signal.SIGTERM)
        code = await self._ended()
        return code, asyncio.get_running_loop().time() - began

    def start(self) -> None:
        """After `terminate`."""
        self._start()

    def _start(self) -> None:
        self._again()
        self._keeping = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            self.exits.append(await self._ended(None))
            await asyncio.sleep(RESTART_SECONDS[min(len(self.exits), len(RESTART_SECONDS)) - 1])
            self._again()

    def _again(self) -> None:
        self.starts += 1
        self.running.again()

    async def _ended(self, seconds: float | None = STOP_SECONDS) -> int:
        try:
            async with asyncio.timeout(seconds):
                while (code := self.running.process.poll()) is None:
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise AssertionError(
                f"not within {seconds:g} s: the operator's end, process {self.pid}"
            ) from None
        return code

    async def _leave_alone(self) -> None:
        if self._keeping:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
