"""What of an input is seen and not judged: EMQX in kinds that are not supported, and what has to be rendered."""

from collections.abc import Iterator, Mapping
from typing import Any

from emqx_autocluster.api.findings import ConditionType, Unjudged
from emqx_autocluster.commands.documents import Document
from emqx_autocluster.emqx import discovery
from emqx_autocluster.observation import WorkloadKind

WORKLOAD_GROUPS = ("apps/", "extensions/")
"""Of the workloads that are looked at."""
KUSTOMIZATIONS = frozenset({"Kustomization", "Component"})
_EMQX_OPERATOR = "apps.emqx.io/"
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
    if document.group.startswith(_EMQX_OPERATOR):
        return Unjudged(
            _TYPE,
            f"custom resource {document.kind}/{document.name}",
            "it belongs to the official EMQX operator, which looks after its clustering itself",
        )
    if _is_supported(document) or not any(map(discovery.is_emqx_image, _images(document.body))):
        return None
    if document.is_compose:
        return Unjudged(_TYPE, "EMQX in a file of docker compose", f"this is not Kubernetes; {_SUPPORTED}")
    kind = f"{document.kind} of {document.group}" if document.kind in set(WorkloadKind) else document.kind
    return Unjudged(_TYPE, f"EMQX in kind {kind}", f"this kind is not supported; {_SUPPORTED}")


def _is_supported(document: Document) -> bool:
    """Others have kinds of the same name, such as OpenKruise its StatefulSet."""
    return document.kind in set(WorkloadKind) and document.group.startswith(WORKLOAD_GROUPS)


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
