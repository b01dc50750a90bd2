"""The kubelet's side of remote command by messages of WebSocket: v5.channel.k8s.io and v4.channel.k8s.io.

The first byte of each message is its channel; v5 adds the close signal, by which standard input can end.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Protocol

from aiohttp import WSMessage, WSMsgType

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, CLOSE = 0, 1, 2, 3, 255
_SOON = 0.2
"""Seconds to wait for input on behalf of a command that perhaps does not read any."""


class Messages(Protocol):
    """A WebSocket, or what looks like one."""

    def __aiter__(self) -> AsyncIterator[WSMessage]: ...

    async def send_bytes(self, data: bytes) -> None: ...

    async def close(self) -> Any: ...


class ExecChannel:
    def __init__(self, socket: Messages, *, expects_stdin: bool) -> None:
        self._socket = socket
        self._input: list[bytes] = []
        self._input_ended = asyncio.Event()
        self._output: asyncio.Queue[bytes | None] = asyncio.Queue()
        if not expects_stdin:
            self._input_ended.set()

    async def receive(self) -> None:
        """Read what the client sends until it goes away."""
        async for message in self._socket:
            if message.type is not WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel == STDIN:
                self._input.append(data)
            elif channel == CLOSE and data[:1] == bytes([STDIN]):
                self._input_ended.set()
        self._input_ended.set()

    async def send(self) -> None:
        """Send what the command writes until `finish`."""
        while (message := await self._output.get()) is not None:
            await self._socket.send_bytes(message)

    async def close(self) -> None:
        await self._socket.close()

    async def all(self) -> bytes:
        await self._input_ended.wait()
        return b"".join(self._input)

    async def soon(self) -> bytes:
        try:
            async with asyncio.timeout(_SOON):
                await self._input_ended.wait()
        except TimeoutError:
            pass
        return b"".join(self._input)

    def out(self, data: bytes) -> None:
        self._write(STDOUT, data)

    def err(self, data: bytes) -> None:
        self._write(STDERR, data)

    def finish(self, status: dict[str, Any]) -> None:
        """Tell how the command ended, as a metav1.Status."""
        self._write(ERROR, json.dumps(status).encode())
        self._output.put_nowait(None)

    def _write(self, channel: int, data: bytes) -> None:
        if data:
            self._output.put_nowait(bytes([channel]) + data)


def exit_status(code: int) -> dict[str, Any]:
    """Say how a command ended that ran."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit code {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def runtime_failure(text: str) -> dict[str, Any]:
    """Say that the container runtime could not start the command."""
    message = f"error executing command in container: {text}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {message}",
        "reason": "InternalError",
        "details": {"causes": [{"message": message}]},
        "code": 500,
    }


def not_found(command: str) -> dict[str, Any]:
    """Say in containerd's words that the image has no such command."""
    return runtime_failure(
        "failed to exec in container: failed to start exec: OCI runtime exec failed: exec failed: "
        f'unable to start container process: exec: "{command}": executable file not found in $PATH: unknown'
    )
