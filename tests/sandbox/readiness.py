"""Waiting on what is really there, each with a deadline: the parts of the cluster while it starts."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

import aiohttp
import dns.asyncquery
import dns.exception
import dns.message

from sandbox.addresses import API_SERVER_CLUSTER_IP, CLUSTER_DOMAIN, LOOPBACK
from sandbox.controlplane import ControlPlane
from sandbox.telling import SandboxError

POLL_SECONDS = 0.05
START_SECONDS = 60.0  # a part takes a few; the machine may be busy with something else
DNS_TIMEOUT_SECONDS = 1.0


async def until(condition: Callable[[], Awaitable[bool]], *, what: str) -> None:
    """Waits for the condition; says what it waited for in vain when the time is over."""
    deadline = time.monotonic() + START_SECONDS
    while not await condition():
        if time.monotonic() > deadline:
            raise SandboxError(f"Waited {START_SECONDS:.0f} s for {what}, in vain.")
        await asyncio.sleep(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Probe:
    """Looks at the parts of a starting control plane, as its administrator."""

    plane: ControlPlane
    _session: aiohttp.ClientSession

    @classmethod
    @asynccontextmanager
    async def of(cls, plane: ControlPlane) -> AsyncIterator[Self]:
        context = ssl.create_default_context(cafile=plane.authority.certificate_file)
        context.load_cert_chain(plane.admin.certificate, plane.admin.key)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            yield cls(plane, session)

    async def etcd_healthy(self) -> bool:
        return await self._ok(f"http://{LOOPBACK}:{self.plane.etcd_port}/health")

    async def api_server_ready(self) -> bool:
        return await self._ok(f"{self.plane.server}/readyz")

    async def default_service_account_there(self) -> bool:
        return await self._ok(f"{self.plane.server}/api/v1/namespaces/default/serviceaccounts/default")

    async def coredns_ready(self) -> bool:
        return await self._ok(f"http://{LOOPBACK}:{self.plane.dns_ready_port}/ready")

    async def kubernetes_name_resolves(self) -> bool:
        query = dns.message.make_query(f"kubernetes.default.svc.{CLUSTER_DOMAIN}", "A")
        host, port = self.plane.dns.split(":")
        try:
            answer = await dns.asyncquery.udp(query, host, timeout=DNS_TIMEOUT_SECONDS, port=int(port))
        except (dns.exception.DNSException, OSError):
            return False
        return any(API_SERVER_CLUSTER_IP in record.to_text() for record in answer.answer)

    async def create_all(self, objects: Iterable[tuple[str, dict[str, Any]]]) -> None:
        for path, document in objects:
            async with self._session.post(self.plane.server + path, json=document) as response:
                if response.status != HTTPStatus.CREATED:
                    raise SandboxError(f"POST {path}: {response.status} {await response.text()}")

    async def _ok(self, url: str) -> bool:
        try:
            async with self._session.get(url) as response:
                return response.status == HTTPStatus.OK
        except aiohttp.ClientError:
            return False
