"""How a node finds the names of its peers, by strategy.

k8s: the one GET that EMQX does, and its errors in the words of the version's HTTP client. dns: one question, of which
an empty answer is no error. static: the names stand in the settings.
"""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.emqx.console import NOT_VERIFIED
from sandbox.emqx.generations import HttpClient
from sandbox.emqx.terms import string
from sandbox.kubelet.container import NameNotFound, Refused, ResolutionFailed, Response, TimedOut, TLSAlert

if TYPE_CHECKING:
    from sandbox.emqx.node import Node

STRATEGIES = frozenset({"k8s", "dns", "static"})
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/"
_HACKNEY_TIMES = (8.0, 5.0)
_KERNEL_CONNECT_SECONDS = 130.0  # httpc sets no time; the kernel gives up then
_HTTP_OK = 200
_RECORDS = {"a": "A", "aaaa": "AAAA", "srv": "SRV"}
_ALERTS = {
    "unknown_ca": ("unknown_ca", "Fatal - Unknown CA\n"),
    "hostname_check_failed": (
        "handshake_failure",
        "Fatal - Handshake Failure\n {bad_cert,hostname_check_failed}",
    ),
    "handshake_failure": ("handshake_failure", "Fatal - Handshake Failure\n"),
}


class DiscoveryError(Exception):
    """Discovery failed; the text is the Erlang term that the log shows."""


class DiscoveryCrashError(Exception):
    """Discovery met something that it does not expect; text as above."""


async def discover(node: "Node") -> list[str]:
    """The node names that discovery finds; raises DiscoveryError or DiscoveryCrashError."""
    settings = node.discovery
    match settings.strategy:
        case "static":
            return list(settings.seeds)
        case "dns":
            return await _by_dns(node)
    return await _by_endpoints(node)


async def _by_dns(node: "Node") -> list[str]:
    """Each target once, though there is a record for each port."""
    settings = node.discovery
    found = await node.world.records(settings.dns_name, _RECORDS[settings.record_type])
    return [f"{settings.app_name}@{host}" for host in sorted(set(found))]


async def _by_endpoints(node: "Node") -> list[str]:
    settings = node.discovery
    path = f"api/v1/namespaces/{settings.namespace}/endpoints/{settings.service_name}"
    headers = {"Authorization": f"Bearer {_token(node)}"}
    response = await _get(node, _url(node, f"{settings.apiserver}/{path}"), headers)
    if response.status != _HTTP_OK:
        raise DiscoveryError(_status_term(node, response))
    try:
        subsets = json.loads(response.body).get("subsets") or []
    except (ValueError, AttributeError):
        raise DiscoveryCrashError("badarg") from None
    addresses = [address for subset in subsets for address in subset.get("addresses") or []]
    return [settings.node_name(_address(settings.address_type, address)) for address in addresses]


def _token(node: "Node") -> str:
    content = node.world.files.get(SERVICE_ACCOUNT + "token")
    if content is None:
        node.log("error", "Ekka(k8s): Cannot read token: enoent")
        return ""
    return content.decode().replace("\n", "")


def _address(kind: str, address: Mapping[str, str]) -> str:
    if kind == "hostname":
        if "hostname" not in address:
            raise DiscoveryCrashError('{badkey,<<"hostname">>}')
        return address["hostname"]
    return address["ip"].replace(".", "-") if kind == "dns" else address["ip"]


def _url(node: "Node", url: str) -> str:
    """The address is used verbatim; httpc refuses one without a scheme, hackney takes it for plain HTTP."""
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", url)
    if scheme and scheme.group(1).lower() in {"http", "https"}:
        return url
    if node.release.client is HttpClient.HACKNEY:
        return f"http://{url.rpartition('://')[2]}"
    if scheme:
        raise DiscoveryError(f"{{bad_scheme,{string(scheme.group(1))}}}")
    raise DiscoveryError("invalid_uri" if ":" in url.partition("/")[0] else "{no_scheme}")


async def _get(node: "Node", url: str, headers: Mapping[str, str]) -> Response:
    ca = node.world.files.get(SERVICE_ACCOUNT + "ca.crt")
    verify = ca is not None and node.release.verifies_certificate
    hackney = node.release.client is HttpClient.HACKNEY
    connect, receive = _HACKNEY_TIMES if hackney else (_KERNEL_CONNECT_SECONDS, None)
    if url.lower().startswith("https:") and not node.release.verifies_certificate:
        node.log_once("warning", NOT_VERIFIED)
    try:
        return await node.world.http_get(
            url, headers=headers, ca=ca, verify=verify, connect_timeout=connect, timeout=receive
        )
    except (NameNotFound, ResolutionFailed):
        reason = "nxdomain"
    except Refused:
        reason = "econnrefused"
    except TimedOut:
        reason = "connect_timeout" if hackney else "etimedout"
    except TLSAlert as alert:
        reason = _alert_term(alert.kind, hackney=hackney)
    raise DiscoveryError(reason if hackney else _failed_connect(url, reason))


def _failed_connect(url: str, reason: str) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{{failed_connect,[{{to_address,{{{string(parts.hostname or '')},{port}}}}},{{inet,[inet],{reason}}}]}}"


def _alert_term(kind: str, *, hackney: bool) -> str:
    name, text = _ALERTS.get(kind, (kind, f"Fatal - {kind}\n"))
    line = 2181 if hackney else 2113
    alert = f"TLS client: In state wait_cert_cr at ssl_handshake.erl:{line} generated CLIENT ALERT: {text}"
    return f"{{tls_alert,{{{name},{string(alert)}}}}}"


def _status_term(node: "Node", response: Response) -> str:
    """The wrapper around hackney hands a reference on instead of the body."""
    if node.release.client is HttpClient.HACKNEY:
        serial = node.fabric.rng.randrange(10000, 999999)
        return f"{{{response.status},#Ref<0.2382387461.3041656836.{serial}>}}"
    return f"{{{response.status},{string(response.body)}}}"
