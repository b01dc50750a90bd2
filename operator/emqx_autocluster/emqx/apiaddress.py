"""The address of an API server, as EMQX is given it and as it is told."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from emqx_autocluster.text.credentials import without_user, without_users
from emqx_autocluster.text.plain import plain

_HOST = re.compile(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """An API server address as EMQX is given it."""

    scheme: str
    host: str
    port: int
    path: str = ""


def parse(value: str) -> Address | None:
    """None where no EMQX version could use it: no http(s) scheme, no host, or not a URL.

    Spaces around it count: 5.0 and later do not read them, and 4.x asks with them.
    """
    if value != value.strip():
        return None
    try:
        parts = urlsplit(value)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not (is_ip(host) or _HOST.match(host)):
        return None
    return Address(parts.scheme, str(ip_address(host)) if is_ip(host) else host, port, parts.path)


def redacted(value: str) -> str:
    """The address without user and password, for messages and status."""
    return plain(without_user(value))


def shown(value: str) -> str:
    """Any value, without the users and passwords of addresses in it: the @ of a node's name is none."""
    return plain(without_users(value))


def is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


def names_the_service(host: str, cluster_domain: str) -> bool:
    """Whether this host is one of the equivalent spellings of the Service `kubernetes`."""
    return host in {
        "kubernetes.default",
        "kubernetes.default.svc",
        f"kubernetes.default.svc.{cluster_domain}",
    }
