"""The record of replaced fields, and what it may hold: who may annotate a workload may write it, and people obey it.

A closed set of fields, each with the plain values that Kubernetes gives it. References to other objects are plain as
well, and yet believed only where the operator's own copy has them too.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emqx_autocluster.text import grammar

ENV = "env/"
_VARIABLE = re.compile(r"EMQX_[A-Za-z0-9_]{1,250}")
_DNS_POLICIES = frozenset({"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"})
_SHARE = re.compile(r"[0-9]{1,3}%")
_LARGEST = 2**31 - 1
_SOURCES = frozenset({"configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"})


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _is_share(value: Any) -> bool:
    return _is_count(value) or (isinstance(value, str) and _SHARE.fullmatch(value) is not None)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_account(value: Any) -> bool:
    return isinstance(value, str) and grammar.is_name(value)


def _is_policy(value: Any) -> bool:
    return isinstance(value, str) and value in _DNS_POLICIES


_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "serviceAccountName": _is_account,
    "automountServiceAccountToken": _is_switch,
    "dnsPolicy": _is_policy,
    "minReadySeconds": _is_count,
    "paused": _is_switch,
    "updateStrategy.rollingUpdate.partition": _is_count,
    "strategy.rollingUpdate.maxSurge": _is_share,
    "strategy.rollingUpdate.maxUnavailable": _is_share,
}
"""All that the operator ever replaces beside variables; None is a field that was not there."""


def flaw(field: Any, was: Any, now: Any) -> str | None:
    """What no record of ours has, in a few words; None: it is sound."""
    if not isinstance(field, str):
        return "a field is no text"
    if field.startswith(ENV):
        name = field.removeprefix(ENV)
        if not _VARIABLE.fullmatch(name) or not isinstance(now, str):
            return f"{field} is no variable of EMQX with a text"
        return None if was is None or _is_entry(was, name) else f"what {field} was is no entry of env"
    fits = _FIELDS.get(field)
    if fits is None:
        return f"{field} is no field that the operator replaces"
    return (
        None
        if all(value is None or fits(value) for value in (was, now))
        else f"{field} has no value of its own kind"
    )


def is_reference(field: str, was: Any) -> bool:
    """Whether putting it back gives the pods what somebody else holds: a key of an object, or an account's rights."""
    return field == "serviceAccountName" or (isinstance(was, Mapping) and "valueFrom" in was)


def _is_entry(was: Any, name: str) -> bool:
    if not isinstance(was, Mapping) or was.get("name") != name or len(was) != 2:  # noqa: PLR2004 - name and value
        return False
    if "value" in was:
        return isinstance(was["value"], str)
    source = was.get("valueFrom")
    return isinstance(source, Mapping) and len(source) == 1 and source.keys() <= _SOURCES and _is_flat(source)


def _is_flat(source: Mapping[str, Any]) -> bool:
    return all(
        isinstance(inner, Mapping) and all(isinstance(value, str | bool) for value in inner.values())
        for inner in source.values()
    )


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: `was` and `now` are JSON values; for `env/NAME` `was` is the whole entry or None."""

    field: str
    was: Any
    now: Any


Changes = tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What the fields were before the operator changed them, and to what it set them."""

    container: str = ""
    changes: Changes = ()

    @classmethod
    def load(cls, text: str | None) -> "Record":
        try:
            return cls.read(text)
        except ValueError:
            return cls()  # edited by hand beyond recognition: nothing that we could put back

    @classmethod
    def read(cls, text: str | None) -> "Record":
        """Raises ValueError, which says what no record of ours has."""
        try:
            raw = json.loads(text or "{}")
            changes = tuple(FieldChange(c["field"], c["was"], c["now"]) for c in raw.get("changes", ()))
            container = raw.get("container", "")
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise ValueError("it is not of the form that the operator writes") from error
        flaws = filter(None, (flaw(change.field, change.was, change.now) for change in changes))
        named = isinstance(container, str) and (not container or grammar.is_label(container))
        found = next(flaws, None if named else "its container is no name")
        if found:
            raise ValueError(found)
        return cls(container, changes)

    def dump(self) -> str:
        changes = [{"field": c.field, "was": c.was, "now": c.now} for c in self.changes]
        return json.dumps(
            {"container": self.container, "changes": changes}, sort_keys=True, separators=(",", ":")
        )

    def extended(self, container: str, changes: Changes) -> "Record":
        """With these changes added; a field that still held our value keeps its first original."""
        known = {c.field: c for c in self.changes}
        for change in changes:
            first = known.get(change.field)
            kept = first is not None and comparable(change.was) == comparable(first.now)
            was = first.was if first is not None and kept else change.was
            known[change.field] = FieldChange(change.field, was, change.now)
        return Record(container, tuple(known[field] for field in sorted(known)))


def believed(annotation: str | None, copy: str | None) -> Record:
    """Our own `copy` counts, and beside it from the annotation, which others may write, what names no other object."""
    told, kept = Record.load(annotation), Record.load(copy)
    known = {change.field for change in kept.changes}
    more = (c for c in told.changes if c.field not in known and not is_reference(c.field, c.was))
    changes = (*kept.changes, *more)
    return Record(kept.container or told.container, tuple(sorted(changes, key=lambda change: change.field)))


def comparable(value: Any) -> Any:
    """An env entry with a plain value compares by that value."""
    return value["value"] if isinstance(value, Mapping) and "value" in value else value
