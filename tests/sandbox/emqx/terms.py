"""Erlang's term printing (`~p` and `~0p`), as far as EMQX's command line and log use it; pure.

Separate, because the layout is a contract of its own: what reads `cluster status` must cope with exactly these
line breaks. It follows OTP's io_lib_pretty: 80 columns, at most 60 characters of text to a line.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LINE_LENGTH = 80
TEXT_LENGTH = 60
VALUE_INDENT = 4

_BARE_ATOM = re.compile(r"[a-z][a-zA-Z0-9_@]*\Z")
_RESERVED = frozenset(
    re.findall(
        r"\w+",
        "after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end fun if let maybe not of or "
        "orelse receive rem try when xor",
    )
)
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def atom(name: str) -> str:
    """Print an atom: quoted unless it is a bare word of letters, digits, `_` and `@`."""
    if _BARE_ATOM.match(name) and name not in _RESERVED:
        return name
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def string(text: str) -> str:
    """Print a string."""
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'


def atoms(names: Sequence[str]) -> str:
    """Print a list of atoms on one line."""
    return "[" + ",".join(atom(name) for name in names) + "]"


def binaries(texts: Iterable[str]) -> str:
    """Print a list of binaries on one line."""
    return "[" + ",".join(f"<<{string(text)}>>" for text in texts) + "]"


@dataclass(frozen=True, slots=True)
class _Room:
    """Where printing stands: the column, the characters already on this line's text, and what must follow."""

    column: int
    text: int
    closing: int

    def holds(self, length: int) -> bool:
        """Whether that many characters may still go onto this line."""
        return (
            length < LINE_LENGTH - self.column - self.closing
            and length + self.text + self.closing <= TEXT_LENGTH
        )


def _element(text: str, room: _Room) -> tuple[str, int]:
    return text, len(text) if room.holds(len(text)) else LINE_LENGTH


def _list(items: Sequence[str], column: int, closing: int) -> str:
    """Lay a list out whose bracket stands at the column; as many elements to a line as fit."""
    flat = "[" + ",".join(items) + "]"
    if _Room(column, 0, closing).holds(len(flat)) or not items:
        return flat
    first = column + 1
    last = len(items) - 1
    printed, width = _element(items[0], _Room(first, 1, closing + 1 if last == 0 else 0))
    out = ["[", printed]
    at, text = first + width, 1 + width
    for index, item in enumerate(items[1:], start=1):
        length = 1 + len(item)
        after = closing + 1 if index == last else 1
        if _Room(at, text, after).holds(length):
            out.append("," + item)
            at, text = at + length, text + length
        else:
            printed, width = _element(item, _Room(first, 0, after if index == last else 0))
            out.append(",\n" + " " * (first - 1) + printed)
            at, text = first + width, width
    return "".join(out) + "]"


def _pair(key: str, items: Sequence[str], room: _Room) -> tuple[str, int]:
    flat = f"{key} => [{','.join(items)}]"
    if room.holds(len(flat)):
        return flat, len(flat)
    column = room.column + VALUE_INDENT
    return f"{key} =>\n{' ' * (column - 1)}{_list(items, column, room.closing)}", LINE_LENGTH


def pretty_map(entries: Mapping[str, Sequence[str]], prefix: int) -> str:
    """Print a map from atoms to lists of atoms as `~p` does after `prefix` characters on the same line."""
    pairs = [(atom(key), [atom(name) for name in names]) for key, names in entries.items()]
    flats = [f"{key} => [{','.join(items)}]" for key, items in pairs]
    flat = "#{" + ",".join(flats) + "}"
    column = prefix + 1
    if _Room(column, 0, 0).holds(len(flat)):
        return flat
    column += 2
    last = len(pairs) - 1
    out: list[str] = []
    at, text = column, 1
    for index, ((key, items), whole) in enumerate(zip(pairs, flats, strict=True)):
        closing = 1 if index == last else 0
        length = 1 + len(whole)
        if index and _Room(at, text, closing or 1).holds(length):
            out.append("," + whole)
            at, text = at + length, text + length
            continue
        printed, width = _pair(key, items, _Room(column, 0 if index else 1, closing))
        out.append((",\n" + " " * (column - 1) if index else "") + printed)
        at, text = column + width, width
    return "#{" + "".join(out) + "}"


def cluster_status(running: Sequence[str], stopped: Sequence[str], *, stopped_first: bool = False) -> str:
    """What `cluster status` prints; from OTP 26 on the order of a map's keys is not promised."""
    entries = {"running_nodes": running, "stopped_nodes": stopped}
    if stopped_first:
        entries = dict(reversed(entries.items()))
    label = "Cluster status: "
    return f"{label}{pretty_map(entries, len(label))}\n"


def cluster_status_json(running: Sequence[str], stopped: Sequence[str], *, stopped_first: bool = True) -> str:
    """What `cluster status --json` prints; jiffy's pretty form keeps an empty array on three lines."""
    entries = [("running_nodes", running), ("stopped_nodes", stopped)]
    if stopped_first:
        entries.reverse()
    body = ",\n".join(f'  "{key}" : {_json_array(names)}' for key, names in entries)
    return "{\n" + body + "\n}\n"


def _json_array(names: Sequence[str]) -> str:
    if not names:
        return "[\n    \n  ]"
    return "[\n" + ",\n".join(f'    "{name}"' for name in names) + "\n  ]"
