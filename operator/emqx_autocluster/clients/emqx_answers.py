"""Reads what `emqx_ctl` prints, of EMQX 4.0 to 6.x: pure functions that never guess.

The exit code is no part of it: up to 5.8 it is 0 for every failure of a cluster command, and 1 after some successes.
"""

import json
import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Generic, TypeVar

from emqx_autocluster.clients.errors import UnreadableAnswer, one_line, strip_colours
from emqx_autocluster.observation import View
from emqx_autocluster.text.plain import is_plain


class JoinOutcome(StrEnum):
    JOINED = "joined"
    IGNORED = "ignored"
    """The node was told to join itself."""
    ALREADY_IN_CLUSTER = "already_in_cluster"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ForceLeaveOutcome(StrEnum):
    REMOVED = "removed"
    IGNORED = "ignored"
    NOT_IN_CLUSTER = "not_in_cluster"
    FAILED = "failed"
    UNKNOWN = "unknown"


class DiscoveryOutcome(StrEnum):
    ENABLED = "enabled"
    NOT_SUPPORTED = "not_supported"
    """EMQX before 5.6.1 does not know the command and prints its usage."""
    UNKNOWN = "unknown"


O = TypeVar("O", JoinOutcome, ForceLeaveOutcome, DiscoveryOutcome)  # noqa: E741


@dataclass(frozen=True, slots=True)
class Answer(Generic[O]):
    outcome: O
    said: str
    """EMQX's own words, one line."""


# Nothing in these patterns can be given back once it is taken (*+), so that no text makes them slow.
_STATUS = re.compile(r"Cluster status:\s*+#\{([^{}]*+)\}")
# Erlang's ~p quotes an atom unless it is all letters, digits, _ and @, beginning with a small letter.
_ATOM = r"(?:'(?:[^'\\]|\\.)*+'|[a-z][A-Za-z0-9_@]*+)"
_ATOMS = rf"\s*+=>\s*+\[\s*+((?:{_ATOM}(?:\s*+,\s*+{_ATOM})*+)?+)\s*+\]"
_LIST = re.compile(_ATOMS)
_NODE = re.compile(r"[^@\s']++@[^@\s']++")
_LONGEST_NAME = 255
"""Characters of an Erlang atom."""
_MOST_NAMES = 500
"""Of one view; the largest clusters have some dozens of nodes."""
_JSON_VIEW = re.compile(r"\{(?=\s*+\"(?:running|stopped)_nodes\")")
_MOST_VIEWS = 4
"""EMQX prints one."""
_MOST_LINES = 200
"""Among which the first words of an answer are looked for."""
_COUNTERS = ("live_connections.count", "connections.count")


def parse_cluster_status(text: str) -> View | None:
    """The membership that a node tells; None: it tells none.

    A list of running nodes that is empty is none: a node that answers runs, so its database is just restarting.
    Raises UnreadableAnswer where it lists more nodes than any cluster has.
    """
    plain = strip_colours(text)
    views = [view for view in (*_printed_views(plain), *_json_views(plain)) if view.running]
    return views[0] if len(set(views)) == 1 else None


def parse_connections(text: str) -> int | None:
    """Devices connected to this node, from `broker stats`; versions without live_connections count only those."""
    lines = (line.partition(":") for line in text.splitlines())
    counts = {name.strip(): number.strip() for name, _, number in lines if name.strip() in _COUNTERS}
    count = next((counts[name] for name in _COUNTERS if name in counts), "")
    return int(count) if re.fullmatch(r"[0-9]{1,15}", count) else None


def parse_join(text: str) -> Answer[JoinOutcome]:
    if line := _said(text, r"Join the cluster successfully\."):
        return Answer(JoinOutcome.JOINED, line)
    if line := _said(text, r"Ignore\."):
        return Answer(JoinOutcome.IGNORED, line)
    if line := _said(text, r"Failed to join the cluster:\s*\{already_in_cluster\b[\s\S]*"):
        return Answer(JoinOutcome.ALREADY_IN_CLUSTER, line)
    if line := _said(text, r"Failed to join the cluster:[\s\S]*"):
        return Answer(JoinOutcome.FAILED, line)
    return Answer(JoinOutcome.UNKNOWN, first_line(text))


def parse_force_leave(text: str) -> Answer[ForceLeaveOutcome]:
    if line := _said(text, r"Remove the node from cluster successfully\."):
        return Answer(ForceLeaveOutcome.REMOVED, line)
    if line := _said(text, r"Ignore\."):
        return Answer(ForceLeaveOutcome.IGNORED, line)
    if line := _said(text, r"Failed to remove the node from cluster:\s*node_not_in_cluster\b"):
        return Answer(ForceLeaveOutcome.NOT_IN_CLUSTER, line)
    if line := _said(text, r"Failed to remove the node from cluster[\s\S]*"):
        return Answer(ForceLeaveOutcome.FAILED, line)
    return Answer(ForceLeaveOutcome.UNKNOWN, first_line(text))


def parse_discovery_enable(text: str) -> Answer[DiscoveryOutcome]:
    if line := _said(text, r"Automatic cluster discovery enabled\."):
        return Answer(DiscoveryOutcome.ENABLED, line)
    if line := _said(text, r"cluster join <Node>.*"):
        return Answer(DiscoveryOutcome.NOT_SUPPORTED, line)
    return Answer(DiscoveryOutcome.UNKNOWN, first_line(text))


def first_line(text: str) -> str:
    """Of an answer that was not understood: its first words, for people. What EMQX's DEBUG=1 traces is none."""
    lines = (
        one_line(line)
        for line in text.split("\n", _MOST_LINES)[:_MOST_LINES]
        if not line.startswith(("DEBUG:", "+"))
    )
    return next(filter(None, lines), "no output")


def _said(text: str, pattern: str) -> str:
    found = re.search(rf"^{pattern}", strip_colours(text), re.MULTILINE)
    return one_line(found[0]) if found else ""


def _printed_views(text: str) -> list[View]:
    views = []
    for body in islice((found[1] for found in _STATUS.finditer(text)), _MOST_VIEWS):
        running, stopped = _printed_nodes("running_nodes", body), _printed_nodes("stopped_nodes", body)
        if running is not None and stopped is not None:
            views.append(View(running, stopped))
    return views


def _printed_nodes(key: str, body: str) -> frozenset[str] | None:
    before, named, _ = body.partition(key)
    found = _LIST.match(body, len(before) + len(key)) if named else None
    return None if found is None else _nodes([_unquoted(atom) for atom in re.findall(_ATOM, found[1])])


def _unquoted(atom: str) -> str:
    return re.sub(r"\\(.)", r"\1", atom[1:-1]) if atom.startswith("'") else atom


def _json_views(text: str) -> list[View]:
    decoder = json.JSONDecoder()
    views = []
    for opening in islice(_JSON_VIEW.finditer(text), _MOST_VIEWS):
        try:
            found, _ = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            continue
        running, stopped = _nodes(found.get("running_nodes")), _nodes(found.get("stopped_nodes"))
        if running is not None and stopped is not None:
            views.append(View(running, stopped))
    return views


def _nodes(names: Any) -> frozenset[str] | None:
    if isinstance(names, list) and len(names) > _MOST_NAMES:
        raise UnreadableAnswer(f"not judged: it lists {len(names)} nodes, more than {_MOST_NAMES}")
    if not isinstance(names, list) or not all(map(_is_node, names)):
        return None
    return frozenset(map(sys.intern, names))  # each member lists the same ones


def _is_node(name: Any) -> bool:
    """What holds anything else than can be seen is no name that Erlang would give a node."""
    named = isinstance(name, str) and len(name) <= _LONGEST_NAME and _NODE.fullmatch(name) is not None
    return named and is_plain(name)
