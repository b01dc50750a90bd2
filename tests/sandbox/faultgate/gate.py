"""The gate itself: a TLS server on 127.0.0.1 that passes requests on, and what a test can do to it."""

import asyncio
import re
import ssl
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import unquote_plus

import aiohttp
from aiohttp import web
from yarl import URL

from sandbox.addresses import LOOPBACK, Ports
from sandbox.handle import SandboxHandle

from .faults import CutOffError, Fault, Rule
from .narrowing import narrowed
from .passing import Passage, Stream, refusals

_ANY_SIZE = 1024**3


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came, whatever became of it; `path` with its query, decoded."""

    at: float
    method: str
    path: str


@dataclass(slots=True)
class FaultGate:
    """`async with FaultGate(sandbox, "iot") as gate`: who uses `gate.server` is at its mercy, and sees iot alone."""

    sandbox: SandboxHandle
    namespace: str
    seen: list[Seen] = field(default_factory=list)
    _ports: Ports = field(default_factory=Ports)
    _port: int = 0
    _rules: list[Rule] = field(default_factory=list)
    _streams: dict[Stream, str] = field(default_factory=dict)
    _runner: web.AppRunner | None = None
    _site: web.TCPSite | None = None
    _passage: Passage | None = None

    async def __aenter__(self) -> Self:
        self._port = self._ports.take()
        trusted = ssl.create_default_context(cafile=str(self.sandbox.ca))
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            middlewares=(refusals,),
        )
        self._passage = Passage(session)
        app = web.Application(client_max_size=_ANY_SIZE)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
        if self._runner:
            await self._runner.cleanup()
        if self._passage:
            await self._passage.session.close()
        self._ports.__exit__()

    @property
    def server(self) -> str:
        return f"https://{LOOPBACK}:{self._port}"

    async def open(self) -> None:
        """Listen, again and at the same address."""
        if self._site or not self._runner:
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = self.sandbox.ca.parent
        context.load_cert_chain(folder / "apiserver.crt", folder / "apiserver.key")
        self._site = web.TCPSite(self._runner, LOOPBACK, self._port, ssl_context=context, reuse_port=True)
        await self._site.start()

    async def close(self) -> None:
        """The API server is away: every connection ends, and new ones are refused."""
        if self._site:
            await self._site.stop()
        self._site = None
        for connection in self._runner.server.connections if self._runner and self._runner.server else ():
            if connection.transport:
                connection.transport.abort()

    def put(
        self, fault: Fault, path: str = "", *, method: str | None = None, times: int | None = None
    ) -> Rule:
        """From now on the fault spoils requests whose decoded path and query the pattern finds."""
        rule = Rule(fault, re.compile(path), method, times)
        self._rules.append(rule)
        return rule

    def lift(self, rule: Rule) -> None:
        self._rules.remove(rule)

    def lift_all(self) -> None:
        self._rules.clear()

    def cut(self, path: str = "") -> int:
        """Breaks the open watches and exec channels; gives how many."""
        found = self._open(path)
        for stream in found:
            stream.abort()
        return len(found)

    def freeze(self, path: str = "") -> int:
        """Open streams stay open, but nothing passes any more, and nobody is told; gives how many."""
        found = self._open(path)
        for stream in found:
            stream.flowing.clear()
        return len(found)

    def came(self, path: str) -> list[Seen]:
        """The requests so far whose path the pattern finds, oldest first."""
        return [seen for seen in self.seen if re.search(path, seen.path)]

    def _open(self, path: str) -> list[Stream]:
        return [stream for stream, name in self._streams.items() if re.search(path, name)]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        assert self._passage
        path = unquote_plus(request.raw_path)
        self.seen.append(Seen(time.monotonic(), request.method, path))
        faults = [rule.fault for rule in self._rules if rule.takes(request.method, path)]
        target = URL(self.sandbox.server + narrowed(request.raw_path, self.namespace), encoded=True)
        for fault in faults:
            led_to = await fault.before(request, target)
            if isinstance(led_to, web.Response):
                return led_to
            target = led_to
        if request.transport is None or request.transport.is_closing():
            raise asyncio.CancelledError  # a fault ended the connection: what it was on its way with is lost
        stream = Stream(request)
        self._streams[stream] = path
        try:
            return await self._passage.through(stream, target, faults)
        except (aiohttp.ClientError, CutOffError, OSError):
            stream.abort()
            raise asyncio.CancelledError from None  # there is nobody left to be answered
        finally:
            del self._streams[stream]
