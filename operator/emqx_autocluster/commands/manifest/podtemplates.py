"""The pods that any object of an input would make, as far as it matters for EMQX beside them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emqx_autocluster.commands.documents import Document, Path
from emqx_autocluster.observation import ContainerPort, OtherPods

_SHORT_LIVED = frozenset({"Job", "CronJob"})
_PLACES: tuple[Path, ...] = (("spec", "template"), ("spec", "jobTemplate", "spec", "template"))


@dataclass(frozen=True, slots=True)
class PodsOf:
    """What an object says of its pods."""

    document: Document
    labels: Mapping[str, str]
    account: str
    governing: str | None
    """The Service that gives them host names; None: they have none."""
    ports: tuple[ContainerPort, ...]
    """Those with a name."""


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
        tuple(_named_ports(spec)),
    )


def lasting(documents: Iterable[Document]) -> Iterator[OtherPods]:
    """Those that are there as long as what makes them."""
    for pods in all_of(documents):
        made_by, none = pods.document, _mapping(pods.document.body, "spec").get("replicas") == 0
        if made_by.kind not in _SHORT_LIVED and not none:
            yield OtherPods(f"{made_by.kind}/{made_by.name}", pods.labels, pods.governing, pods.ports)


def all_of(documents: Iterable[Document]) -> Iterator[PodsOf]:
    return filter(None, map(pods_of, documents))


def _governing(document: Document, spec: Mapping[str, Any]) -> str | None:
    """A StatefulSet names its pods and their subdomain; any other pod needs both."""
    if document.kind == "StatefulSet":
        return str(_mapping(document.body, "spec").get("serviceName") or "") or None
    return str(spec["subdomain"]) if spec.get("subdomain") and spec.get("hostname") else None


def _named_ports(spec: Mapping[str, Any]) -> Iterator[ContainerPort]:
    for container in _items(spec.get("containers")):
        for port in _items(_mapping(container).get("ports")):
            name, number = _mapping(port).get("name"), _mapping(port).get("containerPort")
            if isinstance(name, str) and isinstance(number, int):
                yield ContainerPort(name, number, str(_mapping(port).get("protocol") or "TCP"))


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any, *path: str | int) -> Mapping[str, Any]:
    """Empty where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}
