"""The program of every image that has no stand-in of its own."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from .container import CommandNotFound, Response, TCPSocket, World

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Idle:
    """Sleeps until SIGTERM, exits 0, and answers every probe."""

    def __init__(self, world: World) -> None:
        """Take the world for its environment alone."""
        self._world = world
        self._stop = asyncio.Event()

    @property
    def environ(self) -> Mapping[str, str]:
        """What a runtime gives to a process: PATH, HOSTNAME and the spec's environment."""
        return {"PATH": PATH, "HOSTNAME": self._world.hostname, **self._world.env}

    async def run(self) -> int:
        """Wait for SIGTERM."""
        self._world.log("idle: started, nothing to do")
        await self._stop.wait()
        self._world.log("idle: stopped by SIGTERM")
        return 0

    def terminate(self) -> None:
        """End `run`."""
        self._stop.set()

    def http(self, port: int, path: str) -> Response:  # noqa: ARG002 - answers on every port and path
        """Answer 200."""
        return Response(200, "ok")

    def listens(self, port: int) -> bool:  # noqa: ARG002 - answers on every port
        """Accept on every port."""
        return True

    def sockets(self) -> Sequence[TCPSocket]:
        """None that anybody asks for."""
        return ()

    async def execute(
        self,
        argv: Sequence[str],
        stdin: bytes,  # noqa: ARG002 - has no commands
        out: Callable[[bytes], None],  # noqa: ARG002
        err: Callable[[bytes], None],  # noqa: ARG002
    ) -> int:
        """Leave every command to the kubelet's generic ones."""
        raise CommandNotFound(argv[0])
