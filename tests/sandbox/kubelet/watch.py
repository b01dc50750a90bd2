"""List and then watch for ever: re-list on 410, reconnect with back-off while the API server is away."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from .api import UNREACHABLE, ApiClient, ApiError, Json
from .backoff import Backoff

logger = logging.getLogger(__name__)

_GONE = 410


@dataclass(frozen=True, slots=True)
class Listed:
    """The whole truth at one moment: what is not in it is gone."""

    items: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object was added, modified or deleted."""

    kind: str
    item: Json


async def follow(
    client: ApiClient, path: str, selector: Mapping[str, str] | None = None
) -> AsyncIterator[Listed | Changed]:
    """Yield a `Listed`, then each `Changed`; another `Listed` whenever events may have been missed."""
    backoff = Backoff(0.1, 5.0)
    version = ""
    while True:
        try:
            if not version:
                listing = await client.get(path, selector)
                version = listing["metadata"]["resourceVersion"]
                yield Listed(tuple(_slim(item) for item in listing.get("items", ())))
            async for event in client.watch(path, _watch_params(selector, version)):
                backoff.reset()
                _raise_on_error(event)
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield Changed(event["type"], _slim(event["object"]))
        except (ApiError, *UNREACHABLE) as error:
            if isinstance(error, ApiError) and error.status == _GONE:
                version = ""
                continue
            delay = backoff.next()
            logger.warning("watch of %s: %s; again in %.1f s", path, error or type(error).__name__, delay)
            await asyncio.sleep(delay)


def _raise_on_error(event: Json) -> None:
    if event["type"] == "ERROR":
        raise ApiError(event["object"].get("code", 500), "", event["object"].get("message", ""))


def _watch_params(selector: Mapping[str, str] | None, version: str) -> dict[str, str]:
    seconds = random.randint(300, 600)
    return {
        **(selector or {}),
        "watch": "true",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(seconds),
    }


def _slim(item: Json) -> Json:
    """Drop what nobody here reads and what would be half of the memory."""
    item.get("metadata", {}).pop("managedFields", None)
    return item
