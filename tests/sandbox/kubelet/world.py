"""The kubelet's implementation of World: one per run of a container."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from .container import Response
from .logs import LogBuffer
from .network import Limits, Outbound, trusting
from .podnetwork import PodNetwork
from .resolver import resolve


@dataclass(frozen=True, slots=True)
class PodWorld:
    env: Mapping[str, str]
    hostname: str
    ip: str
    pod: str
    namespace: str
    uid: str
    image_version: str
    files: MutableMapping[str, bytes]
    volumes: MutableMapping[str, object]
    switches: Mapping[str, str]
    logs: LogBuffer
    outbound: Outbound
    network: PodNetwork

    def log(self, line: str) -> None:
        self.logs.write(line)

    async def resolve(self, host: str) -> list[str]:
        return await resolve(host, self.files, self.outbound.nameservers)

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
        context = trusting(ca, verify=verify)
        return await self.outbound.get(url, self.files, headers, context, Limits(connect_timeout, timeout))

    def reachable(self, ip_or_host: str, port: int) -> bool:
        return self.network.reachable(self.namespace, self.pod, ip_or_host, port)

    async def connect(self, ip: str, port: int) -> None:
        await self.network.connect(self.namespace, self.pod, ip, port)
