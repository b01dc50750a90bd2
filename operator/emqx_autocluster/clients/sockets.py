"""Reads the kernel's list of TCP sockets in a container: no Erlang VM starts, and the broker notices nothing.

A broker with many devices has one line for each of them, so only what listens and what has to do with the nodes'
own ports leaves the container.
"""

import ipaddress
import re
from collections.abc import Iterable

from emqx_autocluster.clients.errors import UnreadableAnswer
from emqx_autocluster.observation import Socket

FILES = ("/proc/net/tcp", "/proc/net/tcp6")
_HEADER = "local_address"
_LISTENS, _ESTABLISHED = "0A", "01"
_ENDPOINT = r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})"
_UNTIL_INODE = r"[0-9A-F:]+ [0-9A-F:]+ [0-9A-F]+ +\d+ +\d+"
"""Queues, timer, retransmits, user and timeout."""
_LINE = re.compile(
    rf" *\d+: {_ENDPOINT} {_ENDPOINT} ([0-9A-F]{{2}}) (?:{_UNTIL_INODE} (\d{{1,20}}) )?.*", re.ASCII
)
_WORD = 8
_MOST = 500
"""Peers, and ports that listen; all of them are remembered for each member."""


def command(ports: Iterable[int]) -> tuple[str, ...]:
    """All that listens, and established connections with one of these ports at either end.

    Exit code 1 or 2 where one of the two files is missing, as without IPv6; the other is read all the same.
    """
    return ("grep", "-hE", pattern(ports), *FILES)


def pattern(ports: Iterable[int]) -> str:
    wanted = "|".join(f"{port:04X}" for port in sorted(ports))
    return f"{_HEADER}| {_LISTENS} |:({wanted}) ([0-9A-F]+:[0-9A-F]+ )?{_ESTABLISHED} "


def parse(text: str) -> frozenset[Socket] | None:
    """None: it is not what the kernel prints. Sockets in other states, such as those that wait for an end, are none.

    Raises UnreadableAnswer where there are more than any node has.
    """
    lines = text.splitlines()
    if not any(_HEADER in line for line in lines):
        return None
    found = set()
    for line in lines:
        if _HEADER in line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        local, port, remote, remote_port, state, inode = match.groups()
        if state == _LISTENS:
            found.add(Socket(_address(local), int(port, 16), listens=True, inode=int(inode or 0)))
        elif state == _ESTABLISHED:
            found.add(Socket(_address(local), int(port, 16), _address(remote), int(remote_port, 16)))
    ends = len({socket.port if socket.listens else socket.remote for socket in found})
    if ends > _MOST:
        raise UnreadableAnswer(f"not judged: {ends} peers and listeners, more than {_MOST}")
    return frozenset(found)


def _address(text: str) -> str:
    """In 32-bit words of the machine's byte order, which is little on all that EMQX is built for."""
    words = (text[at : at + _WORD] for at in range(0, len(text), _WORD))
    packed = b"".join(bytes.fromhex(word)[::-1] for word in words)
    ip = ipaddress.ip_address(packed)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)
