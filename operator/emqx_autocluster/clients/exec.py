"""Runs a command in a container: the exec channel over WebSocket, with a deadline on everything.

The client library's exec is not used: it offers only v4, ignores the status channel, and has no deadline.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from http import HTTPStatus
from typing import Any

import aiohttp

from emqx_autocluster import metrics
from emqx_autocluster.clients import paths, patience
from emqx_autocluster.clients.errors import (
    APIError,
    ContainerNotRunning,
    ExecBroken,
    ExecError,
    ExecRefused,
    ExecTimedOut,
    Unavailable,
)
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.clients.patience import Patience
from emqx_autocluster.clients.turns import Turns

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
MOST_OUTPUT = 256 * 1024
"""Bytes; what a large cluster of long names prints is a tenth of it."""

# The words of the API server, the kubelet, containerd and CRI-O.
_NOT_RUNNING = re.compile(
    r"container not found|pod does not exist|does not have a host assigned|completed pod|not running"
    r"|stopped state|CONTAINER_(EXITED|CREATED|UNKNOWN)|not created or running|is stopped|not started",
    re.IGNORECASE,
)
# The kubelet's, which has asked the runtime, and those of the runtimes themselves.
_OF_THE_RUNTIME = re.compile(r"error executing command in container|OCI runtime|executable file not found")


class Channel(IntEnum):
    STDIN = 0
    STDOUT = 1
    STDERR = 2
    STATUS = 3


@dataclass(frozen=True, slots=True)
class ExecTarget:
    namespace: str
    pod: str
    container: str
    workload: str = ""
    """Whose the pod is, where that is known: each has its share of the slots."""

    def __str__(self) -> str:
        return f"{self.pod}/{self.container}"


@dataclass(frozen=True, slots=True)
class Completed:
    """The command ran to its end, whatever its exit code says."""

    exit_code: int
    stdout: bytes
    stderr: bytes


_UNREACHED_SECONDS = 5.0
"""An API server that has tried for so long to reach a kubelet has met one that is gone, and not one that refuses."""


class Exec:
    """Commands in containers, at most `limit` at the same time."""

    def __init__(self, kube: Kube, limit: int) -> None:
        self._kube = kube
        self._turns = Turns(limit)

    async def run(
        self, target: ExecTarget, argv: Sequence[str], deadline: float, *, prompt: bool = False
    ) -> Completed:
        """The deadline covers connecting, the handshake and reading; waiting for a free slot is not part of it.

        Within `patience` all of it ends when that does. `prompt`: the command takes no time in any pod that is reached.
        """
        shared = patience.current()
        _spare(target, argv, shared)
        limit: asyncio.Timeout | None = None
        try:
            async with (
                asyncio.timeout_at(shared.until if shared else None),
                self._turns.slot(target.namespace, target.workload or target.pod),
                asyncio.timeout(deadline) as limit,  # it counts from where it stands
            ):
                with metrics.timed(metrics.EXECS.labels(argv[0]).observe):
                    return await self._heard(target, argv, limit)
        except TimeoutError:
            error = _too_late(f"{argv[0]} in {target}", target.pod, deadline, shared)
            if shared and prompt and limit and limit.expired():
                shared.unanswered(target.pod)
            raise error from None

    async def _heard(self, target: ExecTarget, argv: Sequence[str], limit: asyncio.Timeout) -> Completed:
        shared, loop = patience.current(), asyncio.get_running_loop()
        if shared is None:
            return await self._run(target, argv)
        _spare(target, argv, shared)  # once more: to get a slot may have taken long
        began = loop.time()
        try:
            with shared.waiting(target.pod, limit):
                return await self._run(target, argv)
        except Unavailable:
            if loop.time() - began >= _UNREACHED_SECONDS:
                shared.unanswered(target.pod)
            raise

    async def _run(self, target: ExecTarget, argv: Sequence[str]) -> Completed:
        query = [("container", target.container), ("stdout", "true"), ("stderr", "true")]
        query += [("command", argument) for argument in argv]
        path = paths.pod_exec(target.namespace, target.pod)
        output = _Output()
        try:
            async with self._kube.websocket(path, query, PROTOCOLS, MOST_OUTPUT) as channel:
                if channel.protocol not in PROTOCOLS:
                    raise ExecBroken(f"the server speaks none of {', '.join(PROTOCOLS)}")
                async for message in channel:
                    output.add(message)
        except APIError as error:
            raise _refused_handshake(error) from error
        return output.completed()


def _spare(target: ExecTarget, argv: Sequence[str], shared: Patience | None) -> None:
    if shared and target.pod in shared.silent:
        shared.spared += 1
        raise ExecTimedOut(
            f"{argv[0]} in {target} was not tried, since the pod answered nothing a moment ago"
        )


def _too_late(what: str, pod: str, deadline: float, shared: Patience | None) -> ExecTimedOut:
    if shared is None:
        return ExecTimedOut(f"{what} did not end within {deadline:g} s")
    shared.lost += 1
    if asyncio.get_running_loop().time() >= shared.until:
        return ExecTimedOut(f"{what} was not over when the {shared.seconds:g} s of one look were")
    if pod in shared.silent:
        return ExecTimedOut(f"{what} was given up, since the pod answered nothing else either")
    return ExecTimedOut(f"{what} did not end within {deadline:g} s")


@dataclass(slots=True)
class _Output:
    channels: dict[int, bytearray] = field(
        default_factory=lambda: {channel: bytearray() for channel in Channel}
    )
    size: int = 0

    def add(self, message: aiohttp.WSMessage) -> None:
        if message.type is not aiohttp.WSMsgType.BINARY:
            raise ExecBroken(f"the exec channel brought a {message.type.name} message")
        number, data = message.data[0] if message.data else Channel.STDIN, message.data[1:]
        if number not in self.channels:
            raise ExecBroken(f"the exec channel brought an unknown stream, {number}")
        self.size += len(data)
        if self.size > MOST_OUTPUT:
            raise ExecBroken(f"the command wrote more than {MOST_OUTPUT} bytes")
        self.channels[number] += data

    def completed(self) -> Completed:
        return Completed(
            exit_code=_exit_code(bytes(self.channels[Channel.STATUS])),
            stdout=bytes(self.channels[Channel.STDOUT]),
            stderr=bytes(self.channels[Channel.STDERR]),
        )


def _exit_code(status: bytes) -> int:
    if not status:
        raise ExecBroken("the exec channel was closed without a status")
    try:
        answer = json.loads(status)
    except (ValueError, RecursionError) as error:
        raise ExecBroken("the exec channel's status is no JSON") from error
    if not isinstance(answer, dict):
        raise ExecBroken("the exec channel's status is no object")
    if answer.get("status") == "Success":
        return 0
    if answer.get("reason") == "NonZeroExitCode":
        return _cause(answer, "ExitCode")
    raise _refusal(answer)


def _cause(answer: dict[str, Any], reason: str) -> int:
    try:
        causes = answer["details"]["causes"]
        return int(next(cause["message"] for cause in causes if cause["reason"] == reason))
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise ExecBroken("the exec channel's status has no exit code") from error


def _refusal(answer: dict[str, Any]) -> APIError | ExecError:
    """An API server that speaks SPDY to the kubelet (all before Kubernetes 1.36) has shaken hands before it dials.

    So it tells here, too, that no kubelet could be reached. That passes, and says nothing about the container.
    """
    reason = str(answer.get("reason") or "")
    message = str(answer.get("message") or reason or "no reason given")
    if _NOT_RUNNING.search(message):
        return ContainerNotRunning(message)
    if answer.get("code") == HTTPStatus.INTERNAL_SERVER_ERROR and not _OF_THE_RUNTIME.search(message):
        return Unavailable(HTTPStatus.INTERNAL_SERVER_ERROR, reason, message)
    return ExecRefused(message)


def _refused_handshake(error: APIError) -> APIError | ExecError:
    """A pod that is gone and a container that does not run are told apart from a server that cannot answer."""
    said = error.message or error.reason
    if error.status == HTTPStatus.NOT_FOUND or _NOT_RUNNING.search(said):
        return ContainerNotRunning(said)
    return ExecRefused(said) if error.status == HTTPStatus.BAD_REQUEST else error
