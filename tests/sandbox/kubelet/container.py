"""What the kubelet and the program in a container know of each other. A program imports nothing else of the kubelet."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TCPSocket:
    """One that listens, or an established connection."""

    local: str
    port: int
    remote: str = ""
    remote_port: int = 0
    inode: int = 2554500
    """Those of connections are all alike here."""

    @property
    def listens(self) -> bool:
        return not self.remote


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, as a probe or a program sees it."""

    status: int
    body: str = ""


class Refused(Exception):  # noqa: N818 - named as what happened
    """Nothing listens there (connection refused)."""


class TimedOut(Exception):  # noqa: N818 - named as what happened
    """No answer within the caller's time."""


class NameNotFound(Exception):  # noqa: N818 - named as what happened
    """The name does not exist, or has no address (NXDOMAIN or NODATA for every name of the search list)."""


class ResolutionFailed(Exception):  # noqa: N818 - named as what happened
    """The name service gave no verdict; `kind` is "servfail", "refused" or "timeout"."""

    def __init__(self, kind: str) -> None:
        """Keep the kind, which decides what a program logs."""
        super().__init__(kind)
        self.kind = kind


class TLSAlert(Exception):  # noqa: N818 - named as what happened
    """The handshake failed; `kind` is "unknown_ca", "handshake_failure" or "hostname_check_failed"."""

    def __init__(self, kind: str) -> None:
        """Keep the kind, which decides what a program logs."""
        super().__init__(kind)
        self.kind = kind


class CommandNotFound(Exception):  # noqa: N818 - named as what happened
    """The program's image has no such command; the kubelet then tries its generic ones."""


def pace(switches: Mapping[str, str]) -> float:
    """What a pod's times are multiplied with: EMQX's own and its probes' alike, so that the same comes first."""
    return float(switches.get("pace") or 1)


class World(Protocol):
    """What a process in the container can see and reach."""

    @property
    def env(self) -> Mapping[str, str]:
        """The environment that the pod spec gives, service variables included, HOSTNAME and PATH not."""

    @property
    def hostname(self) -> str:
        """`spec.hostname`, else the pod's name."""

    @property
    def ip(self) -> str:
        """The pod IP: a label known to the sandbox alone."""

    @property
    def pod(self) -> str:
        """The pod's name."""

    @property
    def namespace(self) -> str:
        """The pod's namespace."""

    @property
    def uid(self) -> str:
        """The pod's uid."""

    @property
    def image_version(self) -> str:
        """The tag of the image, such as "5.8.9"; "latest" without one."""

    @property
    def image_repository(self) -> str:
        """The image without its tag, such as "emqx/emqx-enterprise"."""

    @property
    def files(self) -> MutableMapping[str, bytes]:
        """Absolute path -> content; the kubelet rewrites the token here when it rotates."""

    @property
    def volumes(self) -> MutableMapping[str, object]:
        """Mount path -> a dict that lives as long as the volume."""

    @property
    def switches(self) -> Mapping[str, str]:
        """The pod's switches over its namespace's, live."""

    def log(self, line: str) -> None:
        """Write one line to the container's standard output."""

    async def resolve(self, host: str) -> list[str]:
        """Look the host's IPv4 addresses up through /etc/hosts and /etc/resolv.conf.

        Raises NameNotFound or ResolutionFailed.
        """

    async def records(self, name: str, kind: str) -> list[str]:
        """What the pod's nameservers answer for exactly that name, without /etc/hosts and the search list.

        `kind`: "A" gives addresses, "SRV" targets. Empty also where no nameserver answered.
        """

    async def http_get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        ca: bytes | None,
        verify: bool,
        connect_timeout: float | None,
        timeout: float | None,  # noqa: ASYNC109 - what a program gives its HTTP client
    ) -> Response:
        """GET through the sandbox's address table.

        Raises Refused, NameNotFound, ResolutionFailed, TimedOut or TLSAlert.
        """

    def reachable(self, ip_or_host: str, port: int) -> bool:
        """Whether the network lets this pod open a TCP connection to that pod's address."""

    async def connect(self, ip: str, port: int) -> None:
        """Open a TCP connection to a pod's port and close it; raises Refused, or TimedOut after minutes."""


class Program(Protocol):
    """The main process of a container."""

    @property
    def environ(self) -> Mapping[str, str]:
        """PID 1's environment as /proc/1/environ shows it."""

    async def run(self) -> int:
        """Run until the process ends; gives its exit code. Cancelled: SIGKILL."""

    def terminate(self) -> None:
        """SIGTERM: `run` shall return soon."""

    def http(self, port: int, path: str) -> Response:
        """Answer an HTTP probe; raises Refused."""

    def listens(self, port: int) -> bool:
        """Whether a TCP probe of the port succeeds."""

    def sockets(self) -> Sequence[TCPSocket]:
        """What /proc/net/tcp lists."""

    async def execute(
        self,
        argv: Sequence[str],
        stdin: bytes,
        out: Callable[[bytes], None],
        err: Callable[[bytes], None],
    ) -> int:
        """Run a command of this image; raises CommandNotFound."""
