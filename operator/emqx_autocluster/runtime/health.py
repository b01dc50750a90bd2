"""/healthz, /readyz and /metrics: alive as long as this answers, ready once the watches have listed everything.

Whoever reaches the pod may open connections. So each lives for seconds, and beyond a number of them the oldest has to
go: a probe is answered within milliseconds, and what is held open is not one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from emqx_autocluster import metrics

_SECONDS = 5.0
"""For a request and its answer, whatever comes between."""
_MOST_OPEN = 200
_BACKLOG = 50
"""Connections that are taken in one go: far fewer than may be open, so that none has to go before it was read."""
_LONGEST = 8192
"""Bytes of a request's head."""

_METHODS = (b"GET", b"HEAD")
_BROKEN = (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError)


@asynccontextmanager
async def serve(address: str, port: int, ready: asyncio.Event) -> AsyncIterator[int]:
    """Serves while the context is open; gives the port, which differs from the one asked for if that is 0."""
    connections = _Connections(lambda head: _answer(head, ready))
    server = await asyncio.start_server(
        connections.take, address, port, limit=_LONGEST, backlog=_BACKLOG, reuse_address=True
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        connections.end()


class _Connections:
    def __init__(self, answer: Callable[[bytes], Awaitable[bytes]]) -> None:
        self._answer = answer
        self._open: dict[asyncio.StreamWriter, None] = {}
        """The oldest first."""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = None
        if len(self._open) > _MOST_OPEN:
            self._drop(next(iter(self._open)))
        try:
            async with asyncio.timeout(_SECONDS):
                writer.write(await self._answer(await reader.readuntil(b"\r\n\r\n")))
                await writer.drain()
            writer.close()
        except _BROKEN:
            writer.transport.abort()
        finally:
            self._open.pop(writer, None)

    def end(self) -> None:
        for writer in list(self._open):
            self._drop(writer)

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._open.pop(writer, None)
        writer.transport.abort()


async def _answer(head: bytes, ready: asyncio.Event) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in _METHODS:
        return _response(HTTPStatus.METHOD_NOT_ALLOWED, b"only GET and HEAD\n", body=True)
    body = method != b"HEAD"
    if path == b"/metrics":
        # Of many workloads that takes a while, and what else is to be done goes on meanwhile.
        text = await asyncio.to_thread(metrics.exposition)
        return _response(HTTPStatus.OK, text, body=body, content_type=metrics.CONTENT_TYPE)
    status, said = HTTPStatus.NOT_FOUND, b"/healthz, /readyz and /metrics are here\n"
    if path == b"/healthz" or (path == b"/readyz" and ready.is_set()):
        status, said = HTTPStatus.OK, b"ok\n"
    elif path == b"/readyz":
        status, said = HTTPStatus.SERVICE_UNAVAILABLE, b"the watches have not listed everything yet\n"
    return _response(status, said, body=body)


def _response(
    status: HTTPStatus, text: bytes, *, body: bool, content_type: str = "text/plain; charset=utf-8"
) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(text)}",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(head).encode() + (text if body else b"")
