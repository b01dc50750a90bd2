"""Tells that something has changed, so that one looks then, and not again and again meanwhile."""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import api_error
from emqx_autocluster.clients.kube import Kube

_TOGETHER = 0.1
"""Seconds: what changes within them is looked at once."""
_AGAIN = 1.0
"""Seconds after which a watch that broke is opened again."""


class Changes:
    """`async with Changes(kube, paths) as changes`: of all objects at these paths."""

    def __init__(self, kube: Kube, watched: Iterable[str]) -> None:
        """Watch nothing yet."""
        self._kube = kube
        self._urls = {path: URL(kube.host + paths.checked(path), encoded=True) for path in watched}
        self._changed = asyncio.Event()
        self._watching: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self.broken: dict[str, str] = {}
        """Path -> why it is not watched right now; what changes there is not told meanwhile."""

    async def __aenter__(self) -> Self:
        self._session = self._kube.open_session()
        self._watching = [asyncio.create_task(self._watch(self._session, path)) for path in self._urls]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        if self._session:
            await self._session.close()

    async def next(self, most: float | None = None) -> None:
        """Until something has changed since the last call, and no longer than so many seconds."""
        try:
            await asyncio.wait_for(self._changed.wait(), most)
            await asyncio.sleep(_TOGETHER)
        except TimeoutError:
            pass
        self._changed.clear()

    async def _watch(self, session: aiohttp.ClientSession, path: str) -> None:
        while True:
            try:
                await self._follow(session, path)
            except (aiohttp.ClientError, OSError) as error:
                self._say(path, str(error) or type(error).__name__)
            await asyncio.sleep(_AGAIN)

    async def _follow(self, session: aiohttp.ClientSession, path: str) -> None:
        url, name = self._urls[path].extend_query(watch="true"), self._kube.server_name
        async with session.get(url, server_hostname=name) as answer:
            if answer.status != HTTPStatus.OK:
                self._say(path, str(api_error(answer.status, await answer.read())))
                return
            self.broken.pop(path, None)
            async for _ in answer.content.iter_any():
                self._changed.set()

    def _say(self, path: str, why: str) -> None:
        """News where it was watched until now."""
        if path not in self.broken:
            self._changed.set()
        self.broken[path] = why
