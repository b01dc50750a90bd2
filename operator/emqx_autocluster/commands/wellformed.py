"""Mistakes in a manifest for which the API server would refuse it, as far as they would keep it from being judged."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emqx_autocluster.commands.documents import Document, Path, UnreadableError
from emqx_autocluster.observation import WorkloadKind
from emqx_autocluster.text import grammar

_POD: Path = ("spec", "template", "spec")
_WORKLOAD: Mapping[Path, type] = {
    ("metadata", "name"): str,
    ("spec", "replicas"): int,
    ("spec", "minReadySeconds"): int,
    ("spec", "progressDeadlineSeconds"): int,
    ("spec", "template", "metadata", "labels"): dict,
}
_FIELDS: Mapping[str, Mapping[Path, type]] = {
    "Deployment": _WORKLOAD,
    "StatefulSet": _WORKLOAD,
    "Service": {("spec", "selector"): dict},
}
_SELECTOR = {"matchLabels": dict, "matchExpressions": [{"key": str, "operator": str, "values": list}]}
_PEERS = [
    {"podSelector": _SELECTOR, "namespaceSelector": _SELECTOR, "ipBlock": {"cidr": str, "except": list}}
]
_POLICY = {
    "podSelector": _SELECTOR,
    "policyTypes": list,
    "ingress": [{"from": _PEERS, "ports": [{"endPort": int}]}],
    "egress": [{"to": _PEERS, "ports": [{"endPort": int}]}],
}
"""A type, a list of things of one form, or a mapping with the forms of its keys."""
_NEEDED = frozenset({"key", "operator", "cidr"})
_NAMES: Mapping[type, str] = {str: "a string", int: "a number", dict: "a mapping"}


def check(document: Document) -> None:
    """Raises UnreadableError, with the line."""
    for path, wanted in (_FIELDS.get(document.kind) or {}).items():
        _check(document, path, wanted)
    if document.kind in set(WorkloadKind):
        for path in _variables(document):
            _check(document, path, str)
        for path, is_one in _named(document):
            _check_name(document, path, is_one)


def is_a_policy(document: Document) -> bool:
    """Whether a NetworkPolicy has the form in which its rules can be judged."""
    spec = document.body.get("spec")
    return isinstance(spec, Mapping) and _has_form(spec, _POLICY)


def _has_form(value: Any, form: Any) -> bool:
    if isinstance(form, dict):
        return isinstance(value, Mapping) and all(
            key not in _NEEDED if value.get(key) is None else _has_form(value[key], each)
            for key, each in form.items()
        )
    if isinstance(form, list):
        return isinstance(value, list) and all(_has_form(each, form[0]) for each in value)
    return isinstance(value, form)


def misshapen(document: Document, error: Exception) -> UnreadableError:
    """Of any other form that the API server would never serve, as reading it ended."""
    seen = f": {error} is missing" if isinstance(error, KeyError) else ", in one of its fields"
    told = f"{document.kind}/{document.name} is not of the form that the API server takes{seen}"
    return UnreadableError(told, document.position(()))


def _check(document: Document, path: Path, wanted: type) -> None:
    value = _at(document.body, path)
    if value is None or (isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))):
        return
    at = document.position(path)
    hint = ": quote it" if wanted is str and isinstance(value, int | float) else ""
    told = (
        f"{at.path} of {document.kind}/{document.name} is {_shown(value)} and must be {_NAMES[wanted]}{hint}"
    )
    raise UnreadableError(told, at)


def _shown(value: Any) -> str:
    """As it would stand in JSON; what it is, where it is more than one value."""
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list) else json.dumps(value, default=str)


def _check_name(document: Document, path: Path, is_one: Callable[[str], bool]) -> None:
    """What is told of a workload has its names in commands."""
    value = _at(document.body, path)
    if value is None or value == "" or (isinstance(value, str) and is_one(value)):
        return
    at = document.position(path)
    raise UnreadableError(f"{at.path} is {_shown(value)}, which is no name in Kubernetes", at)


def _named(document: Document) -> Iterator[tuple[Path, Callable[[str], bool]]]:
    yield ("metadata", "name"), grammar.is_name
    yield ("metadata", "namespace"), grammar.is_label
    yield (*_POD, "serviceAccountName"), grammar.is_name
    for number, _ in enumerate(_items(_at(document.body, (*_POD, "containers")))):
        yield (*_POD, "containers", number, "name"), grammar.is_label


def _variables(document: Document) -> Iterator[Path]:
    containers: Path = (*_POD, "containers")
    for number, container in enumerate(_items(_at(document.body, containers))):
        env = container.get("env") if isinstance(container, Mapping) else None
        for index, _ in enumerate(_items(env)):
            yield (*containers, number, "env", index, "value")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _at(body: Any, path: Path) -> Any:
    """None: it is not there."""
    for step in path:
        if isinstance(step, int):
            body = _items(body)[step] if step < len(_items(body)) else None
        else:
            body = body.get(step) if isinstance(body, Mapping) else None
    return body
