"""Passing one request on: plain, streamed as it comes, or as a WebSocket in both directions."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain

import aiohttp
from aiohttp import web
from yarl import URL

from .faults import Fault

_OF_THIS_HOP = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "date",
        "host",
        "keep-alive",
        "server",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(eq=False, slots=True)
class Stream:
    """A request under way; watches and exec channels stay so for long."""

    request: web.Request
    flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.flowing.set()

    def abort(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()


class _RefusedUpgradeError(Exception):
    def __init__(self, status: int, body: bytes, content_type: str) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.content_type = content_type


@dataclass(frozen=True, slots=True)
class Passage:
    """The way to the API server."""

    session: aiohttp.ClientSession

    async def through(self, stream: Stream, target: URL, faults: Sequence[Fault]) -> web.StreamResponse:
        if stream.request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._channel(stream, target, faults)
        return await self._plain(stream, target, faults)

    async def _plain(self, stream: Stream, target: URL, faults: Sequence[Fault]) -> web.StreamResponse:
        request = stream.request
        async with self.session.request(
            request.method,
            target,
            headers=[*_end_to_end(request.headers), ("Accept-Encoding", "identity")],
            data=await request.read() or None,
            allow_redirects=False,
        ) as answer:
            response = web.StreamResponse(status=answer.status, headers=_end_to_end(answer.headers))
            await response.prepare(request)
            for block in chain.from_iterable(fault.padding() for fault in faults):
                await response.write(block)
            async for data in answer.content.iter_any():
                await stream.flowing.wait()
                await response.write(data)
            await response.write_eof()
        return response

    async def _channel(self, stream: Stream, target: URL, faults: Sequence[Fault]) -> web.StreamResponse:
        request = stream.request
        offered = [p.strip() for p in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        try:
            behind = await self._upgraded(target, offered, request.headers.get("Authorization", ""))
        except _RefusedUpgradeError as error:
            return web.Response(status=error.status, body=error.body, content_type=error.content_type)
        async with behind:
            front = web.WebSocketResponse(
                protocols=[behind.protocol] if behind.protocol else (), max_msg_size=0, compress=False
            )
            await front.prepare(request)
            await _converse(front, behind, stream, faults)
        return front

    async def _upgraded(
        self, target: URL, protocols: Sequence[str], authorization: str
    ) -> aiohttp.ClientWebSocketResponse:
        return await self.session.ws_connect(
            target, protocols=protocols, max_msg_size=0, headers={"Authorization": authorization}
        )


async def refusals(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A middleware: aiohttp throws away what a server says that refuses a WebSocket, and the client wants to know."""
    response = await handler(request)
    if "Upgrade" in request.headers and response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        raise _RefusedUpgradeError(response.status, await response.read(), response.content_type)
    return response


async def _converse(
    front: web.WebSocketResponse,
    behind: aiohttp.ClientWebSocketResponse,
    stream: Stream,
    faults: Sequence[Fault],
) -> None:
    """Until one side ends, or a fault ends both."""
    talks = [asyncio.create_task(fault.talk()) for fault in faults]
    outwards = asyncio.create_task(_outwards(front, behind, stream, faults))
    inwards = asyncio.create_task(_inwards(front, behind))
    tasks = {outwards, inwards, *talks}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await front.close()


async def _outwards(
    front: web.WebSocketResponse,
    behind: aiohttp.ClientWebSocketResponse,
    stream: Stream,
    faults: Sequence[Fault],
) -> None:
    async for message in behind:
        data = bytes(message.data)
        await stream.flowing.wait()
        for fault in faults:
            data = await fault.frame(data)
        await front.send_bytes(data)


async def _inwards(front: web.WebSocketResponse, behind: aiohttp.ClientWebSocketResponse) -> None:
    async for message in front:
        await behind.send_bytes(bytes(message.data))


def _end_to_end(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _OF_THIS_HOP and not name.lower().startswith("sec-websocket-")
    ]
