"""What a container's main process says of itself, read without starting an Erlang VM.

EMQX's entrypoint exports the node's name to PID 1 alone; neither the pod's spec nor an exec session shows it.
"""

import re
from collections.abc import Iterable

from emqx_autocluster.clients.resolv_conf import parse_resolv_conf
from emqx_autocluster.observation import Identity

# Only these variables leave the container: never a cookie, a password or a licence key. That a licence is set is
# said by a word of our own, and the two values that are no secret (no licence, trial) by themselves.
_SHOWN = (
    "EMQX_NAME|EMQX_HOST|EMQX_NODE_NAME|EMQX_NODE__NAME|EMQX_NODE__ROLE|EMQX_NODE__DB_ROLE"
    "|EMQX_CLUSTER__DISCOVERY|EMQX_CLUSTER__DISCOVERY_STRATEGY|EMQX_CLUSTER__(K8S|DNS)__[A-Z0-9_]+|EMQX_CLUSTER__STATIC__SEEDS"
)
_VERSION = "=== version"
_RESOLV_CONF = "=== resolv.conf"
_SCRIPT = rf"""
tr '\0' '\n' < /proc/1/environ | grep -qE '^EMQX_LICENSE__KEY=.' && echo 'EMQX_LICENSE__KEY=set';
tr '\0' '\n' < /proc/1/environ | grep -E '^(({_SHOWN})=|EMQX_LICENSE__KEY="?(default|evaluation)"?$)';
echo '{_VERSION}';
cat /opt/emqx/releases/emqx_vars 2>/dev/null | grep -E '^REL_VSN=';
echo '{_RESOLV_CONF}';
cat /etc/resolv.conf
"""
COMMAND = ("sh", "-c", " ".join(_SCRIPT.split("\n")).strip())

_SHOWN_NAME = re.compile(rf"{_SHOWN}|EMQX_LICENSE__KEY")
_REL_VSN = "REL_VSN="
_LONGEST = 4096
"""Characters of a line: no variable that is shown is nearly as long."""
_MOST = 32 * 1024
"""Characters of all: it is remembered as long as the container lives."""


def parse_identity(text: str) -> Identity | None:
    """None: the text is not what COMMAND prints."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    try:
        version = lines.index(_VERSION)
        conf = lines.index(_RESOLV_CONF, version)
    except ValueError:
        return None
    if len(text) > _MOST or any(len(line) > _LONGEST for line in lines):
        return None
    # An upgrade of a running release appends to emqx_vars: the last one counts.
    versions = [line.removeprefix(_REL_VSN) for line in lines[version:conf] if line.startswith(_REL_VSN)]
    return Identity(
        environ=_shown(lines[:version]),
        version=(versions[-1].strip().strip('"') or None) if versions else None,
        resolv_conf=parse_resolv_conf("\n".join(lines[conf + 1 :])),
    )


def _shown(lines: Iterable[str]) -> dict[str, str]:
    """What the list allows once more: a container may hold another `sh`, which prints what it likes."""
    entries = (line.partition("=") for line in lines)
    return {name: value for name, equals, value in entries if equals and _SHOWN_NAME.fullmatch(name)}
