"""What of an input is seen and not judged: EMQX in kinds that are not supported, and what has to be rendered."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from emqx_autocluster.api.findings import ConditionType, Unjudged
from emqx_autocluster.commands.documents import Document
from emqx_autocluster.emqx import containers
from emqx_autocluster.observation import Container, Workload, WorkloadKind

WORKLOAD_GROUPS = ("apps/", "extensions/")
"""Of the workloads that are looked at."""
KUSTOMIZATIONS = frozenset({"Kustomization", "Component"})
_EMQX_OPERATOR = "apps.emqx.io/"
_THEIRS = "it belongs to the official EMQX operator, which looks after its clustering itself"
_RENDERING = frozenset({"HelmRelease", "HelmChart", "Application", "ApplicationSet"})
"""Kinds of Flux, of K3s and of Argo CD, from which a controller renders charts."""
_RENDER = "render it first:"
_ACTION = re.compile(r"\{\{[^{}]{1,60}\}\}")
_SUPPORTED = "only Deployments and StatefulSets are looked at"
_TYPE = ConditionType.ACCEPTED


def question(document: Document) -> Unjudged | None:
    """What is to be said of a document that is no workload to be judged; None: nothing."""
    if document.kind in KUSTOMIZATIONS:
        return Unjudged(
            _TYPE,
            "what kustomize makes of this and of the patches beside it",
            "it is not rendered",
            "render it: kubectl kustomize DIRECTORY | emqx-autocluster lint -f -",
        )
    if document.is_of_no_api:
        return Unjudged(
            _TYPE,
            f"{document.kind}/{document.name}",
            f"no Kubernetes has {document.kind} in {document.group}, so that the API server refuses it",
            "it is of apiVersion v1",
        )
    if document.group.startswith(_EMQX_OPERATOR):
        return Unjudged(_TYPE, f"custom resource {document.kind}/{document.name}", _THEIRS)
    if document.kind in _RENDERING and "emqx" in str(document.body).lower():
        return Unjudged(
            _TYPE,
            f"what {document.kind}/{document.name} makes of its chart",
            "it is not rendered",
            f"{_RENDER} helm template CHART --version VERSION --values VALUES | emqx-autocluster lint -f -",
        )
    if _is_supported(document) or not any(map(containers.is_emqx_image, _images(document.body))):
        return None
    if document.is_compose:
        return Unjudged(_TYPE, "EMQX in a file of docker compose", f"this is not Kubernetes; {_SUPPORTED}")
    if not document.group:
        return Unjudged(
            _TYPE, f"EMQX in {document.kind or 'an object'}/{document.name}", "it has no apiVersion"
        )
    kind = f"{document.kind} of {document.group}" if document.kind in set(WorkloadKind) else document.kind
    return Unjudged(_TYPE, f"EMQX in kind {kind}", f"this kind is not supported; {_SUPPORTED}")


def _is_supported(document: Document) -> bool:
    """Others have kinds of the same name, such as OpenKruise its StatefulSet."""
    return document.kind in set(WorkloadKind) and document.group.startswith(WORKLOAD_GROUPS)


def made_by_emqx_operator(document: Document) -> Unjudged:
    """Of a workload that one of its resources owns, and that nobody enrols here."""
    return Unjudged(_TYPE, f"{document.kind}/{document.name}", _THEIRS)


def unrendered(document: Document, workload: Workload, container: Container) -> Unjudged | None:
    """Of a workload that is still a template of Helm, though it can be read; None: it is none."""
    values = (entry.value or "" for entry in container.env if entry.name.upper().startswith("EMQX"))
    places = (container.image, workload.ref.namespace, workload.template.service_account, *values)
    found = next(filter(None, map(_ACTION.search, places)), None)
    if found is None:
        return None
    return Unjudged(
        _TYPE,
        f"{document.kind}/{document.name}, a template of Helm",
        f"it has {found[0]} where its value will be",
        f"{_RENDER} helm template CHART | emqx-autocluster lint -f -",
    )


def is_a_patch(document: Document, documents: Iterable[Document]) -> bool:
    """Whether it has only what kustomize lays over a workload: there is a kustomization beside it."""
    spec = document.body.get("spec")
    whole = isinstance(spec, Mapping) and isinstance(spec.get("template"), Mapping)
    return not whole and any(other.kind in KUSTOMIZATIONS for other in documents)


def patch(document: Document) -> Unjudged:
    """Of a workload whose EMQX container has no image: it is none yet."""
    return Unjudged(
        _TYPE,
        f"{document.kind}/{document.name}, whose EMQX container has no image: a patch",
        "what it is laid over is not in it",
        "render it first: kubectl kustomize DIRECTORY | emqx-autocluster lint -f -",
    )


def _images(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            if isinstance(each.get("image"), str):
                yield each["image"]
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
