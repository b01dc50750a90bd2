"""Which hosts the API server's certificate names, as far as EMQX can use it as kubernetes.default.svc.

EMQX 5.5 and later verify chain and host name (Erlang/OTP 26 does so by default). Asked on the operator's own
connection: the operator never connects to an address that a workload has configured.
"""

import asyncio
import ssl
from typing import Any

from yarl import URL

from emqx_autocluster.clients.connection import CONNECT_SECONDS
from emqx_autocluster.clients.errors import one_line
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import CANONICAL_HOST, Fact, Unobserved


async def certificate_hosts(kube: Kube) -> Fact[frozenset[str]]:
    """Names and addresses of a certificate that is good for CANONICAL_HOST; empty: it is not good for it.

    Out of the cluster only a good one means something: another address may show another certificate.
    """
    server = URL(kube.host)
    if server.scheme != "https" or server.host is None or server.port is None:
        return Unobserved(f"the API server is not reached by https: {one_line(kube.host)}")
    if kube.proxied:
        return Unobserved("the API server is reached through a proxy")
    if kube.tls.verify_mode is not ssl.CERT_REQUIRED:
        return Unobserved("the kubeconfig does not verify the API server's certificate")
    try:
        return _hosts(await _certificate(server.host, server.port, kube.tls))
    except ssl.SSLCertVerificationError as error:
        if kube.in_cluster:
            return frozenset()
        return Unobserved(f"seen from outside the cluster: {one_line(error.verify_message)}")
    except OSError as error:
        return Unobserved(f"the API server's certificate could not be seen: {one_line(str(error))}")


async def _certificate(host: str, port: int, tls: ssl.SSLContext) -> dict[str, Any]:
    async with asyncio.timeout(CONNECT_SECONDS):
        _, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=CANONICAL_HOST)
    certificate: dict[str, Any] = writer.get_extra_info("peercert") or {}
    writer.close()
    return certificate


def _hosts(certificate: dict[str, Any]) -> frozenset[str]:
    return frozenset(
        value for kind, value in certificate.get("subjectAltName", ()) if kind in {"DNS", "IP Address"}
    )
