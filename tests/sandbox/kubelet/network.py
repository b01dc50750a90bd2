"""HTTP out of a pod: the host is resolved as the pod would, the address looked up in the sandbox's table."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

import aiohttp

from .addresstable import AddressTable, Target
from .container import NameNotFound, Refused, Response, TimedOut, TLSAlert
from .podnetwork import KERNEL_GIVES_UP_AFTER
from .resolver import Nameservers, resolve

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path
_HOSTNAME_ERRORS = {62, 64}
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

_PLAIN_TO_TLS = Response(400, "Client sent an HTTP request to an HTTPS server.\n")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, None for no limit."""

    connect: float | None
    total: float | None


class Outbound:
    """The way out of every pod of this process."""

    def __init__(self, api_server: str, table: AddressTable, nameservers: Nameservers) -> None:
        self.table = table
        self.nameservers = nameservers
        self._api_server = api_server
        # one connection per request: none verified for one name may serve another
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))

    async def close(self) -> None:
        await self._session.close()

    async def get(
        self,
        url: str,
        files: Mapping[str, bytes],
        headers: Mapping[str, str],
        context: ssl.SSLContext,
        limits: Limits,
    ) -> Response:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = await resolve(parts.hostname or "", files, self.nameservers)
        if not addresses:
            raise NameNotFound(parts.hostname)
        target = self.table.target(addresses[0], port)
        if target is Target.REFUSE:
            raise Refused(f"{addresses[0]}:{port}")
        if target is Target.BLACKHOLE:
            await asyncio.sleep(limits.connect or limits.total or KERNEL_GIVES_UP_AFTER)
            raise TimedOut(url)
        if parts.scheme != "https":
            if target is Target.API_SERVER_TLS:
                return _PLAIN_TO_TLS
            context, headers = trusting(None, verify=False), _with_token(headers, files)
        return await self._ask(parts, headers, context, limits)

    async def _ask(
        self,
        parts: SplitResult,
        headers: Mapping[str, str],
        context: ssl.SSLContext,
        limits: Limits,
    ) -> Response:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            async with self._session.get(
                f"{self._api_server}{path}",
                headers={"Host": parts.netloc.rpartition("@")[2], **headers},
                ssl=context,
                server_hostname=parts.hostname,
                timeout=aiohttp.ClientTimeout(total=limits.total, sock_connect=limits.connect),
                allow_redirects=False,
            ) as answer:
                return Response(answer.status, await answer.text())
        except aiohttp.ClientConnectorCertificateError as error:
            raise TLSAlert(_alert(error.certificate_error)) from error
        except aiohttp.ClientConnectorSSLError as error:
            raise TLSAlert("handshake_failure") from error
        except TimeoutError as error:
            raise TimedOut(parts.geturl()) from error
        except aiohttp.ClientConnectionError as error:
            raise Refused(parts.netloc) from error


@lru_cache(maxsize=64)
def trusting(ca: bytes | None, *, verify: bool) -> ssl.SSLContext:
    """Make a client's TLS settings: with `verify`, chain and host name must fit; no CA trusts nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca:
        try:
            context.load_verify_locations(cadata=ca.decode())
        except (ssl.SSLError, ValueError) as error:
            raise TLSAlert("unknown_ca") from error
    return context


def _alert(error: Exception) -> str:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    return "hostname_check_failed" if code in _HOSTNAME_ERRORS else "unknown_ca"


def _with_token(headers: Mapping[str, str], files: Mapping[str, bytes]) -> Mapping[str, str]:
    if TOKEN not in files or "authorization" in {name.lower() for name in headers}:
        return headers
    return {**headers, "Authorization": f"Bearer {files[TOKEN].decode()}"}
