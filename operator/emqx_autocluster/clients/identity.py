"""What a container's main process says of itself, read without starting an Erlang VM.

EMQX's entrypoint exports the node's name to PID 1 alone; neither the pod's spec nor an exec session shows it.
Whether the API server's name is known there, and the sockets, are asked on the way: each command costs a connection.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emqx_autocluster.clients import sockets
from emqx_autocluster.clients.errors import UnreadableAnswer
from emqx_autocluster.clients.resolv_conf import parse_resolv_conf
from emqx_autocluster.observation import CANONICAL_HOST, Identity, Socket

# Only these variables leave the container: never a cookie, a password or a licence key. That a licence is set is
# said by a word of our own, and the two values that are no secret (no licence, trial) by themselves.
_SHOWN = (
    "EMQX_NAME|EMQX_HOST|EMQX_NODE_NAME|EMQX_NODE__NAME|EMQX_NODE__ROLE|EMQX_NODE__DB_ROLE"
    "|EMQX_CLUSTER__DISCOVERY|EMQX_CLUSTER__DISCOVERY_STRATEGY|EMQX_CLUSTER__(K8S|DNS)__[A-Z0-9_]+|EMQX_CLUSTER__STATIC__SEEDS"
)
_VERSION = "=== version"
_LOOKUP = f"=== {CANONICAL_HOST}"
_SOCKETS = "=== sockets"
_RESOLV_CONF = "=== resolv.conf"
_SECONDS = 2
"""For the lookup: who is asked is not to wait for a nameserver that is gone."""
_SCRIPT = rf"""
tr '\0' '\n' < /proc/1/environ | grep -qE '^EMQX_LICENSE__KEY=.' && echo 'EMQX_LICENSE__KEY=set';
tr '\0' '\n' < /proc/1/environ | grep -E '^(({_SHOWN})=|EMQX_LICENSE__KEY="?(default|evaluation)"?$)';
echo '{_VERSION}';
cat /opt/emqx/releases/emqx_vars 2>/dev/null | grep -E '^REL_VSN=';
echo '{_LOOKUP}';
timeout {_SECONDS} getent hosts {CANONICAL_HOST} 2>/dev/null;
echo '{_SOCKETS}';
grep -hE "$1" {" ".join(sockets.FILES)} 2>/dev/null;
echo '{_RESOLV_CONF}';
cat /etc/resolv.conf
"""
SCRIPT = " ".join(_SCRIPT.split("\n")).strip()

_SHOWN_NAME = re.compile(rf"{_SHOWN}|EMQX_LICENSE__KEY")
_REL_VSN = "REL_VSN="
_LONGEST = 4096
"""Characters of a line: no variable that is shown is nearly as long."""
_MOST = 32 * 1024
"""Characters of all but the sockets: it is remembered as long as the container lives."""


@dataclass(frozen=True, slots=True)
class Introduction:
    identity: Identity
    addresses: tuple[str, ...]
    """Of CANONICAL_HOST, by the container's own resolver; none: it did not find it, or not soon, or cannot be asked."""
    sockets: frozenset[Socket] | None
    """By the ports that were asked for; None: they cannot be read, or not in this way."""


def command(ports: Iterable[int]) -> tuple[str, ...]:
    return ("sh", "-c", SCRIPT, "sh", sockets.pattern(ports))


def parse(text: str) -> Introduction | None:
    """None: the text is not what the command prints."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    try:
        version = lines.index(_VERSION)
        lookup = lines.index(_LOOKUP, version)
        listing = lines.index(_SOCKETS, lookup)
        conf = lines.index(_RESOLV_CONF, listing)
    except ValueError:
        return None
    told = [*lines[:listing], *lines[conf:]]
    if sum(map(len, told)) > _MOST or any(len(line) > _LONGEST for line in told):
        return None
    # An upgrade of a running release appends to emqx_vars: the last one counts.
    versions = [line.removeprefix(_REL_VSN) for line in lines[version:lookup] if line.startswith(_REL_VSN)]
    identity = Identity(
        environ=_shown(lines[:version]),
        version=(versions[-1].strip().strip('"') or None) if versions else None,
        resolv_conf=parse_resolv_conf("\n".join(lines[conf + 1 :])),
    )
    found = addresses(lines[lookup + 1 : listing]) or ()
    return Introduction(identity, found, _sockets(lines[listing + 1 : conf]))


def _sockets(lines: Sequence[str]) -> frozenset[Socket] | None:
    try:
        return sockets.parse("\n".join(lines))
    except UnreadableAnswer:
        return None


def addresses(lines: Iterable[str]) -> tuple[str, ...] | None:
    """What `getent hosts` found; None: that is not what it prints."""
    found = tuple(dict.fromkeys(line.split()[0] for line in lines if line.strip()))
    return found if all(map(_is_address, found)) else None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _shown(lines: Iterable[str]) -> dict[str, str]:
    """What the list allows once more: a container may hold another `sh`, which prints what it likes."""
    entries = (line.partition("=") for line in lines)
    return {name: value for name, equals, value in entries if equals and _SHOWN_NAME.fullmatch(name)}
