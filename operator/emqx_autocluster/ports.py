"""The ports by which EMQX nodes talk to each other, where they can be told for certain."""

import re

from packaging.version import Version

from emqx_autocluster.observation import Container

DISTRIBUTION = 4370
"""Erlang's own; a number at the end of a node name's first part is added to it."""
RPC = 5369

_STATELESS_BASE = 5370
_SETTING = "EMQX_RPC__"
_EMQX_CONFIG = "/opt/emqx/etc"


def rpc_port(container: Container, version: Version | None, node: str) -> int | None:
    """Where that node takes messages of its peers (gen_rpc); None: it may be configured to any.

    The image of 4.2 leaves gen_rpc at ports that follow from the node name; all others fix it.
    """
    configured = any(entry.name.startswith(_SETTING) for entry in container.env)
    mounted = any(path.startswith(_EMQX_CONFIG) for path in container.mounts)
    if version is None or configured or mounted or container.env_from:
        return None
    if (version.major, version.minor) == (4, 2):
        return _STATELESS_BASE + _number(node)
    return RPC


def distribution_port(node: str) -> int:
    """Where that node listens for its peers' Erlang nodes."""
    return DISTRIBUTION + _number(node)


def _number(node: str) -> int:
    digits = re.search(r"(\d*)$", node.partition("@")[0])
    return int(digits[1]) % 60000 if digits and digits[1] else 0
