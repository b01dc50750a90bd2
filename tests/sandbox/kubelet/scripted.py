"""The program of an image of somebody's own: to each command it answers what its environment says, in any quantity.

`ANSWER_<COMMAND>` is JSON: `head`, then `text` so many `times`, then `tail`, after so many `seconds` and with exit code
`code`; `$POD` is the pod's name. `ANSWER_LOG` is what it logs at its start, `ANSWER_HTTP` the status that probes get.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

from .container import CommandNotFound, Response
from .idle import Idle

_PREFIX = "ANSWER_"
_PIECE = 32 * 1024


class Scripted(Idle):
    """Idle but for its answers; a command without one is left to the kubelet's generic ones."""

    async def run(self) -> int:
        """Log, then wait for SIGTERM."""
        said = self._answer("LOG")
        if said:
            for _ in range(said.get("times", 1)):
                self._world.log(said["text"])
        return await super().run()

    def http(self, port: int, path: str) -> Response:
        """Answer with the status that is asked for, else 200."""
        status = self._answer("HTTP")
        return Response(status) if status else super().http(port, path)

    async def execute(
        self,
        argv: Sequence[str],
        stdin: bytes,  # noqa: ARG002 - reads nothing
        out: Callable[[bytes], None],
        err: Callable[[bytes], None],  # noqa: ARG002 - complains of nothing
    ) -> int:
        """Answer a command that has an answer."""
        answer = self._answer(PurePosixPath(argv[0]).name.upper())
        if answer is None:
            raise CommandNotFound(argv[0])
        await asyncio.sleep(answer.get("seconds", 0))
        text = (
            answer.get("head", "") + answer.get("text", "") * answer.get("times", 1) + answer.get("tail", "")
        )
        whole = text.replace("$POD", self._world.pod).encode(errors="surrogateescape")
        for start in range(0, len(whole), _PIECE):
            out(whole[start : start + _PIECE])
            await asyncio.sleep(0)
        return int(answer.get("code", 0))

    def _answer(self, name: str) -> Any:
        given = self._world.env.get(_PREFIX + name)
        return None if given is None else json.loads(given)
