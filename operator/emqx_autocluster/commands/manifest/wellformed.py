"""Mistakes in a manifest for which the API server would refuse it, as far as they would keep it from being judged."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emqx_autocluster.commands.documents import RENDER_FIRST, Document, Path, UnreadableError
from emqx_autocluster.observation import WorkloadKind
from emqx_autocluster.text import grammar

_GROUP = "apps/v1"
_POD: Path = ("spec", "template", "spec")
_WORKLOAD: Mapping[Path, type] = {
    ("metadata", "name"): str,
    ("spec", "replicas"): int,
    ("spec", "minReadySeconds"): int,
    ("spec", "progressDeadlineSeconds"): int,
    ("spec", "selector"): dict,
    ("spec", "template", "metadata", "labels"): dict,
    (*_POD, "containers"): list,
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
_RULE = {field: [str] for field in ("apiGroups", "resources", "verbs", "resourceNames", "nonResourceURLs")}
_GRANT = {
    "metadata": {"labels": dict},
    "rules": [_RULE],
    "aggregationRule": {"clusterRoleSelectors": [_SELECTOR]},
    "subjects": [{"kind": str, "name": str, "namespace": str, "apiGroup": str}],
    "roleRef": {"kind": str, "name": str, "apiGroup": str},
}
"""Of a Role or a binding, and of either for the whole cluster."""
_NEEDED = frozenset({"key", "operator", "cidr"})
_NAMES: Mapping[type, str] = {str: "a string", int: "a number", dict: "a mapping", list: "a list"}

MISSHAPEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading JSON of another form than the API server would ever serve ends in."""


def check(document: Document) -> None:
    """Raises UnreadableError, with the line."""
    for path, wanted in (_FIELDS.get(document.kind) or {}).items():
        _check(document, path, wanted)
    if document.kind in set(WorkloadKind):
        for path, wanted in (*_of_containers(document), *_of_labels(document)):
            _check(document, path, wanted)
        _check_sources(document)
        _check_mounts(document)
        for path, is_one in _named(document):
            _check_name(document, path, is_one)
        _check_selector(document)
        _check_group(document)
        _check_deadline(document)


def check_data(document: Document) -> None:
    """Of a ConfigMap. Raises UnreadableError, with the line: the API server takes strings alone."""
    _check(document, ("data",), dict)
    for key in _at(document.body, ("data",)) or ():
        _check(document, ("data", key), str)


def is_a_policy(document: Document) -> bool:
    """Whether a NetworkPolicy has the form in which its rules can be judged."""
    spec = document.body.get("spec")
    return isinstance(spec, Mapping) and _has_form(spec, _POLICY)


def is_a_grant(document: Document) -> bool:
    """Whether it can be told what a Role gives, or a binding."""
    ref = document.body.get("roleRef")
    bound = isinstance(ref, Mapping) and bool(ref.get("kind") and ref.get("name"))
    return _has_form(document.body, _GRANT) and (bound or not document.kind.endswith("Binding"))


def has_pod_selector(document: Document) -> bool:
    """Whether it can be told whom a NetworkPolicy is for."""
    return _has_form(_at(document.body, ("spec", "podSelector")), _SELECTOR)


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
    why = RENDER_FIRST if "{{" in str(value) else ""
    raise UnreadableError(f"{at.path} is {_shown(value)}, which is no name in Kubernetes{why}", at)


def _named(document: Document) -> Iterator[tuple[Path, Callable[[str], bool]]]:
    yield ("metadata", "name"), grammar.is_name
    yield ("metadata", "namespace"), grammar.is_label
    yield (*_POD, "serviceAccountName"), grammar.is_name
    for number, _ in enumerate(_items(_at(document.body, (*_POD, "containers")))):
        yield (*_POD, "containers", number, "name"), grammar.is_label


def _of_containers(document: Document) -> Iterator[tuple[Path, type]]:
    containers: Path = (*_POD, "containers")
    for number, container in enumerate(_items(_at(document.body, containers))):
        yield (*containers, number), dict
        env: Path = (*containers, number, "env")
        yield env, list
        yield (*containers, number, "envFrom"), list
        yield (*containers, number, "image"), str
        for index, _ in enumerate(_items(_at(container, ("env",)))):
            yield (*env, index), dict
            yield (*env, index, "value"), str


def _of_labels(document: Document) -> Iterator[tuple[Path, type]]:
    for path in (("spec", "template", "metadata", "labels"), ("spec", "selector", "matchLabels")):
        found = _at(document.body, path)
        for key in found if isinstance(found, Mapping) else ():
            yield (*path, str(key)), str


def _check_sources(document: Document) -> None:
    """A variable has a value of its own or one from elsewhere."""
    containers: Path = (*_POD, "containers")
    for number, container in enumerate(_items(_at(document.body, containers))):
        for index, entry in enumerate(_items(_at(container, ("env",)))):
            if entry.get("value") and entry.get("valueFrom"):
                at = document.position((*containers, number, "env", index, "valueFrom"))
                raise UnreadableError(
                    f"{entry.get('name')} has both value and valueFrom: the API server takes one of them", at
                )


def _check_mounts(document: Document) -> None:
    """What a container mounts has to be a volume of its pod."""
    claims = _items(_at(document.body, ("spec", "volumeClaimTemplates")))
    names = {_at(claim, ("metadata", "name")) for claim in claims}
    names |= {_at(volume, ("name",)) for volume in _items(_at(document.body, (*_POD, "volumes")))}
    containers: Path = (*_POD, "containers")
    for number, container in enumerate(_items(_at(document.body, containers))):
        for index, mount in enumerate(_items(_at(container, ("volumeMounts",)))):
            name = _at(mount, ("name",))
            if name not in names:
                at = document.position((*containers, number, "volumeMounts", index, "name"))
                told = f"{at.path} of {document.kind}/{document.name} is {_shown(name)}"
                raise UnreadableError(
                    f"{told}, and its pods have no such volume: the API server refuses it", at
                )


def _check_selector(document: Document) -> None:
    """What a workload selects has to be its own pods."""
    labels = _at(document.body, ("spec", "template", "metadata", "labels"))
    wanted = _at(document.body, ("spec", "selector", "matchLabels"))
    if not labels or not isinstance(wanted, Mapping):
        return
    missed = next((key for key, value in wanted.items() if labels.get(key) != value), None)
    if missed is not None:
        at = document.position(("spec", "selector", "matchLabels", str(missed)))
        has = f"{missed}={labels[missed]}" if missed in labels else f"no label {missed}"
        told = f"{document.kind}/{document.name} selects {missed}={wanted[missed]}, and its pods have {has}"
        raise UnreadableError(f"{told}: the API server refuses it", at)


def _check_group(document: Document) -> None:
    """The first groups of these kinds are gone since Kubernetes 1.16."""
    if document.group != _GROUP:
        at = document.position(("apiVersion",))
        told = f"no Kubernetes since 1.16 has {document.kind} in {document.group}: it is of {_GROUP}"
        raise UnreadableError(told, at)


def _check_deadline(document: Document) -> None:
    least = _at(document.body, ("spec", "minReadySeconds")) or 0
    deadline = _at(document.body, ("spec", "progressDeadlineSeconds"))
    if document.kind == WorkloadKind.DEPLOYMENT and deadline is not None and deadline <= least:
        at = document.position(("spec", "progressDeadlineSeconds"))
        told = f"{at.path} of {document.kind}/{document.name} is {deadline} and has to be more than minReadySeconds"
        raise UnreadableError(f"{told}, {least}: the API server refuses it", at)


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
