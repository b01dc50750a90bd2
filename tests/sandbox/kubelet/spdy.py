"""The kubelet's other side of remote command: SPDY/3.1, as far as API servers and kubectl speak it.

An API server before 1.36 translates the WebSocket of its client to this, and kubectl before 1.30 speaks it by itself.
What comes is handed on as messages of the WebSocket protocol, so that commands see no difference.
"""

import asyncio
import struct
import zlib
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from aiohttp import WSMessage, WSMsgType, web

from .execchannel import CLOSE, ERROR, STDERR, STDIN, STDOUT

UPGRADE = "SPDY/3.1"
_PROTOCOL = "v4.channel.k8s.io"
_VERSIONS = "X-Stream-Protocol-Version"
_SWITCHING = "\r\n".join(
    (
        "HTTP/1.1 101 Switching Protocols",
        "Connection: Upgrade",
        f"Upgrade: {UPGRADE}",
        f"{_VERSIONS}: {_PROTOCOL}",
        "\r\n",
    )
)
_CONTROL = 0x8003
"""The first two bytes of a frame that is not data: version 3."""
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING = 1, 2, 3, 6
_FIN = 1
_FAREWELL = 2.0
"""Seconds that the client has to close; one that does not is cut off."""


def is_asked_for(request: web.Request) -> bool:
    """Whether this is a request for SPDY, and for the protocol that is served."""
    versions = ",".join(request.headers.getall(_VERSIONS, ()))
    return request.headers.get("Upgrade", "").upper() == UPGRADE and _PROTOCOL in versions


@contextmanager
def spoken(request: web.Request) -> Iterator["SPDYConnection"]:
    """The request's connection, which has no further request afterwards."""
    transport = cast("asyncio.Transport", request.transport)
    http = transport.get_protocol()
    connection = SPDYConnection(transport, _channels(request))
    transport.set_protocol(connection)
    transport.write(_SWITCHING.encode())
    try:
        yield connection
    finally:
        transport.set_protocol(http)
        transport.abort()
        if connection.lost:  # told to this protocol alone, and the other one would wait for it
            http.connection_lost(None)


def _channels(request: web.Request) -> Sequence[int]:
    """In the order in which client-go opens their streams: their names, which SPDY packs, need not be read."""
    asked = {name for name in ("input", "output", "error", "tty") if request.query.get(name) in {"1", "true"}}
    channels = [ERROR]
    channels += [STDIN] * ("input" in asked)
    channels += [STDOUT] * ("output" in asked)
    channels += [STDERR] * ("error" in asked and "tty" not in asked)
    return channels


class SPDYConnection(asyncio.Protocol):
    """Looks like a WebSocket to `ExecChannel`."""

    def __init__(self, transport: asyncio.Transport, channels: Sequence[int]) -> None:
        self.lost = False
        self._transport = transport
        self._unopened = deque(channels)
        self._opened = asyncio.Event()
        self._closed = asyncio.Event()
        self._streams: dict[int, int] = {}
        """By channel."""
        self._received = bytearray()
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._packing = zlib.compressobj()

    async def __aiter__(self) -> AsyncIterator[WSMessage]:
        while (message := await self._messages.get()) is not None:
            yield WSMessage(WSMsgType.BINARY, message, None)

    async def send_bytes(self, message: bytes) -> None:
        """The error channel has one message, the last of all."""
        await self._opened.wait()
        channel, data = message[0], message[1:]
        if channel in self._streams:
            self._send(self._streams[channel], data)
        if channel == ERROR:
            for stream in self._streams.values():
                self._send(stream, b"", _FIN)

    async def close(self) -> None:
        """The client closes once it has read all; before that it might lose the end."""
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._closed.wait()
        except TimeoutError:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= 8:
            first, second = struct.unpack_from(">II", self._received)
            end = 8 + (second & 0xFFFFFF)
            if len(self._received) < end:
                return
            body = bytes(self._received[8:end])
            del self._received[:end]
            self._take(first, second >> 24, body)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.lost = True
        self._over()

    def _take(self, first: int, flags: int, body: bytes) -> None:
        if first >> 16 == _CONTROL:
            self._control(first & 0xFFFF, body)
        elif first == self._streams.get(STDIN):
            self._messages.put_nowait(bytes([STDIN]) + body)
            if flags & _FIN:
                self._messages.put_nowait(bytes([CLOSE, STDIN]))

    def _control(self, kind: int, body: bytes) -> None:
        if kind == _SYN_STREAM:
            self._open(struct.unpack_from(">I", body)[0] & 0x7FFFFFFF)
        elif kind == _PING:
            self._frame(_CONTROL << 16 | _PING, 0, body)
        elif kind == _RST_STREAM:
            self._over()  # so a client ends that does not want any more

    def _open(self, stream: int) -> None:
        if self._unopened:
            self._streams[self._unopened.popleft()] = stream
        no_headers = self._packing.compress(struct.pack(">I", 0)) + self._packing.flush(zlib.Z_SYNC_FLUSH)
        self._frame(_CONTROL << 16 | _SYN_REPLY, 0, struct.pack(">I", stream) + no_headers)
        if not self._unopened:
            self._opened.set()

    def _over(self) -> None:
        self._closed.set()
        self._messages.put_nowait(None)

    def _send(self, stream: int, data: bytes, flags: int = 0) -> None:
        self._frame(stream, flags, data)

    def _frame(self, first: int, flags: int, body: bytes) -> None:
        self._transport.write(struct.pack(">II", first, flags << 24 | len(body)) + body)
