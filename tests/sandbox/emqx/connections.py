"""Which TCP connections a node has with others: the distribution's with each that it knows, and gen_rpc's once used."""

import ipaddress
from typing import TYPE_CHECKING

from sandbox.kubelet.container import TCPSocket

if TYPE_CHECKING:
    from sandbox.emqx.node import Node

RPC_PORT = 5369
_GIVEN_OUT, _COUNT = 32768, 28000


def of(node: "Node") -> list[TCPSocket]:
    others = node.fabric.connected(node) if node.answers else []
    distribution = [_distribution(node, other) for other in others if other.answers]
    return distribution + [socket for other in others for socket in _rpc(node, other)]


def _distribution(node: "Node", other: "Node") -> TCPSocket:
    """One of the two has dialled."""
    if (node.ip, node.name) > (other.ip, other.name):
        return _dialled(node, other, other.port)
    return _taken(node, other, node.port)


def _rpc(node: "Node", other: "Node") -> list[TCPSocket]:
    """Both ways; 4.x was seen to have them from the start, 5.x once a message crossed, which the switch `rpc` tells."""
    return [
        *([_dialled(node, other, RPC_PORT)] if _sends(node, other) else []),
        *([_taken(node, other, RPC_PORT)] if _sends(other, node) else []),
    ]


def _sends(node: "Node", other: "Node") -> bool:
    used = node.release.is_4x or node.world.switches.get("rpc") == "used"
    return (
        used
        and node.serving
        and other.serving
        and other.name in node.database.running
        and node.world.reachable(other.ip, RPC_PORT)
    )


def _dialled(node: "Node", other: "Node", port: int) -> TCPSocket:
    return TCPSocket(node.ip, _given_out(node.ip, other.ip, port), other.ip, port)


def _taken(node: "Node", other: "Node", port: int) -> TCPSocket:
    return TCPSocket(node.ip, port, other.ip, _given_out(other.ip, node.ip, port))


def _given_out(dialling: str, dialled: str, port: int) -> int:
    """The same at both ends."""
    mixed = int(ipaddress.ip_address(dialling)) * 31 + int(ipaddress.ip_address(dialled)) * 7 + port
    return _GIVEN_OUT + mixed % _COUNT
