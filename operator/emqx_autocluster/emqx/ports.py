"""The ports by which EMQX nodes talk to each other, where they can be told for certain."""

import string
from collections.abc import Iterable
from dataclasses import dataclass

from emqx_autocluster.emqx import configfiles
from emqx_autocluster.observation import Container

DISTRIBUTION = 4370
"""Erlang's own; a number at the end of a node name's first part is added to it."""
RPC = 5369

_STATELESS_BASE = 5370
_SETTING = "EMQX_RPC__"
_LONGEST = 255
"""Characters of an Erlang atom."""
_BY_EPMD = frozenset({"WITH_EPMD", "EPMD_ARGS"})
"""Variables of EMQX's start script, with which the port is any that epmd tells."""


@dataclass(frozen=True, slots=True)
class NodePorts:
    """By which ports a node's connections with its peers are known."""

    own: int
    """Where it listens for its peers' Erlang nodes; with TLS it is the same."""
    distribution: frozenset[int]
    """Where any of them does."""
    rpc: frozenset[int]
    """Where any of them takes messages; none: that is not known."""

    @property
    def every(self) -> frozenset[int]:
        return self.distribution | self.rpc


def node_ports(
    container: Container, node: str | None, nodes: Iterable[str], *, numbered: bool | None
) -> NodePorts | None:
    """Of `node`, whose peers are `nodes`; without a name that of most. None: they may be any."""
    if any(entry.name in _BY_EPMD for entry in container.env):
        return None
    known = set(nodes) | ({node} if node else set())
    own = distribution_port(node or "")
    told = _tells_rpc_port(container, numbered=numbered)
    return NodePorts(
        own=own,
        distribution=frozenset({DISTRIBUTION, own, *map(distribution_port, known)}),
        rpc=frozenset(_rpc_port(name, numbered=numbered) for name in known) if told else frozenset(),
    )


def rpc_port(container: Container, node: str, *, numbered: bool | None) -> int | None:
    """Where that node takes messages of its peers (gen_rpc); None: it may be configured to any.

    `numbered`: whether that version lets the port follow from the node name; None: not known.
    """
    return _rpc_port(node, numbered=numbered) if _tells_rpc_port(container, numbered=numbered) else None


def _tells_rpc_port(container: Container, *, numbered: bool | None) -> bool:
    configured = any(entry.name.startswith(_SETTING) for entry in container.env)
    mounted = configfiles.are_mounted(container)
    return not (numbered is None or configured or mounted or container.env_from)


def _rpc_port(node: str, *, numbered: bool | None) -> int:
    return numbered_rpc_port(node) if numbered else RPC


def numbered_rpc_port(node: str) -> int:
    """Where it follows from the node's name (stateless)."""
    return _STATELESS_BASE + _number(node)


def distribution_port(node: str) -> int:
    """Where that node listens for its peers' Erlang nodes."""
    return DISTRIBUTION + _number(node)


def _number(node: str) -> int:
    name = node.partition("@")[0][-_LONGEST:]
    digits = name[len(name.rstrip(string.digits)) :]
    return int(digits) % 60000 if digits else 0
