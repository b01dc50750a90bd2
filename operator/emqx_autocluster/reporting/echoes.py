"""Which events of a custom resource only show what was just written to it: to look again because of them costs members.

What is known to be written is noted before it is sent, so an event is told apart however soon it comes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MOST = 8
"""States of one status that are waited for; a pass writes three at most."""

Key = tuple[str, str]
"""Namespace and name."""


@dataclass(slots=True)
class _Known:
    words: int
    """Of what users say in it, a digest: a fleet has thousands of them."""
    statuses: list[int] = field(default_factory=list)
    """Digests too: the one that was seen last, and those that were written since."""


class Echoes:
    def __init__(self) -> None:
        self._known: dict[Key, _Known] = {}

    def creating(self, body: Mapping[str, Any]) -> None:
        self._known[_key(body)] = _Known(_words(body), [_digest(None)])

    def writing(self, key: Key, status: Mapping[str, Any]) -> None:
        if known := self._known.get(key):
            known.statuses = [*known.statuses, _digest(status)][-_MOST:]

    def is_echo(self, body: Mapping[str, Any]) -> bool:
        """Whether it says what was written, or what was seen before; what anybody else wrote is news."""
        key, words, status = _key(body), _words(body), _digest(body.get("status"))
        known = self._known.get(key)
        if known is None or known.words != words or status not in known.statuses:
            self._known[key] = _Known(words, [status])
            return False
        del known.statuses[: known.statuses.index(status)]
        return True

    def forget(self, body: Mapping[str, Any]) -> None:
        self._known.pop(_key(body), None)


def _key(body: Mapping[str, Any]) -> Key:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _words(body: Mapping[str, Any]) -> int:
    """All but the status, and but what each write changes: `generation` stands for the spec."""
    metadata = body["metadata"]
    names = ("labels", "annotations", "ownerReferences", "deletionTimestamp")
    return _digest([metadata.get("generation", 1), *(metadata.get(name) for name in names)])


def _digest(value: Any) -> int:
    return hash(json.dumps(value or None, sort_keys=True))
