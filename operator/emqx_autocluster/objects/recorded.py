"""What the record of replaced fields may hold: whoever may annotate a workload may write it, and a person will obey it.

A closed set of fields, each with the plain values that Kubernetes gives it. References to other objects are plain as
well, and yet believed only where the operator's own copy has them too.
"""

import re
from collections.abc import Callable, Mapping
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
