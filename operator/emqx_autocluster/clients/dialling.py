"""Whether a container reaches other pods' ports, with nothing in it but bash and timeout.

bash opens a TCP connection where a redirection names `/dev/tcp/HOST/PORT`. All addresses are dialled by one command,
since each exec costs a request.
"""

import ipaddress
import re
from collections.abc import Iterable

from emqx_autocluster.clients.errors import UnsafeArgument, one_line
from emqx_autocluster.observation import Fact, Unobserved

Address = tuple[str, int]

_SECONDS = 3
_LARGEST_PORT = 65535
_OPEN, _FAILED = 0, 1
_TIMED_OUT = frozenset({124, 143})
"""Of GNU's timeout, and of busybox's, which tells the signal."""
_NOT_LET_IN = re.compile(
    r"Connection refused|Connection timed out|Operation timed out|No route to host|Host is unreachable"
)
_ANSWER = re.compile(r"dialled (?P<host>\S+) (?P<port>[0-9]{1,5}) (?P<code>[0-9]{1,3})")


def command(addresses: Iterable[Address]) -> tuple[str, ...]:
    """Each dial ends with a line of its own: `dialled HOST PORT CODE`."""
    return ("sh", "-c", "; ".join(_dial(host, port) for host, port in addresses))


def _dial(host: str, port: int) -> str:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        raise UnsafeArgument(f"{host!r} is no IP address") from None
    # What stands behind a % names an interface, and may be anything.
    if isinstance(ip, ipaddress.IPv6Address) and ip.scope_id is not None:
        raise UnsafeArgument(f"{host!r} has a zone")
    if not 0 < port <= _LARGEST_PORT:
        raise UnsafeArgument(f"{port} is no port")
    return f"timeout {_SECONDS} bash -c ': > /dev/tcp/{ip}/{port}' 2>&1; echo \"dialled {ip} {port} $?\""


def parse(text: str) -> dict[Address, Fact[bool]]:
    """The words decide as well as the exit code: a bash without network redirections fails with the same code."""
    answers: dict[Address, Fact[bool]] = {}
    said: list[str] = []
    for line in text.split("\n")[:-1]:
        answer = _ANSWER.fullmatch(line)
        if answer is None:
            said.append(line)
            continue
        answers[answer["host"], int(answer["port"])] = _verdict(int(answer["code"]), "\n".join(said))
        said = []
    return answers


def _verdict(code: int, said: str) -> Fact[bool]:
    if code == _OPEN:
        return True
    if code in _TIMED_OUT or (code == _FAILED and _NOT_LET_IN.search(said)):
        return False
    return Unobserved(f"the image cannot dial: {one_line(said) or 'no words'} (exit code {code})")
