"""The kubelet's door to the API server: JSON over HTTPS, errors as values with the server's reason."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeAlias

import aiohttp

Json: TypeAlias = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
UNREACHABLE = (aiohttp.ClientError, TimeoutError, OSError)
"""What is raised while the API server is away."""

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=None)
_CONNECTIONS = 64


class ApiError(Exception):
    """The API server answered with a failure."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        """Keep the parts of metav1.Status that decide."""
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason


class ApiClient:
    """One identity at one API server."""

    def __init__(self, server: str, credentials: ssl.SSLContext, token: str | None = None) -> None:
        """Open nothing yet; connections are made when needed and kept."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=credentials, keepalive_timeout=60)
        self._session = aiohttp.ClientSession(server, connector=connector, timeout=_TIMEOUT, headers=headers)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """Read an object or a list."""
        return await self._request("GET", path, None, "application/json", params)

    async def create(self, path: str, body: Json) -> Json:
        """POST an object."""
        return await self._request("POST", path, body, "application/json", None)

    async def replace(self, path: str, body: Json) -> Json:
        """PUT an object."""
        return await self._request("PUT", path, body, "application/json", None)

    async def patch(self, path: str, body: Json, content_type: str = STRATEGIC_MERGE_PATCH) -> Json:
        """PATCH an object or its status."""
        return await self._request("PATCH", path, body, content_type, None)

    async def delete(self, path: str, body: Json | None = None) -> Json:
        """DELETE an object, with options as the body."""
        return await self._request("DELETE", path, body, "application/json", None)

    async def watch(self, path: str, params: Mapping[str, str]) -> AsyncIterator[Json]:
        """Yield the events of one watch request until the server ends it."""
        async with self._session.get(path, params=params, timeout=_WATCH_TIMEOUT) as response:
            if response.status != 200:
                raise _error(response.status, await response.read())
            rest = b""
            # not readline(): its line length is bounded, and a pod may be longer
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)

    async def _request(
        self, method: str, path: str, body: Json | None, content_type: str, params: Mapping[str, str] | None
    ) -> Json:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type}
        async with self._session.request(method, path, data=data, headers=headers, params=params) as response:
            payload = await response.read()
            if response.status >= 300:
                raise _error(response.status, payload)
            answer: Json = json.loads(payload)
            return answer


def _error(status: int, payload: bytes) -> ApiError:
    try:
        body = json.loads(payload)
        return ApiError(status, body.get("reason", ""), body.get("message", ""))
    except (ValueError, AttributeError):
        return ApiError(status, "", payload.decode(errors="replace")[:200])
