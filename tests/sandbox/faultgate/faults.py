"""What can go wrong with a request or an exec channel on its way. Which requests: the gate's `put`."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from itertools import repeat

from aiohttp import web
from yarl import URL

_REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}
_STDOUT = 1
_BLOCK = 64 * 1024
_RUBBISH = b"\xff\xfe\x00\x1b[31m{{{ not what was asked for \x80\x81\n"


class CutOffError(Exception):
    """The connection ends here, without a word."""


class Fault:
    """Does nothing; each kind overrides the moment that it spoils."""

    async def before(self, request: web.Request, target: URL) -> URL | web.Response:  # noqa: ARG002
        """Before the request is passed on: the address to ask, or the answer instead."""
        return target

    def padding(self) -> Iterable[bytes]:
        """What is sent before an answer's body."""
        return ()

    async def talk(self) -> None:
        """Beside an exec channel, from its opening on; raises CutOffError."""
        await asyncio.Event().wait()

    async def frame(self, data: bytes) -> bytes:
        """A message of an exec channel on its way to the client."""
        return data


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """Answers instead of the API server, as it would itself."""

    code: int

    async def before(self, request: web.Request, target: URL) -> URL | web.Response:  # noqa: ARG002
        body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "reason": _REASONS[self.code],
            "message": f"{request.method} {request.path}: refused on the way",
            "code": self.code,
        }
        headers = {"Retry-After": "1"} if self.code == web.HTTPTooManyRequests.status_code else {}
        text = json.dumps(body)
        return web.Response(status=self.code, text=text, content_type="application/json", headers=headers)


@dataclass(frozen=True, slots=True)
class Wait(Fault):
    """Passes the request on late: after so many seconds, or once something was done meanwhile."""

    seconds: float = 0.0
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def before(self, request: web.Request, target: URL) -> URL | web.Response:  # noqa: ARG002
        await asyncio.sleep(self.seconds)
        if self.meanwhile:
            await self.meanwhile()
        return target


@dataclass(frozen=True, slots=True)
class OldVersion(Fault):
    """A watch goes on from a resourceVersion that the API server no longer has."""

    async def before(self, request: web.Request, target: URL) -> URL | web.Response:
        return target.update_query(resourceVersion="1") if "watch" in request.query else target


@dataclass(frozen=True, slots=True)
class Pad(Fault):
    """So many bytes of blanks before the answer, which JSON allows."""

    size: int

    def padding(self) -> Iterable[bytes]:
        return repeat(b" " * _BLOCK, self.size // _BLOCK)


@dataclass(frozen=True, slots=True)
class Hang(Fault):
    """The command's words never arrive."""

    async def frame(self, data: bytes) -> bytes:
        await asyncio.Event().wait()
        return data


@dataclass(frozen=True, slots=True)
class HoldBack(Fault):
    """The command's words arrive so many seconds late."""

    seconds: float

    async def frame(self, data: bytes) -> bytes:
        await asyncio.sleep(self.seconds)
        return data


@dataclass(frozen=True, slots=True)
class Cut(Fault):
    """The exec channel is cut so many seconds after it was opened; the command's words were still under way."""

    after: float

    async def frame(self, data: bytes) -> bytes:
        await asyncio.Event().wait()
        return data

    async def talk(self) -> None:
        await asyncio.sleep(self.after)
        raise CutOffError


@dataclass(frozen=True, slots=True)
class Garble(Fault):
    """The command's output is rubbish, its status is right."""

    async def frame(self, data: bytes) -> bytes:
        return data[:1] + _RUBBISH if data[:1] == bytes([_STDOUT]) else data


@dataclass(slots=True)
class Rule:
    """A fault and the requests that it is for."""

    fault: Fault
    path: re.Pattern[str]
    method: str | None
    left: int | None
    """How many more requests; None: any number."""
    hits: int = field(default=0)

    def takes(self, method: str, path: str) -> bool:
        """Whether the request is spoilt; counts it."""
        if self.left == 0 or self.method not in {None, method} or not self.path.search(path):
            return False
        self.hits += 1
        self.left = None if self.left is None else self.left - 1
        return True
