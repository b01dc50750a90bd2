"""Documents of a manifest, to the same Observation that a cluster would give, as far as they tell it.

What is not in the input may well be in the cluster, so it is `Unobserved` and never absent. The workload is taken as
if it were rolled out and had no pod yet: what a check says then follows from the manifest alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from emqx_autocluster import annotations, discovery, objects, rbac
from emqx_autocluster.commands import grants, wellformed
from emqx_autocluster.commands.documents import Document, Path
from emqx_autocluster.commands.grants import Wish
from emqx_autocluster.discovery import Setting
from emqx_autocluster.observation import (
    Container,
    Fact,
    ManagedObject,
    Network,
    NetworkPolicy,
    Observation,
    Rights,
    Service,
    Unobserved,
    Workload,
    WorkloadKind,
    WorkloadRef,
)

_API_GROUPS = ("apps/", "extensions/")
_CONFIGURED_BY_FILE = ("/opt/emqx/etc", "/opt/emqx/data/configs")
_DEADLINE = 600
"""Kubernetes' default for progressDeadlineSeconds of a Deployment."""
_MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading JSON of another form than the API server would ever serve ends in."""
_NOT_GIVEN = Unobserved("it is not in the input")
_NOT_TOLD = Unobserved("a manifest has no pods, and what its variables do not tell may stand in a file")


@dataclass(frozen=True, slots=True)
class Sight:
    """One workload of the input that runs EMQX, and what the input shows of it."""

    document: Document
    observation: Observation
    input: "Input"

    @property
    def namespace(self) -> str | None:
        """Where it goes; None: not known."""
        return self.document.namespace or self.input.namespace


@dataclass(frozen=True, slots=True)
class Input:
    """All documents of one call. `namespace`: where those go that name none; None: not known."""

    documents: tuple[Document, ...]
    namespace: str | None = None

    def each(self, *kinds: str) -> Iterator[Document]:
        return (document for document in self.documents if document.kind in kinds)

    def find(self, kind: str, name: str | None, namespace: str | None) -> Document | None:
        """The last one counts, as when all are applied in their order."""
        found = [d for d in self.each(kind) if d.name == name and self._is_in(d, namespace)]
        return found[-1] if found else None

    def bodies(self, *kinds: str) -> list[dict[str, Any]]:
        return [self.placed(document) for document in self.each(*kinds)]

    def placed(self, document: Document) -> dict[str, Any]:
        """Its body with the namespace that it goes to, where that is known."""
        namespace = document.namespace or self.namespace
        metadata = document.body["metadata"]
        return {
            **_without_nulls(document.body),
            "metadata": _without_nulls(metadata) | {"namespace": namespace},
        }

    def _is_in(self, document: Document, namespace: str | None) -> bool:
        own = document.namespace or self.namespace
        return own is None or namespace is None or own == namespace


def sights(input_: Input, at: datetime) -> Iterator[Sight]:
    """Each workload that runs EMQX, in order. Raises UnreadableError where one is of no form that can be read."""
    for document in input_.each(*WorkloadKind):
        if not _may_run_emqx(document):
            continue
        wellformed.check(document)
        try:
            seen = _observation(input_, document, at)
        except _MISSHAPEN as error:
            raise wellformed.misshapen(document, error) from error
        if seen:
            yield Sight(document, seen, input_)


def _may_run_emqx(document: Document) -> bool:
    """A first look: mistakes in what nowhere says emqx are somebody else's."""
    served = str(document.body.get("apiVersion", "")).startswith(_API_GROUPS)
    return served and "emqx" in str(document.body).lower()


def _observation(input_: Input, document: Document, at: datetime) -> Observation | None:
    """None: it does not run EMQX, and nobody enrols it."""
    placed = input_.placed(document)
    workload = _workload(placed, placed["metadata"]["namespace"] or "default")
    container = discovery.emqx_container(workload.template, annotations.parse(workload.annotations).container)
    if container is None:
        marks = {**workload.annotations, **workload.template.annotations}
        meant = annotations.MODE in marks or annotations.CONTAINER in marks
        return Observation(at, workload.ref.name, workload, ()) if meant else None
    own = placed["metadata"]["namespace"]
    config_maps = {
        name: _config_map(input_, name, own) for name in discovery.config_map_names(container, running=False)
    }
    settings = discovery.read_settings(container, (), config_maps)
    if own is None and isinstance(settings.namespace, Setting):
        # It will be applied where it fits: to say otherwise would be a guess.
        workload = _workload(placed, settings.namespace.value or "default")
    service = discovery.text(settings.service_name)
    members = () if _is_told_by_variables(document, workload, container) else _NOT_TOLD
    return Observation(
        at,
        workload.ref.name,
        workload,
        members,
        config_maps=config_maps,
        service=_service(input_, service, own),
        governing=_service(input_, workload.service_name, own),
        rights=_rights(input_, workload, own, service) if service else None,
        network=Network(policies=tuple(map(_policy, input_.bodies("NetworkPolicy")))),
    )


def _workload(placed: Mapping[str, Any], namespace: str) -> Workload:
    """With what the API server would fill in, and as if all its pods were there."""
    metadata = {"uid": "", "resourceVersion": "", **placed["metadata"], "namespace": namespace}
    kind = WorkloadKind(placed["kind"])
    seen = objects.workload(kind, {**placed, "metadata": metadata, "status": {}})
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


def _is_told_by_variables(document: Document, workload: Workload, container: Container) -> bool:
    """Whether a setting that is nowhere in its variables has EMQX's default for certain."""
    body = document.body
    for step in container_path(workload, container):
        body = body[step]  # type: ignore[index]
    own_start = bool(body.get("command") or body.get("args"))
    hidden = any(source.secret for source in container.env_from)
    by_file = any(path.startswith(_CONFIGURED_BY_FILE) for path in container.mounts)
    return discovery.is_emqx_image(container.image) and not (own_start or hidden or by_file)


def _config_map(input_: Input, name: str, namespace: str | None) -> Fact[Mapping[str, str] | None]:
    found = input_.find("ConfigMap", name, namespace)
    if found is None:
        return _NOT_GIVEN
    return {key: str(value) for key, value in (found.body.get("data") or {}).items()}


def _service(input_: Input, name: str | None, namespace: str | None) -> Fact[Service | None]:
    found = input_.find("Service", name, namespace)
    if found is None:
        return _NOT_GIVEN
    wellformed.check(found)
    return objects.service(input_.placed(found))


def _rights(input_: Input, workload: Workload, namespace: str | None, service: str) -> Rights:
    account, own = workload.template.service_account, rbac.object_name(workload.ref.name)
    return Rights(
        _account(input_, account, namespace),
        dedicated_account=_foreign(input_, "ServiceAccount", own, namespace),
        role=_foreign(input_, "Role", own, namespace),
        role_binding=_foreign(input_, "RoleBinding", own, namespace),
        allowed=grants.allowed(
            Wish(account, namespace, service),
            input_.bodies("Role", "ClusterRole"),
            input_.bodies("RoleBinding", "ClusterRoleBinding"),
        ),
    )


def _foreign(input_: Input, kind: str, name: str, namespace: str | None) -> ManagedObject | None:
    """An object of the name that the operator would use; its own stand in no manifest."""
    found = input_.find(kind, name, namespace)
    return ManagedObject(name, "", ours=False, body=found.body) if found else None


def _account(input_: Input, name: str, namespace: str | None) -> Fact[ManagedObject | None]:
    found = input_.find("ServiceAccount", name, namespace)
    if found is None:
        return _NOT_GIVEN
    return ManagedObject(name, "", ours=False, body=input_.placed(found))


def _policy(body: Mapping[str, Any]) -> NetworkPolicy:
    spec = body.get("spec") or {}
    given = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
    return NetworkPolicy(
        str(body["metadata"].get("name")),
        spec.get("podSelector") or {},
        frozenset(given),
        tuple(spec.get("ingress") or ()),
        tuple(spec.get("egress") or ()),
    )


def _without_nulls(body: Mapping[str, Any]) -> dict[str, Any]:
    """As the API server reads it: null is as good as absent."""
    return {key: _plain(value) for key, value in body.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _without_nulls(value)
    return [_plain(each) for each in value] if isinstance(value, list) else value
