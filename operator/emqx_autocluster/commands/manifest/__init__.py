"""Documents of a manifest, to the same Observation that a cluster would give, as far as they tell it.

What is not in the input may well be in the cluster, so it is `Unobserved` and never absent. The workload is taken as
if it were rolled out and had no pod yet: what a check says then follows from the manifest alone.
"""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from emqx_autocluster import objects
from emqx_autocluster.api import annotations
from emqx_autocluster.commands import strangers
from emqx_autocluster.commands.documents import Document, Path, UnreadableError
from emqx_autocluster.commands.manifest import (
    autoscalers,
    podtemplates,
    policies,
    rights,
    services,
    wellformed,
)
from emqx_autocluster.commands.manifest.inputs import NOT_GIVEN, Input
from emqx_autocluster.emqx import configmaps, containers, discovery, discoveryreader, startup
from emqx_autocluster.emqx.configfiles import ConfigMaps
from emqx_autocluster.emqx.discovery import DiscoverySettings, Setting, Source
from emqx_autocluster.observation import (
    Container,
    Fact,
    Network,
    Observation,
    Rights,
    Unobserved,
    Workload,
    WorkloadKind,
    WorkloadRef,
)

_DEADLINE = 600
"""Kubernetes' default for progressDeadlineSeconds of a Deployment."""
_ANYWHERE = "wherever-it-goes"
"""A namespace that nothing but the workload's own metadata would ever name."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One workload of the input that runs EMQX, and what the input shows of it."""

    document: Document
    observation: Observation
    input: Input

    @property
    def namespace(self) -> str | None:
        """Where it goes; None: not known."""
        return self.input.namespace_of(self.document)


def sights(input_: Input, at: datetime, unreadable: list[UnreadableError]) -> Iterator[Sight]:
    """Each workload that runs EMQX, in order; `unreadable` takes why one of them could not be read."""
    for document in input_.each(*WorkloadKind):
        if strangers.is_a_patch(document, input_.documents):
            continue
        try:
            seen = _read(input_, document, at) if _may_run_emqx(document) else None
        except UnreadableError as error:
            unreadable.append(error)
            continue
        if seen:
            yield Sight(document, seen, input_)


@contextmanager
def readable(document: Document) -> Iterator[None]:
    """What is of no form that can be judged is told as that, wherever it shows."""
    try:
        yield
    except wellformed.MISSHAPEN as error:
        raise wellformed.misshapen(document, error) from error


def _read(input_: Input, document: Document, at: datetime) -> Observation | None:
    with readable(document):
        wellformed.check(document)
        return _observation(input_, document, at)


def _may_run_emqx(document: Document) -> bool:
    """A first look: mistakes in what nowhere says emqx are somebody else's."""
    served = str(document.body.get("apiVersion", "")).startswith(strangers.WORKLOAD_GROUPS)
    return served and "emqx" in str(document.body).lower()


def _observation(input_: Input, document: Document, at: datetime) -> Observation | None:
    """None: it does not run EMQX, and nobody enrols it."""
    placed, own = input_.placed(document), input_.namespace_of(document)
    most = autoscalers.replicas(input_, document)
    workload = _workload(placed, own or "default", most)
    container = _emqx_container(workload)
    if container is None:
        return Observation(at, workload.ref.name, workload, ()) if _is_enrolled(workload) else None
    config_maps = {name: _config_map(input_, name, own) for name in configmaps.all_names(container)}
    settings = discoveryreader.read_settings(container, (), config_maps)
    if own is None:
        # It will be applied where it fits: to say otherwise would be a guess.
        workload = _workload(placed, settings.asked_namespace or "default", most)
    why_not = _why_not_told_by_variables(container)
    members = Unobserved(f"what its variables do not tell may come from {why_not}") if why_not else ()
    seen = Observation(at, workload.ref.name, workload, members, config_maps=config_maps)
    return _with_surroundings(input_, document, seen, settings)


def _emqx_container(workload: Workload) -> Container | None:
    return containers.emqx_container(workload.template, annotations.parse(workload.annotations).container)


def _is_enrolled(workload: Workload) -> bool:
    marks = {**workload.annotations, **workload.template.annotations}
    return annotations.MODE in marks or annotations.CONTAINER in marks


def _with_surroundings(
    input_: Input, document: Document, seen: Observation, settings: DiscoverySettings
) -> Observation:
    """What the input has of all that a workload depends on."""
    own, service = input_.namespace_of(document), settings.asked_service
    by_hand = services.filled_by_hand(input_, service, own, by_dns=settings.uses_dns)
    near = (other for other in input_.others(document) if input_.are_together(other, document))
    return replace(
        seen,
        service=by_hand or services.service(input_, service, own),
        governing=services.service(input_, seen.workload.service_name, own),
        selecting=tuple(services.selecting(input_, document, seen.workload)),
        beside=tuple(podtemplates.lasting(near)),
        rights=_rights(input_, document, seen, settings),
        network=Network(
            policies=policies.around(input_, document, _emqx_beside(input_, document)),
            namespace_labels=_of_namespace(input_, own, "labels"),
            namespace_annotations=_of_namespace(input_, own, "annotations"),
        ),
    )


def _rights(
    input_: Input, document: Document, seen: Observation, settings: DiscoverySettings
) -> Rights | None:
    """None: there is nothing to be allowed."""
    service = settings.asked_service
    if not service or not settings.uses_k8s:
        return None
    where = input_.namespace_of(document) or _asked(input_, document, seen, settings)
    return rights.rights(input_, document, seen.workload, where, service)


def asks_for_its_own(input_: Input, document: Document, config_maps: ConfigMaps) -> bool:
    """Whether EMQX asks for whatever namespace it goes to, so that no other can be wrong."""
    container = _emqx_container(_workload(input_.placed(document), _ANYWHERE, 0))
    settings = discoveryreader.read_settings(container, (), config_maps) if container else None
    return settings is not None and settings.asked_namespace == _ANYWHERE


def _asked(input_: Input, document: Document, seen: Observation, settings: DiscoverySettings) -> str | None:
    """The namespace that EMQX asks for; None: that is not certain."""
    found = settings.namespace
    by_default = isinstance(found, Setting) and found.source is Source.DEFAULT
    may_be_another = by_default and isinstance(seen.members, Unobserved)
    if may_be_another or asks_for_its_own(input_, document, seen.config_maps):
        return None
    return discovery.text(found)


def _workload(placed: Mapping[str, Any], namespace: str, most: int) -> Workload:
    """With what the API server would fill in, and as if all its pods were there; `most`: by an autoscaler's word."""
    metadata = {"uid": "", "resourceVersion": "", **placed["metadata"], "namespace": namespace}
    kind = WorkloadKind(placed["kind"])
    seen = objects.workload(kind, {**placed, "metadata": metadata, "status": {}})
    seen = replace(seen, replicas=max(seen.replicas, most))
    if seen.progress_deadline_seconds is None and kind is WorkloadKind.DEPLOYMENT:
        seen = replace(seen, progress_deadline_seconds=_DEADLINE)
    count = seen.replicas
    return replace(
        seen,
        ref=WorkloadRef(namespace, kind, str(metadata["name"])),
        generation=1,
        observed_generation=1,
        status_replicas=count,
        updated_replicas=count,
        ready_replicas=count,
        available_replicas=count,
    )


def container_path(workload: Workload, container: Container) -> Path:
    names = [each.name for each in workload.template.containers]
    return "spec", "template", "spec", "containers", names.index(container.name)


def _why_not_told_by_variables(container: Container) -> str:
    """What may set a setting that is nowhere in its variables; empty: it has EMQX's default for certain."""
    hidden = next((source.secret for source in container.env_from if source.secret), None)
    if hidden:
        return f"Secret {hidden}, which is not read"
    if not startup.is_as_in_the_image(container):
        return "the command of its own that the container starts with"
    return "" if containers.is_emqx_image(container.image) else "the image, which is none of EMQX's own"


def _config_map(input_: Input, name: str, namespace: str | None) -> Fact[Mapping[str, str] | None]:
    found = input_.find("ConfigMap", name, namespace)
    if found is None:
        return NOT_GIVEN
    wellformed.check_data(found)
    data = {key: value or "" for key, value in (found.body.get("data") or {}).items()}
    try:
        return _decoded(found.body.get("binaryData") or {}) | data
    except wellformed.MISSHAPEN:
        return Unobserved("its binaryData is not in base64")


def _decoded(binary: Mapping[str, Any]) -> dict[str, str]:
    """Where a file is that has a byte which is no text."""
    return {key: b64decode(str(value)).decode(errors="replace") for key, value in binary.items()}


def _of_namespace(input_: Input, name: str | None, field: str) -> Mapping[str, str]:
    found = input_.find("Namespace", name, None)
    given = found.body["metadata"].get(field) if found else None
    return {str(k): str(v) for k, v in given.items()} if isinstance(given, Mapping) else {}


def _emqx_beside(input_: Input, document: Document) -> tuple[Mapping[str, str], ...]:
    """Labels of the pods of EMQX, of which those of one workload may connect to those of another."""
    near = (d for d in input_.documents if input_.are_together(d, document) and _may_run_emqx(d))
    return tuple(pods.labels for pods in podtemplates.all_of(near))
