"""The HTTPS server of one node, where the API server asks for exec and logs."""

import asyncio
import logging
import ssl
from datetime import UTC, datetime

from aiohttp import web

from . import spdy
from .commands import Streams
from .config import KubeletConfig
from .container import CommandNotFound
from .containerlife import ContainerLife
from .execchannel import PROTOCOLS, ExecChannel, Messages, exit_status, not_found, runtime_failure
from .listening import listen
from .logs import LogOptions, read
from .pods import Pods
from .podstatus import Waiting
from .podworker import PodWorker
from .process import Process
from .switches import Switches

logger = logging.getLogger(__name__)

_PULLING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}
_GARBAGE = b"\xff\xfe\x00\x1b[31m{{{ not what was asked for \x80\x81\n"


class KubeletServer:
    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._pods: Pods | None = None

    async def start(self, config: KubeletConfig, port: int) -> tuple[web.AppRunner, int]:
        """Listen on loopback; gives what to clean up, and the port."""
        app = web.Application()
        app.router.add_get("/healthz", _healthz)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        for path in ("/exec/{namespace}/{pod}/{container}", "/exec/{namespace}/{pod}/{uid}/{container}"):
            app.router.add_route("GET", path, self._exec)
            app.router.add_route("POST", path, self._exec)
        return await listen(app, port, _server_context(config))

    def serve(self, pods: Pods) -> None:
        """Answer for these pods: known only after the port is, which the Node has to name."""
        self._pods = pods

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        worker, life = self._find(request)
        try:
            options = LogOptions.parse(request.query, datetime.now(UTC))
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        logs = life.logs(previous=options.previous)
        if logs is None:
            raise web.HTTPBadRequest(text=_why_no_logs(worker, life, previous=options.previous))
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        async for data in read(logs, options):
            await response.write(data)
        return response

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        worker, life = self._find(request)
        if life.process is None:
            raise web.HTTPInternalServerError(text=f'container not found ("{life.name}")')
        switch = self._switches.of(worker.namespace, worker.name).get("exec", "")
        if switch == "refuse":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if spdy.is_asked_for(request):
            with spdy.spoken(request) as connection:
                await _converse(request, connection, life.process, switch)
            return web.Response()
        socket = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=0, compress=False)
        if socket.can_prepare(request).protocol is None:
            raise web.HTTPBadRequest(
                text=f"unable to upgrade: only {spdy.UPGRADE} and WebSocket with one of {PROTOCOLS} are served here"
            )
        await socket.prepare(request)
        await _converse(request, socket, life.process, switch)
        return socket

    def _find(self, request: web.Request) -> tuple[PodWorker, ContainerLife]:
        path = request.match_info
        worker = self._pods.find(path["namespace"], path["pod"]) if self._pods else None
        if worker is None:
            raise web.HTTPNotFound(text="pod does not exist")
        life = worker.container(path["container"])
        if life is None:
            raise web.HTTPInternalServerError(text=f'container not found ("{path["container"]}")')
        return worker, life


async def _converse(request: web.Request, messages: Messages, process: Process, switch: str) -> None:
    """Run the command and the connection beside each other; the client going away ends the waiting alone."""
    channel = ExecChannel(messages, expects_stdin=request.query.get("input") in {"1", "true"})
    argv = request.query.getall("command", [])
    receiving = asyncio.create_task(channel.receive())
    sending = asyncio.create_task(channel.send())
    running = asyncio.create_task(_run(channel, process, argv, switch))
    try:
        await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (receiving, sending, running):
            task.cancel()
        await asyncio.gather(receiving, sending, running, return_exceptions=True)
    # only now: while somebody receives, aiohttp does not wait for the client's close frame
    await channel.close()


async def _run(channel: ExecChannel, process: Process, argv: list[str], switch: str) -> None:
    if switch == "hang":
        await asyncio.Event().wait()
    if switch.startswith("slow:"):
        await asyncio.sleep(float(switch.removeprefix("slow:")))
    if switch == "garbage":
        channel.out(_GARBAGE)
        channel.finish(exit_status(0))
        return
    try:
        code = await process.execute(argv, Streams(channel, channel.out, channel.err))
    except CommandNotFound as error:
        channel.finish(not_found(str(error)))
    except Exception as error:
        logger.exception("command %s in %s/%s", argv, process.world.namespace, process.world.pod)
        channel.finish(runtime_failure(repr(error)))
    else:
        channel.finish(exit_status(code))


def _why_no_logs(worker: PodWorker, life: ContainerLife, *, previous: bool) -> str:
    if previous:
        return f'previous terminated container "{life.name}" in pod "{worker.name}" not found'
    reason = life.state.reason if isinstance(life.state, Waiting) else "ContainerCreating"
    why = _PULLING.get(reason, reason)
    return f'container "{life.name}" in pod "{worker.name}" is waiting to start: {why}'


def _server_context(config: KubeletConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(config.serving_cert, config.serving_key)
    context.load_verify_locations(config.client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok")
