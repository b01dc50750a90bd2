"""What the API server says of a right that is missing, in the words in which kubectl asks for it."""

import re
from collections.abc import Iterable

_DENIED = re.compile(
    r"""(?:Forbidden:\ )?[^;:]*\ is\ forbidden:\ User\ "[^"]*"\ cannot\ (?P<verb>\w+)\ resource\ "(?P<resource>[^"]+)"
    \ in\ API\ group\ "(?P<group>[^"]*)"(?:\ in\ the\ namespace\ "(?P<namespace>[^"]+)"|\ at\ the\ cluster\ scope)?""",
    re.VERBOSE,
)


def in_kubectl_words(message: str) -> str:
    """`list pods in namespace iot: forbidden` instead of the API server's sentence; all else stays as it is."""
    return _DENIED.sub(lambda found: f"{_right(found)}: forbidden", message)


def lacking(messages: Iterable[str]) -> tuple[str, ...]:
    """Each missing right once, in their order: `list pods in namespace iot`."""
    found = (_right(match) for message in messages for match in _DENIED.finditer(message))
    return tuple(dict.fromkeys(found))


def _right(found: re.Match[str]) -> str:
    resource = found["resource"] + (f".{found['group']}" if found["group"] else "")
    where = f"in namespace {found['namespace']}" if found["namespace"] else "in the whole cluster"
    return f"{found['verb']} {resource} {where}"
