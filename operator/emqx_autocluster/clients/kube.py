"""The Kubernetes API as raw JSON: what can be asked of it, and changed."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from http import HTTPMethod, HTTPStatus
from typing import Any, TypeVar, cast

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.connection import Connection
from emqx_autocluster.clients.errors import APIError, TooLarge, Unavailable
from emqx_autocluster.clients.payload import without_writers

FIELD_MANAGER = "emqx-autocluster"
_MANAGED = {"fieldManager": FIELD_MANAGER}
CHUNK = 250
_FEWER = 8
"""So many times fewer items are asked for when an answer was too large."""
MOST_LOG = 512 * 1024
"""Bytes: a thousand lines, as long as EMQX writes them, and as much again."""

Object = dict[str, Any]
Objects = list[Object]
T = TypeVar("T")


class PatchType(StrEnum):
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    JSON = "application/json-patch+json"


class Propagation(StrEnum):
    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


class Kube(Connection):
    """The API by its verbs, over one connection."""

    async def get(self, path: str) -> Object | None:
        """The object; None: there is none."""
        try:
            return _parsed(await self._request(HTTPMethod.GET, path))
        except APIError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def list(
        self,
        path: str,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        limit: int = CHUNK,
    ) -> Objects:
        """All items, `limit` of them per request. As the API gives them: items have no kind of their own."""
        found = await self.select(
            path, _as_it_is, label_selector=label_selector, field_selector=field_selector, limit=limit
        )
        return [*found]

    async def select(
        self,
        path: str,
        project: Callable[[Object], T | None],
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        limit: int = CHUNK,
        most: int | None = None,
    ) -> Sequence[T]:
        """What `project` makes of each item, unless it is None: nothing else is kept of an answer.

        Items come without their managedFields. Raises TooLarge where one of them is, or there are more than `most`.
        """
        query = {"labelSelector": label_selector, "fieldSelector": field_selector, "continue": None}
        found: Any = []
        while True:
            try:
                query["continue"] = await self._page(path, query | {"limit": str(limit)}, project, found)
            except TooLarge:
                if limit == 1:
                    raise
                limit = max(1, limit // _FEWER)
                continue
            if most is not None and len(found) > most:
                raise TooLarge(f"not judged: there are more than {most} of {path.rpartition('/')[2]}")
            if not query["continue"]:
                return cast("Sequence[T]", found)

    async def _page(
        self,
        path: str,
        query: Mapping[str, str | None],
        project: Callable[[Object], T | None],
        found: Any,
    ) -> str | None:
        """Adds to `found`; what the next page begins with."""
        async with self._answered(HTTPMethod.GET, path, query=query) as answer:
            page = _parsed(answer, without_writers)
            found.extend(kept for item in page.get("items") or () if (kept := project(item)) is not None)
        token: str | None = (page.get("metadata") or {}).get("continue")
        return token

    async def create(self, path: str, body: Object) -> Object:
        return _parsed(await self._request(HTTPMethod.POST, path, query=_MANAGED, body=body))

    async def patch(self, path: str, body: Object | Sequence[Object], patch_type: PatchType) -> Object:
        return _parsed(
            await self._request(HTTPMethod.PATCH, path, query=_MANAGED, body=body, content_type=patch_type)
        )

    async def replace(self, path: str, body: Object) -> Object:
        return _parsed(await self._request(HTTPMethod.PUT, path, query=_MANAGED, body=body))

    async def delete(
        self, path: str, *, uid: str | None = None, propagation: Propagation = Propagation.BACKGROUND
    ) -> bool:
        """False: it was not there. With a uid only that very object is deleted; another one is a Conflict."""
        options: Object = {"propagationPolicy": propagation}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            await self._request(HTTPMethod.DELETE, path, body=options)
        except APIError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    async def read_log(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        tail_lines: int | None = None,
        since: datetime | None = None,
        limit_bytes: int = MOST_LOG,
    ) -> str | None:
        """The lines since the container started, each with the kubelet's time before it.

        None: they have `limit_bytes` or more, of which the first would come, and not the last.
        """
        query = {
            "container": container,
            "timestamps": "true",
            "tailLines": _text(tail_lines),
            "sinceTime": None if since is None else since.isoformat(),
            "limitBytes": _text(limit_bytes),
        }
        log = await self._request(HTTPMethod.GET, paths.pod_log(namespace, pod), query=query)
        return log.decode(errors="replace") if len(log) < limit_bytes else None


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _as_it_is(item: Object) -> Object:
    return item


def _parsed(answer: bytes, object_hook: Callable[[Object], Object] | None = None) -> Object:
    try:
        parsed = json.loads(answer, object_hook=object_hook)
    except (ValueError, RecursionError) as error:
        raise Unavailable(
            HTTPStatus.OK, "NotJSON", "the answer is no JSON: a proxy may have sent it"
        ) from error
    if not isinstance(parsed, dict):
        raise Unavailable(HTTPStatus.OK, "NotJSON", "the answer is no JSON object")
    return parsed
