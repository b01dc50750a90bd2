"""Mistakes in a manifest for which the API server would refuse it, as far as they would keep it from being judged."""

from collections.abc import Iterator, Mapping
from typing import Any

from emqx_autocluster.commands.documents import Document, Path, UnreadableError
from emqx_autocluster.observation import WorkloadKind

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
_NAMES: Mapping[type, str] = {str: "a string", int: "a number", dict: "a mapping"}


def check(document: Document) -> None:
    """Raises UnreadableError, with the line."""
    for path, wanted in (_FIELDS.get(document.kind) or {}).items():
        _check(document, path, wanted)
    if document.kind in set(WorkloadKind):
        for path in _variables(document):
            _check(document, path, str)


def misshapen(document: Document, error: Exception) -> UnreadableError:
    """Of any other form that the API server would never serve, as reading it ended."""
    at = document.position(())
    seen = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return UnreadableError(
        f"{at.file}:{at.line}: this {document.kind} is not of the form that the API server takes: {seen}"
    )


def _check(document: Document, path: Path, wanted: type) -> None:
    value = _at(document.body, path)
    if value is None or (isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))):
        return
    at = document.position(path)
    hint = ": quote it" if wanted is str and isinstance(value, int | float) else ""
    raise UnreadableError(f"{at.file}:{at.line}: {at.path} is {value!r} and must be {_NAMES[wanted]}{hint}")


def _variables(document: Document) -> Iterator[Path]:
    containers: Path = ("spec", "template", "spec", "containers")
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
