"""Writes pod status: only what has changed, one request per pod at a time, a bounded number in all."""

import asyncio
import logging
from collections.abc import Callable

from .api import UNREACHABLE, ApiClient, ApiError, Json
from .backoff import Backoff

logger = logging.getLogger(__name__)

_AT_ONCE = 16
_GONE = (404, 409)


class StatusWriter:
    """One node's queue to the API server."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def of(self, pod: Json, build: Callable[[], Json]) -> "PodStatus":
        return PodStatus(self._client, self._slots, pod, build)


class PodStatus:
    """One pod's status as it was last written."""

    def __init__(
        self, client: ApiClient, slots: asyncio.Semaphore, pod: Json, build: Callable[[], Json]
    ) -> None:
        metadata = pod["metadata"]
        self._path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"
        self._uid = metadata["uid"]
        self._client = client
        self._slots = slots
        self._build = build
        self._written: Json = {}
        self._dirty = False
        self._writing: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """Write soon; changes that come together are one request."""
        self._dirty = True
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_while_dirty())

    async def flush(self) -> None:
        """Wait until what has changed so far is written."""
        if self._writing is not None:
            await self._writing

    def abandon(self) -> None:
        if self._writing is not None:
            self._writing.cancel()

    async def _write_while_dirty(self) -> None:
        backoff = Backoff(0.2, 10)
        while self._dirty:
            async with self._slots:
                self._dirty = False
                status = self._build()
                if status == self._written:
                    continue
                try:
                    await self._client.patch(self._path, self._patch(status))
                    self._written = status
                    continue
                except ApiError as error:
                    if error.status in _GONE:
                        return
                    logger.warning("status of %s: %s", self._path, error)
                except UNREACHABLE as error:
                    logger.warning("status of %s: %s", self._path, error or type(error).__name__)
            self._dirty = True
            await asyncio.sleep(backoff.next())

    def _patch(self, status: Json) -> Json:
        return {"metadata": {"uid": self._uid}, "status": status}
