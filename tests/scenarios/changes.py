"""Tells that something has changed in a namespace, so that a story looks then, and not again and again meanwhile."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

import aiohttp

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.kube import Kube

_TOGETHER = 0.1
"""Seconds: what changes within them is looked at once."""
_AGAIN = 1.0
"""Seconds after which a watch that broke is opened again."""
_WATCHED = (paths.pods, paths.emqxautoclusters)
"""In these two all shows that stories mostly wait for; a change of the workload is followed by one of them."""


class Changes:
    """`async with Changes(kube, namespace) as changes`."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        """Watch nothing yet."""
        self._kube = kube
        self._paths = [path(namespace) for path in _WATCHED]
        self._changed = asyncio.Event()
        self._watching: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = self._kube.open_session()
        self._watching = [asyncio.create_task(self._watch(self._session, path)) for path in self._paths]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        if self._session:
            await self._session.close()

    async def next(self, most: float) -> None:
        """Until something has changed since the last call, and no longer than so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), most)
            await asyncio.sleep(_TOGETHER)
        self._changed.clear()

    async def _watch(self, session: aiohttp.ClientSession, path: str) -> None:
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(f"{self._kube.host}{path}?watch=true") as answer:
                    async for _ in answer.content.iter_any():
                        self._changed.set()
            await asyncio.sleep(_AGAIN)
