"""What a container's main process says of itself, read without starting an Erlang VM.

EMQX's entrypoint exports the node's name to PID 1 alone; neither the pod's spec nor an exec session shows it.
"""

import re

from emqx_autocluster.clients.resolv_conf import parse_resolv_conf
from emqx_autocluster.observation import Identity

# Only these variables leave the container: never a cookie, a password or a licence key. That a licence is set is
# said by a word of our own, and the two values that are no secret (no licence, trial) by themselves.
_SHOWN = (
    "EMQX_NAME|EMQX_HOST|EMQX_NODE_NAME|EMQX_NODE__NAME"
    "|EMQX_CLUSTER__DISCOVERY|EMQX_CLUSTER__DISCOVERY_STRATEGY|EMQX_CLUSTER__K8S__[A-Z0-9_]+"
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

_SECTIONS = re.compile(
    rf"(?P<environ>.*?)^{_VERSION}$(?P<version>.*?)^{_RESOLV_CONF}$(?P<conf>.*)", re.DOTALL | re.MULTILINE
)
_SHOWN_LINE = re.compile(rf"^({_SHOWN}|EMQX_LICENSE__KEY)=(.*)$", re.MULTILINE)
_REL_VSN = re.compile(r"^REL_VSN=\"?([^\"\n]+)\"?\s*$", re.MULTILINE)


def parse_identity(text: str) -> Identity | None:
    """None: the text is not what COMMAND prints."""
    sections = _SECTIONS.search(text.replace("\r\n", "\n"))
    if sections is None:
        return None
    conf = parse_resolv_conf(sections["conf"])
    # An upgrade of a running release appends to emqx_vars: the last one counts.
    versions = _REL_VSN.findall(sections["version"])
    return Identity(
        environ=dict(_SHOWN_LINE.findall(sections["environ"])),
        version=versions[-1] if versions else None,
        resolv_conf=conf if conf.nameservers else None,
    )
