"""The kubelet's implementation of World: one per run of a container."""

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .container import ResolutionFailed, Response, TimedOut
from .logs import LogBuffer
from .network import Limits, Outbound, trusting
from .podnetwork import KERNEL_GIVES_UP_AFTER, PodNetwork
from .resolver import is_address, records, resolve

RESOLVER_GIVES_UP_AFTER = 10.0
"""Seconds: a C library asks twice, five seconds each."""
_STEP = 0.5


@dataclass(frozen=True, slots=True)
class PodWorld:
    env: Mapping[str, str]
    hostname: str
    ip: str
    pod: str
    namespace: str
    uid: str
    image_version: str
    image_repository: str
    files: MutableMapping[str, bytes]
    volumes: MutableMapping[str, object]
    switches: Mapping[str, str]
    logs: LogBuffer
    outbound: Outbound
    network: PodNetwork

    def log(self, line: str) -> None:
        self.logs.write(line)

    async def resolve(self, host: str) -> list[str]:
        await self._while("dns", RESOLVER_GIVES_UP_AFTER, ResolutionFailed("timeout"), host)
        return await resolve(host, self.files, self.outbound.nameservers)

    async def records(self, name: str, kind: str) -> list[str]:
        return await records(name, kind, self.files, self.outbound.nameservers)

    async def http_get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        ca: bytes | None,
        verify: bool,
        connect_timeout: float | None,
        timeout: float | None,  # noqa: ASYNC109 - as the programs ask for it
    ) -> Response:
        await self._while("dns", RESOLVER_GIVES_UP_AFTER, ResolutionFailed("timeout"), urlsplit(url).hostname)
        gives_up = connect_timeout or timeout or KERNEL_GIVES_UP_AFTER
        await self._while("api", gives_up, TimedOut(url))
        context = trusting(ca, verify=verify)
        return await self.outbound.get(url, self.files, headers, context, Limits(connect_timeout, timeout))

    def reachable(self, ip_or_host: str, port: int) -> bool:
        return self.network.reachable(self.namespace, self.pod, ip_or_host, port)

    async def connect(self, ip: str, port: int) -> None:
        await self.network.connect(self.namespace, self.pod, ip, port)

    async def _while(self, switch: str, seconds: float, error: Exception, host: str | None = None) -> None:
        """Wait as long as the switch says `away`, and give up in the end; an address needs no resolver."""
        if host is not None and is_address(host):
            return
        waited = 0.0
        while self.switches.get(switch) == "away":
            if waited >= seconds:
                raise error
            await asyncio.sleep(_STEP)
            waited += _STEP
