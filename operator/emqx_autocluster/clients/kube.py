"""The Kubernetes API as raw JSON: the only door to the `kubernetes` library.

The library finds the cluster and the credentials; the requests are aiohttp's, since the library's typed calls
cost about 100 MiB of memory and seconds of start-up, and its exec speaks only an old channel protocol.
"""

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPMethod, HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.request import getproxies, proxy_bypass

import aiohttp
import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config
from yarl import URL

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import APIError, Unavailable, api_error

FIELD_MANAGER = "emqx-autocluster"
_MANAGED = {"fieldManager": FIELD_MANAGER}
CHUNK = 250
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 0.5
_SAME_TIME = timedelta(seconds=5)
"""The API server tells its time in whole seconds, and its answer was under way for a while."""
_FAILURES = (aiohttp.ClientError, ConfigException, OSError)

Login = Callable[[Configuration], Awaitable[None]]
Object = dict[str, Any]
Objects = list[Object]


class PatchType(StrEnum):
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    JSON = "application/json-patch+json"


class Propagation(StrEnum):
    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


class Kube:
    """A connection to one API server; to be entered with `async with` before use."""

    def __init__(self, login: Login, *, in_cluster: bool, deadline: float = 30.0) -> None:
        self.in_cluster = in_cluster
        self._login = login
        self._deadline = deadline
        self._configuration = Configuration()
        self._ahead = timedelta(0)
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
        return cls(_kubeconfig_login(path, context), in_cluster=False, deadline=deadline)

    async def __aenter__(self) -> Self:
        await self._log_in()
        # As kubectl: a CA certificate without all of RFC 5280's extensions is still a CA certificate.
        self._configuration.disable_strict_ssl_verification = True
        self.tls: ssl.SSLContext = ApiClient(self._configuration).rest_client.ssl_context
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
    def proxied(self) -> bool:
        return self._proxy is not None

    def open_session(self) -> aiohttp.ClientSession:
        """A session of its own for a library that closes what it is given (kopf): same credentials, always fresh."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self.tls),
            middlewares=(self._authenticate,),
            proxy=self._proxy,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        )

    def now(self) -> datetime:
        """By the API server's clock, with which all that it stamps has to be compared: ours may differ, or jump."""
        return self.clock() + self._ahead

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
        query = {"limit": str(limit), "labelSelector": label_selector, "fieldSelector": field_selector}
        items: Objects = []
        while True:
            chunk = _parsed(await self._request(HTTPMethod.GET, path, query=query))
            items.extend(chunk.get("items") or ())
            query["continue"] = (chunk.get("metadata") or {}).get("continue")
            if not query["continue"]:
                return items

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
        limit_bytes: int | None = None,
    ) -> str:
        """The lines since the container started, each with the kubelet's time before it.

        Of `tail_lines` lines `limit_bytes` keeps the first bytes, not the last.
        """
        query = {
            "container": container,
            "timestamps": "true",
            "tailLines": _text(tail_lines),
            "sinceTime": None if since is None else since.isoformat(),
            "limitBytes": _text(limit_bytes),
        }
        log = await self._request(HTTPMethod.GET, paths.pod_log(namespace, pod), query=query)
        return log.decode(errors="replace")

    @asynccontextmanager
    async def websocket(
        self, path: str, query: Sequence[tuple[str, str]], protocols: Sequence[str], longest: int
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """An upgraded GET; a refusal raises an APIError with what the server said. The caller sets the deadline."""
        try:
            async with self._session.ws_connect(
                self._url(path).extend_query(query),
                protocols=protocols,
                max_msg_size=longest,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                server_hostname=self._configuration.tls_server_name,
            ) as channel:
                yield channel
        except _FAILURES as error:
            raise _no_answer(error) from error

    async def _request(
        self,
        method: HTTPMethod,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> bytes:
        try:
            async with self._session.request(
                method,
                self._url(path),
                params={key: value for key, value in (query or {}).items() if value},
                data=None if body is None else json.dumps(body).encode(),
                headers={"Content-Type": content_type},
                allow_redirects=False,
                server_hostname=self._configuration.tls_server_name,
                timeout=aiohttp.ClientTimeout(total=self._deadline, sock_connect=CONNECT_SECONDS),
            ) as response:
                self._set_clock(response.headers.get("Date"))
                answer = await response.read()
        except _FAILURES as error:
            raise _no_answer(error) from error
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise api_error(response.status, answer)
        return answer

    def _set_clock(self, date: str | None) -> None:
        try:
            ahead = parsedate_to_datetime(date or "") - self.clock()
        except (TypeError, ValueError):
            return  # a proxy's answer, perhaps
        self._ahead = ahead if abs(ahead) > _SAME_TIME else timedelta(0)

    async def _log_in(self) -> None:
        try:
            await self._login(self._configuration)
        except (ConfigException, yaml.YAMLError, OSError) as error:
            raise Unavailable(0, "NoCredentials", str(error)) from error

    def _url(self, path: str) -> URL:
        return URL(self.host + path, encoded=True)

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
        await load_kube_config(  # type: ignore[no-untyped-call]
            config_file=None if path is None else str(path),
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )

    return login


def _environment_proxy(server: URL) -> str | None:
    """HTTPS_PROXY, unless NO_PROXY names the server. aiohttp would ask anew, in a thread, for each request."""
    if server.host is None or proxy_bypass(server.host):
        return None
    return getproxies().get(server.scheme)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _parsed(answer: bytes) -> Object:
    try:
        parsed = json.loads(answer)
    except ValueError as error:
        raise Unavailable(
            HTTPStatus.OK, "NotJSON", "the answer is no JSON: a proxy may have sent it"
        ) from error
    if not isinstance(parsed, dict):
        raise Unavailable(HTTPStatus.OK, "NotJSON", "the answer is no JSON object")
    return parsed


def _no_answer(error: Exception) -> Unavailable:
    reason = "Timeout" if isinstance(error, TimeoutError) else "NoAnswer"
    return Unavailable(0, reason, str(error) or type(error).__name__)
