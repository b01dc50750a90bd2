"""How much of an answer is read, and how many at a time: an object is as large as whoever wrote it likes."""

import asyncio
import json
from collections.abc import Collection
from contextlib import AsyncExitStack
from http import HTTPMethod
from typing import Any

import aiohttp

from emqx_autocluster.clients.errors import TooLarge

MOST = 3 * 1024 * 1024
"""Bytes of one answer. Parsed it takes up to twenty times as much, if it consists of many small values."""
_LARGE = 256 * 1024
_PIECE = 64 * 1024
_WRITERS = "managedFields"


class Payloads:
    """Reads answers: small ones as they come, large ones one after the other."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(1)

    async def read(self, response: aiohttp.ClientResponse, until: AsyncExitStack) -> bytes:
        """The room for a large one is kept `until` what is made of it is all that is left. Raises TooLarge."""
        pieces, size = list[bytes](), 0
        async for piece in response.content.iter_chunked(_PIECE):
            if size <= _LARGE < size + len(piece):
                await until.enter_async_context(self._room)
            size += len(piece)
            if size > MOST:
                raise TooLarge(f"not judged: the API server's answer has more than {MOST} bytes")
            pieces.append(piece)
        return b"".join(pieces)


def without_writers(fields: dict[str, Any]) -> dict[str, Any]:
    """For `json.loads`: who wrote which field is often more than all the fields are, and seldom wanted."""
    fields.pop(_WRITERS, None)
    return fields


class MetadataOnly:
    """A middleware for a library that watches: of these collections it gets the objects' metadata and no more."""

    def __init__(self, paths: Collection[str]) -> None:
        self._paths = tuple(paths)

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if self._paths and request.method == HTTPMethod.GET and request.url.path.endswith(self._paths):
            kind = "PartialObjectMetadata" + ("" if "watch" in request.url.query else "List")
            request.headers["Accept"] = f"application/json;as={kind};g=meta.k8s.io;v=v1"
        return await handler(request)


class SlimResponse(aiohttp.ClientResponse):
    """Keeps of `managedFields` only the names of the annotations that somebody set in a pod template."""

    async def json(self, **_: Any) -> Any:
        answer = json.loads(await self.read(), object_hook=_slim)
        if isinstance(answer, dict) and answer.get("items", ()) is None:
            answer["items"] = []  # so an empty list of metadata comes
        return answer


def template_annotations(metadata: dict[str, Any]) -> frozenset[str]:
    """Their names, by the API server's own record of who wrote what: without the spec nothing else tells."""
    names = set[str]()
    for entry in metadata.get(_WRITERS) or ():
        if isinstance(entry, str):
            names.add(entry)
            continue
        found: Any = entry.get("fieldsV1") or {}
        for key in ("f:spec", "f:template", "f:metadata", "f:annotations"):
            found = found.get(key) or {}
        names |= {key.removeprefix("f:") for key in found}
    return frozenset(names)


def _slim(fields: dict[str, Any]) -> dict[str, Any]:
    if _WRITERS in fields:
        fields[_WRITERS] = sorted(template_annotations(fields))
    return fields
