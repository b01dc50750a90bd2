"""The TCP sockets of a pod as its kernel lists them in /proc/net/tcp."""

import ipaddress
from collections.abc import Iterable

from .container import TCPSocket

_ESTABLISHED, _LISTENS = "01", "0A"
_ANY = "0.0.0.0"  # noqa: S104 - as the kernel shows the other end of one that listens
_HEADER = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    "                                                     \n"
)
_HEADER_6 = (
    "  sl  local_address                         remote_address                        st tx_queue rx_queue"
    " tr tm->when retrnsmt   uid  timeout inode\n"
)


def proc_net_tcp(sockets: Iterable[TCPSocket]) -> bytes:
    return (_HEADER + "".join(_line(number, each) for number, each in enumerate(sockets))).encode()


def proc_net_tcp6() -> bytes:
    return _HEADER_6.encode()


def _line(number: int, socket: TCPSocket) -> str:
    local = _endpoint(socket.local, socket.port)
    remote = _endpoint(socket.remote or _ANY, socket.remote_port)
    state = _LISTENS if socket.listens else _ESTABLISHED
    rest = f"00000000:00000000 00:00000000 00000000  1000        0 {socket.inode} 1 0000000000000000 100 0 0 10 0"
    return f"{number:4}: {local} {remote} {state} {rest:<90}\n"


def _endpoint(address: str, port: int) -> str:
    return f"{ipaddress.IPv4Address(address).packed[::-1].hex().upper()}:{port:04X}"
