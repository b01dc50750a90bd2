"""The pods that any object of an input would make, as far as it matters for EMQX beside them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emqx_autocluster.commands.documents import Document, Path

_PLACES: tuple[Path, ...] = (("spec", "template"), ("spec", "jobTemplate", "spec", "template"))


@dataclass(frozen=True, slots=True)
class PodsOf:
    """What an object says of its pods."""

    document: Document
    labels: Mapping[str, str]
    account: str
    governing: str | None
    """The Service that gives them host names; None: they have none."""


def pods_of(document: Document) -> PodsOf | None:
    """None: it makes no pods, or says it in a form that is not known here."""
    body: Any = document.body
    templates = [body] if document.kind == "Pod" else [_mapping(body, *place) for place in _PLACES]
    template = next(filter(None, templates), None)
    spec = _mapping(template, "spec")
    if template is None or not spec:
        return None
    labels = _mapping(template, "metadata", "labels")
    return PodsOf(
        document,
        {str(key): str(value) for key, value in labels.items()},
        str(spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"),
        _governing(document, spec),
    )


def all_of(documents: Iterator[Document]) -> Iterator[PodsOf]:
    return filter(None, map(pods_of, documents))


def _governing(document: Document, spec: Mapping[str, Any]) -> str | None:
    """A StatefulSet names its pods and their subdomain; any other pod needs both."""
    named = _mapping(document.body, "spec").get("serviceName") if document.kind == "StatefulSet" else None
    if named:
        return str(named)
    return str(spec["subdomain"]) if spec.get("subdomain") and spec.get("hostname") else None


def _mapping(value: Any, *path: str | int) -> Mapping[str, Any]:
    """Empty where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
