"""What a node's sockets mean, and whether they are as they were."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator

from emqx_autocluster.emqx.ports import NodePorts
from emqx_autocluster.observation import Pulse, Socket

_GIVEN_OUT = 32768
"""From here on Linux gives ports out by itself: one that listens there is a tool's, such as `emqx_ctl`'s own node."""

_UNTOLD = 0


def take(sockets: Iterable[Socket], ports: NodePorts) -> Pulse:
    listening, peers, dialled = defaultdict[int, set[int]](set), set(), set()
    for socket in sockets:
        if socket.listens:
            listening[socket.port].add(socket.inode)
        elif _is_own(socket):
            continue
        elif socket.port == ports.own or socket.remote_port in ports.distribution:
            peers.add(socket.remote)
        elif socket.remote_port in ports.rpc:
            dialled.add(socket.remote)
    others = listening.keys() - ports.rpc - {ports.own}
    listeners = frozenset(port for port in others if port < _GIVEN_OUT)
    return Pulse(
        up=ports.own in listening,
        takes_messages=bool(listening.keys() & ports.rpc),
        listeners=listeners,
        opened=frozenset[int]().union(*(listening[port] for port in listeners)) - {_UNTOLD},
        nodes=frozenset(peers),
        reaches=frozenset(dialled),
    )


def differences(before: Pulse, now: Pulse) -> tuple[str, ...]:
    """In words, what is not as it was; none only where the two are equal."""
    return tuple(_differences(before, now))


def _differences(before: Pulse, now: Pulse) -> Iterator[str]:
    if before.up != now.up:
        yield "its node runs again" if now.up else "its node does not run"
    if before.takes_messages != now.takes_messages:
        yield f"it {'takes' if now.takes_messages else 'no longer takes'} messages of other nodes"
    yield from _changed(map(str, before.listeners), map(str, now.listeners), "a listener on port")
    if before.listeners == now.listeners and before.opened != now.opened:
        yield "it has opened its listeners anew"
    yield from _changed(before.nodes, now.nodes, "the connection with the node at")
    yield from _changed(before.reaches, now.reaches, "the connection for messages to")


def _changed(before: Iterable[str], now: Iterable[str], what: str) -> Iterator[str]:
    was, is_ = set(before), set(now)
    yield from (f"it lost {what} {each}" for each in sorted(was - is_))
    yield from (f"it has {what} {each}" for each in sorted(is_ - was))


def _is_own(socket: Socket) -> bool:
    """A connection within the pod, such as that of `emqx_ctl` with the node."""
    return socket.local == socket.remote or ipaddress.ip_address(socket.remote).is_loopback
