"""Renews the Lease in a thread, an event loop and a connection of its own.

A cold start of a thousand workloads keeps the event loop busy for longer than a Lease lasts, and would cost it.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.runtime.leadership import Leadership

_Running = tuple[asyncio.AbstractEventLoop, "asyncio.Task[Any] | None"]


async def renew(leadership: Leadership, connect: Callable[[], Kube]) -> None:
    """For ever; raises LeadershipLostError as `keep` does. Cancelled, it waits until the thread has ended, too."""
    begun: Future[_Running] = Future()
    thread = asyncio.ensure_future(asyncio.to_thread(_run, leadership, connect, begun))
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        loop, task = await asyncio.wrap_future(begun)
        if task is not None:
            with suppress(RuntimeError):  # its loop is closed: it has ended by itself
                loop.call_soon_threadsafe(task.cancel)
        await asyncio.gather(thread, return_exceptions=True)
        raise


def _run(leadership: Leadership, connect: Callable[[], Kube], begun: Future[_Running]) -> None:
    async def keep() -> None:
        begun.set_result((asyncio.get_running_loop(), asyncio.current_task()))
        with suppress(asyncio.CancelledError):
            async with connect() as kube:
                await leadership.keep(kube)

    asyncio.run(keep())
