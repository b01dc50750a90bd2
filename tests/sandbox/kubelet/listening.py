"""Listening on loopback: the kubelet's servers and its switches do it alike."""

import ssl

from aiohttp import web

from sandbox.addresses import LOOPBACK


async def listen(
    app: web.Application, port: int, context: ssl.SSLContext | None
) -> tuple[web.AppRunner, int]:
    """Serve on 127.0.0.1; port 0 takes a free one. Gives what to clean up, and the port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    # a given port is held for us by its owner, with SO_REUSEPORT
    site = web.TCPSite(runner, LOOPBACK, port, ssl_context=context, reuse_port=bool(port))
    await site.start()
    return runner, int(runner.addresses[0][1])
