"""What the broker reads of its emqx.conf where the pod mounts one: by the variables that would set the same; pure.

Enough of both formats for the files that tests mount: lines of 4.x, and of 5.x names, braces and plain values.
"""

import re
from collections.abc import Iterable, Mapping

from sandbox.emqx.generations import Release

CONF = "/opt/emqx/etc/emqx.conf"
_PART = re.compile(
    r'\s*(?:(?P<close>\})|(?P<name>[\w."]+)\s*(?:(?P<open>\{)|[=:]\s*(?P<value>"[^"]*"|[^\s,}]+)))'
)


def variables(release: Release, files: Mapping[str, bytes]) -> dict[str, str]:
    text = files.get(CONF, b"").decode()
    lines = (re.sub(r"(^|\s)(#|//).*", "", line) for line in text.splitlines())
    found = _lines(lines) if release.is_4x else _hocon(re.sub(r"[\n,]+", "\n", "\n".join(lines)))
    return {f"EMQX_{name.upper().replace('.', '__')}": value for name, value in found.items()}


def _lines(lines: Iterable[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _hocon(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    opened: list[str] = []
    at = 0
    while part := _PART.match(text, at):
        at = part.end()
        if part["close"]:
            opened.pop()
        elif part["open"]:
            opened.append(part["name"].replace('"', ""))
        else:
            found[".".join([*opened, part["name"].replace('"', "")])] = part["value"].strip('"')
    if text[at:].strip():
        raise ValueError(f"the stand-in does not read this: {text[at:].strip()[:40]!r}")
    return found
