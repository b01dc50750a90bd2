"""The Kubernetes API as raw JSON: the only door to the `kubernetes` library.

The library finds the cluster and the credentials; the requests are aiohttp's, since the library's typed calls
cost about 100 MiB of memory and seconds of start-up, and its exec speaks only an old channel protocol.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPMethod, HTTPStatus
from pathlib import Path
from typing import Any, Self, TypeVar, cast
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config
from yarl import URL

from emqx_autocluster import __version__, metrics
from emqx_autocluster.clients import kubeconfig, overload, paths
from emqx_autocluster.clients.errors import APIError, TooLarge, Unavailable, api_error
from emqx_autocluster.clients.payload import MetadataOnly, Payloads, SlimResponse, without_writers

FIELD_MANAGER = "emqx-autocluster"
_MANAGED = {"fieldManager": FIELD_MANAGER}
CHUNK = 250
_FEWER = 8
"""So many times fewer items are asked for when an answer was too large."""
MOST_LOG = 512 * 1024
"""Bytes: a thousand lines, as long as EMQX writes them, and as much again."""
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 0.5
_SAME_TIME = timedelta(seconds=5)
"""The API server tells its time in whole seconds, and its answer was under way for a while."""
_FAILURES = (aiohttp.ClientError, ConfigException, OSError)

Login = Callable[[Configuration], Awaitable[None]]
Fence = Callable[[], Awaitable[None]]
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


@dataclass(slots=True)
class _Ahead:
    """How far the API server's clock is ahead of ours; one for a connection and its fenced twin."""

    by: timedelta = timedelta(0)


class Kube:
    """A connection to one API server; to be entered with `async with` before use."""

    def __init__(
        self, login: Login, *, in_cluster: bool, deadline: float = 30.0, path: Path | None = None
    ) -> None:
        """`path`: of the kubeconfig, for what is told of it."""
        self.in_cluster = in_cluster
        self._path = path
        self._login = login
        self._deadline = deadline
        self._configuration = Configuration()
        self._ahead = _Ahead()
        self._fence: Fence | None = None
        self._payloads = Payloads()
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @classmethod
    def from_service_account(cls, *, deadline: float = 30.0) -> Self:
        """As a pod of the cluster; its token is read again every minute, and at once when it is rejected."""
        return cls(_service_account_login, in_cluster=True, deadline=deadline)

    @classmethod
    def from_kubeconfig(
        cls, path: Path | None = None, context: str | None = None, *, deadline: float = 30.0
    ) -> Self:
        """As kubectl does; without a path by $KUBECONFIG or ~/.kube/config."""
        return cls(_kubeconfig_login(path, context), in_cluster=False, deadline=deadline, path=path)

    async def __aenter__(self) -> Self:
        await self._log_in()
        # As kubectl: a CA certificate without all of RFC 5280's extensions is still a CA certificate.
        self._configuration.disable_strict_ssl_verification = True
        self.tls = self._tls()
        self._proxy = self._configuration.proxy or _environment_proxy(URL(self.host))
        self._session = self.open_session()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    @property
    def host(self) -> str:
        """The API server's URL, without a trailing slash."""
        return str(self._configuration.host).rstrip("/")

    @property
    def server_name(self) -> str | None:
        """Whom the API server's certificate has to be for; None: whom its URL names."""
        name: str | None = self._configuration.tls_server_name
        return name

    @property
    def proxied(self) -> bool:
        return self._proxy is not None

    def open_session(
        self, metadata_only: Collection[str] = (), *others: aiohttp.ClientMiddlewareType
    ) -> aiohttp.ClientSession:
        """A session of its own for a library that closes what it is given (kopf): same credentials, always fresh.

        Of the collections at these paths it gets metadata, which is what tells whose an object is. `others` see each
        of its answers.
        """
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self.tls, limit=0),  # who asks is counted, not the connections
            headers={"User-Agent": f"emqx-autocluster/{__version__}"},
            middlewares=(*others, self._authenticate, MetadataOnly(metadata_only)),
            response_class=SlimResponse if metadata_only else aiohttp.ClientResponse,
            proxy=self._proxy,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        )

    def fenced(self, fence: Fence) -> Self:
        """The same connection, which asks `fence` right before each change; what that raises prevents it."""
        twin = copy(self)
        twin._fence = fence  # noqa: SLF001 - its own class
        return twin

    async def _pass_the_fence(self) -> None:
        if self._fence is not None:
            await self._fence()

    def now(self) -> datetime:
        """By the API server's clock, with which all that it stamps has to be compared: ours may differ, or jump."""
        return self.clock() + self._ahead.by

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

    @asynccontextmanager
    async def websocket(
        self, path: str, query: Sequence[tuple[str, str]], protocols: Sequence[str], longest: int
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """An upgraded GET; a refusal raises an APIError with what the server said. The caller sets the deadline."""
        await self._pass_the_fence()
        try:
            async with self._session.ws_connect(
                self._url(path).extend_query(query),
                protocols=protocols,
                max_msg_size=longest,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                server_hostname=self.server_name,
            ) as channel:
                yield channel
        except _FAILURES as error:
            raise _no_answer(error) from error

    async def _request(self, method: HTTPMethod, path: str, **what: Any) -> bytes:
        async with self._answered(method, path, **what) as answer:
            return answer

    @asynccontextmanager
    async def _answered(
        self,
        method: HTTPMethod,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> AsyncIterator[bytes]:
        """While it is open, no other large answer is being read."""
        what = {
            "params": {key: value for key, value in (query or {}).items() if value},
            "data": None if body is None else json.dumps(body).encode(),
            "headers": {"Content-Type": content_type},
        }
        async with AsyncExitStack() as until:
            for left in reversed(range(overload.TRIES)):
                response, answer = await self._sent(method, path, until, what)
                wait = overload.asks_to_wait(response.status, response.headers, path)
                if wait is None or not left:
                    break
                await asyncio.sleep(wait)
            if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                raise api_error(response.status, answer)
            yield answer

    async def _sent(
        self, method: HTTPMethod, path: str, until: AsyncExitStack, what: Mapping[str, Any]
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        if method is not HTTPMethod.GET:
            await self._pass_the_fence()
        try:
            async with self._session.request(
                method,
                self._url(path),
                **what,
                allow_redirects=False,
                server_hostname=self.server_name,
                timeout=aiohttp.ClientTimeout(total=self._deadline, sock_connect=CONNECT_SECONDS),
            ) as response:
                self._set_clock(response.headers.get("Date"))
                answer = await self._payloads.read(response, until)
        except _FAILURES as error:
            metrics.REQUESTS.labels(str(method), "0").inc()
            raise _no_answer(error) from error
        metrics.REQUESTS.labels(str(method), str(response.status)).inc()
        return response, answer

    def _set_clock(self, date: str | None) -> None:
        try:
            ahead = parsedate_to_datetime(date or "") - self.clock()
        except (TypeError, ValueError):
            return  # a proxy's answer, perhaps
        self._ahead.by = ahead if abs(ahead) > _SAME_TIME else timedelta(0)

    async def _log_in(self) -> None:
        try:
            await self._login(self._configuration)
        except (ConfigException, OSError) as error:
            raise Unavailable(0, "NoCredentials", str(error)) from error

    def _tls(self) -> ssl.SSLContext:
        try:
            context: ssl.SSLContext = ApiClient(self._configuration).rest_client.ssl_context
        except (OSError, ValueError) as error:
            raise kubeconfig.unusable_certificate(self._path, error) from error
        return context

    def _url(self, path: str) -> URL:
        return URL(self.host + paths.checked(path), encoded=True)

    async def _authenticate(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Fresh credentials for every request, and once more after a 401: bound tokens change while we run."""
        response = await self._with_credentials(request, handler)
        if response.status == HTTPStatus.UNAUTHORIZED:
            response.release()
            await self._log_in()
            response = await self._with_credentials(request, handler)
        if "Upgrade" in request.headers and response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            raise api_error(response.status, await response.read())
        return response

    async def _with_credentials(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        if token:
            request.headers["Authorization"] = token
        return await handler(request)


async def _service_account_login(configuration: Configuration) -> None:
    load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]


def _kubeconfig_login(path: Path | None, context: str | None) -> Login:
    async def login(configuration: Configuration) -> None:
        await kubeconfig.login(configuration, path, context)

    return login


def _environment_proxy(server: URL) -> str | None:
    """HTTPS_PROXY, unless NO_PROXY names the server. aiohttp would ask anew, in a thread, for each request."""
    if server.host is None or proxy_bypass(server.host):
        return None
    return getproxies().get(server.scheme)


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


def _no_answer(error: Exception) -> Unavailable:
    reason = "Timeout" if isinstance(error, TimeoutError) else "NoAnswer"
    return Unavailable(0, reason, str(error) or type(error).__name__)
