"""What the API server says of a right that is missing, in the words in which kubectl asks for it."""

import re
from collections.abc import Iterable

_DENIED = re.compile(
    r"""\ is\ forbidden:\ User\ "[^"]*+"\ cannot\ (?P<verb>\w++)\ resource\ "(?P<resource>[^"]++)"
    \ in\ API\ group\ "(?P<group>[^"]*+)"
    (?:\ in\ the\ namespace\ "(?P<namespace>[^"]++)"|\ at\ the\ cluster\ scope)?+""",
    re.VERBOSE,
)
_FORBIDDEN = "Forbidden: "


def in_kubectl_words(message: str) -> str:
    """`list pods in namespace iot: forbidden` instead of the API server's sentence; all else stays as it is."""
    told, end = list[str](), 0
    for found in _DENIED.finditer(message):
        told += (message[end : _sentence(message, end, found.start())], f"{_right(found)}: forbidden")
        end = found.end()
    return "".join((*told, message[end:]))


def _sentence(message: str, begin: int, end: int) -> int:
    """Where the sentence begins whose subject ends there."""
    start = max(begin, *(message.rfind(mark, begin, end) + 1 for mark in ";:"))
    start += message[start:end].startswith(" ")
    forbidden = start - len(_FORBIDDEN)
    return forbidden if forbidden >= begin and message.startswith(_FORBIDDEN, forbidden) else start


def lacking(messages: Iterable[str]) -> tuple[str, ...]:
    """Each missing right once, in their order: `list pods in namespace iot`."""
    found = (_right(match) for message in messages for match in _DENIED.finditer(message))
    return tuple(dict.fromkeys(found))


def _right(found: re.Match[str]) -> str:
    resource = found["resource"] + (f".{found['group']}" if found["group"] else "")
    where = f"in namespace {found['namespace']}" if found["namespace"] else "in the whole cluster"
    return f"{found['verb']} {resource} {where}"
