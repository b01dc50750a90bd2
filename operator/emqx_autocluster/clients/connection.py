"""A connection to one API server: credentials, TLS, proxy, its clock, and how a request is sent.

The only door to the `kubernetes` library. It finds the cluster and the credentials; the requests are aiohttp's, since
the library's typed calls cost about 100 MiB of memory and seconds of start-up, and its exec speaks only an old channel
protocol.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from copy import copy
from datetime import UTC, datetime
from http import HTTPMethod, HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config
from yarl import URL

from emqx_autocluster import __version__, metrics
from emqx_autocluster.clients import kubeconfig, overload, paths
from emqx_autocluster.clients.errors import Unavailable, api_error
from emqx_autocluster.clients.payload import MetadataOnly, Payloads, SlimResponse
from emqx_autocluster.clients.serverclock import ServerClock

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 0.5
_FAILURES = (aiohttp.ClientError, ConfigException, OSError)

Login = Callable[[Configuration], Awaitable[None]]
Fence = Callable[[], Awaitable[None]]


class Connection:
    """To be entered with `async with` before use."""

    def __init__(
        self, login: Login, *, in_cluster: bool, deadline: float = 30.0, path: Path | None = None
    ) -> None:
        """`path`: of the kubeconfig, for what is told of it."""
        self.in_cluster = in_cluster
        self._path = path
        self._login = login
        self._deadline = deadline
        self._configuration = Configuration()
        self._server_clock = ServerClock()
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
        return self._server_clock.at(self.clock())

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
                self._server_clock.set(self.clock(), response.headers.get("Date"))
                answer = await self._payloads.read(response, until)
        except _FAILURES as error:
            metrics.REQUESTS.labels(str(method), "0").inc()
            raise _no_answer(error) from error
        metrics.REQUESTS.labels(str(method), str(response.status)).inc()
        return response, answer

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


def _no_answer(error: Exception) -> Unavailable:
    reason = "Timeout" if isinstance(error, TimeoutError) else "NoAnswer"
    return Unavailable(0, reason, str(error) or type(error).__name__)
