"""What can go wrong at the doors to the outside; every other module catches only these.

ClientError
├── APIError             the API server said no; status, reason and message are its own
│   ├── Forbidden        403
│   ├── Conflict         409; reason tells AlreadyExists and Conflict apart
│   ├── Gone             410
│   ├── Invalid          422
│   ├── TooManyRequests  429; also an eviction that a PodDisruptionBudget forbids
│   └── Unavailable      5xx, or no answer at all: refused, reset, timed out (then status is 0)
├── TooLarge             more than is ever read was answered, or listed
├── ExecError            a command in a container has no exit code to show
│   ├── ContainerNotRunning
│   ├── ExecTimedOut
│   ├── ExecRefused      no such executable, or the container runtime failed
│   └── ExecBroken       the connection was cut, or what came was no exec channel
├── UnreadableAnswer     a command answered, but with nothing that can be understood
├── UnsafeArgument       a name that must not become a command's argument, or part of a path
└── ResolverFailed       the nameserver could not be asked
"""
# ruff: noqa: N818 - named as Kubernetes names its reasons

import json
import re
from http import HTTPStatus

from emqx_autocluster.text.credentials import without_users
from emqx_autocluster.text.plain import plain

LONGEST = 1000

_COOKIE = re.compile(r"(-setcookie\s+|\bcookie\s*[=:]\s*)\S+", re.IGNORECASE)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def strip_colours(text: str) -> str:
    return _ANSI.sub("", text)


def one_line(text: str) -> str:
    """Fit for a condition's message: one bounded line, without users and passwords in URLs and Erlang cookies."""
    line = plain(" ".join(_COOKIE.sub(r"\1…", without_users(strip_colours(text))).split()))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


class ClientError(Exception):
    """str() is one line, fit for a condition's message."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class APIError(ClientError):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}" if reason and message else reason or message)
        self.status = status
        self.reason = reason
        self.message = one_line(message)


class Forbidden(APIError):
    pass


class Conflict(APIError):
    @property
    def already_exists(self) -> bool:
        return self.reason == "AlreadyExists"


class Gone(APIError):
    pass


class Invalid(APIError):
    pass


class TooManyRequests(APIError):
    pass


class Unavailable(APIError):
    pass


class TooLarge(ClientError):
    pass


class ExecError(ClientError):
    pass


class ContainerNotRunning(ExecError):
    pass


class ExecTimedOut(ExecError):
    pass


class ExecRefused(ExecError):
    pass


class ExecBroken(ExecError):
    pass


class UnreadableAnswer(ClientError):
    pass


class UnsafeArgument(ClientError):
    pass


class ResolverFailed(ClientError):
    pass


_BY_STATUS: dict[int, type[APIError]] = {
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Gone,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequests,
}


def api_error(status: int, body: bytes) -> APIError:
    """The error for an HTTP answer; its body is a metav1.Status, or, from proxies and kubelets, plain text."""
    kind = Unavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _BY_STATUS.get(status, APIError)
    reason, message = _reason_and_message(body)
    return kind(status, reason or f"HTTP {status}", message)


def _reason_and_message(body: bytes) -> tuple[str, str]:
    text = body.decode(errors="replace")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return "", text
    if not isinstance(answer, dict):
        return "", text
    return str(answer.get("reason") or ""), str(answer.get("message") or "")
