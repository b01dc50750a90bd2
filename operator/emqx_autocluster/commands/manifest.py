"""Documents of a manifest, to the same Observation that a cluster would give, as far as they tell it.

What is not in the input may well be in the cluster, so it is `Unobserved` and never absent. The workload is taken as
if it were rolled out and had no pod yet: what a check says then follows from the manifest alone.
"""

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from emqx_autocluster import objects
from emqx_autocluster.api import annotations
from emqx_autocluster.commands import grants, podtemplates, strangers, wellformed
from emqx_autocluster.commands.documents import Document, Path, UnreadableError
from emqx_autocluster.commands.grants import Wish
from emqx_autocluster.diagnosis.endpoints import networkpolicy
from emqx_autocluster.diagnosis.endpoints.networkpolicy import Direction
from emqx_autocluster.emqx import containers, discovery, discoveryreader
from emqx_autocluster.emqx.discovery import ConfigMaps, DiscoverySettings, Setting, Source
from emqx_autocluster.objects import rbac
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
from emqx_autocluster.text import grammar

_AUTOSCALERS: Mapping[str, tuple[str, str]] = {
    "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}
"""Where each says how many replicas it keeps at least, and how many it may make."""
_MOST_BY_KEDA = 100
"""Where a ScaledObject does not say it."""
_DEADLINE = 600
"""Kubernetes' default for progressDeadlineSeconds of a Deployment."""
_MISSHAPEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading JSON of another form than the API server would ever serve ends in."""
_POLICIES = (
    "NetworkPolicy",
    "GlobalNetworkPolicy",
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "CiliumNetworkPolicy",
    "CiliumClusterwideNetworkPolicy",
)
_OF_A_NAMESPACE = frozenset({"NetworkPolicy", "CiliumNetworkPolicy"})
_POLICY_GROUPS = ("networking.k8s.io/", "extensions/")
"""In which policies are those of Kubernetes itself."""
_SERVICE_OF_SLICE = "kubernetes.io/service-name"
"""The label of an EndpointSlice."""
_RBAC_GROUP = "rbac.authorization.k8s.io"
_ANYWHERE = "wherever-it-goes"
"""A namespace that nothing but the workload's own metadata would ever name."""
_NOT_GIVEN = Unobserved("it is not in the input")


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
        found = [d for d in self.each(kind) if d.name == name and self.is_in(d, namespace)]
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

    def are_together(self, one: Document, other: Document) -> bool:
        return self.is_in(one, other.namespace or self.namespace)

    def is_in(self, document: Document, namespace: str | None) -> bool:
        own = document.namespace or self.namespace
        return own is None or namespace is None or own == namespace


def sights(input_: Input, at: datetime, unreadable: list[UnreadableError]) -> Iterator[Sight]:
    """Each workload that runs EMQX, in order; `unreadable` takes why one of them could not be read."""
    for document in input_.each(*WorkloadKind):
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
    except _MISSHAPEN as error:
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
    placed = input_.placed(document)
    most = _made_by_autoscalers(input_, document)
    workload = _workload(placed, placed["metadata"]["namespace"] or "default", most)
    container = containers.emqx_container(
        workload.template, annotations.parse(workload.annotations).container
    )
    if container is None:
        marks = {**workload.annotations, **workload.template.annotations}
        meant = annotations.MODE in marks or annotations.CONTAINER in marks
        return Observation(at, workload.ref.name, workload, ()) if meant else None
    own = placed["metadata"]["namespace"]
    config_maps = {name: _config_map(input_, name, own) for name in discovery.every_config_map(container)}
    settings = discoveryreader.read_settings(container, (), config_maps)
    if own is None:
        # It will be applied where it fits: to say otherwise would be a guess.
        workload = _workload(placed, settings.asked_namespace or "default", most)
    service = settings.asked_service
    why_not = _why_not_told_by_variables(document, workload, container)
    members = Unobserved(f"what its variables do not tell may come from {why_not}") if why_not else ()
    try:
        where = own or (
            None if asks_for_its_own(input_, document, config_maps) else _asked(settings, why_not)
        )
        rights = (
            _rights(input_, document, workload, where, service) if service and settings.uses_k8s else None
        )
    except _MISSHAPEN:
        rights = None
    return Observation(
        at,
        workload.ref.name,
        workload,
        members,
        config_maps=config_maps,
        service=_filled_by_hand(input_, service, own, by_dns=settings.uses_dns)
        or _service(input_, service, own),
        governing=_service(input_, workload.service_name, own),
        selecting=tuple(_selecting(input_, document, workload)),
        beside=tuple(
            podtemplates.lasting(d for d in _others(input_, document) if input_.are_together(d, document))
        ),
        rights=rights,
        network=Network(policies=_policies(input_, document), namespace_marks=_namespace_marks(input_, own)),
    )


def asks_for_its_own(input_: Input, document: Document, config_maps: ConfigMaps) -> bool:
    """Whether EMQX asks for whatever namespace it goes to, so that no other can be wrong."""
    there = _workload(input_.placed(document), _ANYWHERE, 0)
    container = containers.emqx_container(there.template, annotations.parse(there.annotations).container)
    settings = discoveryreader.read_settings(container, (), config_maps) if container else None
    return settings is not None and settings.asked_namespace == _ANYWHERE


def _asked(settings: DiscoverySettings, why_not: str) -> str | None:
    """The namespace that EMQX asks for; None: that is not certain."""
    found = settings.namespace
    may_be_another = why_not and isinstance(found, Setting) and found.source is Source.DEFAULT
    return None if may_be_another else discovery.text(found)


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


def _made_by_autoscalers(input_: Input, document: Document) -> int:
    """How many replicas an autoscaler of the input keeps, or may make where it keeps but one; 0: there is none."""
    found = [0]
    for scaler in input_.each(*_AUTOSCALERS):
        spec = scaler.body.get("spec")
        target = spec.get("scaleTargetRef") if isinstance(spec, Mapping) else None
        meant = isinstance(target, Mapping) and (target.get("kind") or "Deployment", target.get("name")) == (
            document.kind,
            document.name,
        )
        if meant and isinstance(spec, Mapping) and input_.are_together(scaler, document):
            least, most = (spec.get(name) for name in _AUTOSCALERS[scaler.kind])
            if most is None and scaler.kind == "ScaledObject":
                most = _MOST_BY_KEDA
            counts = [count for count in (least, most) if isinstance(count, int)]
            found.append(next((count for count in counts if count > 1), 1))
    return max(found)


def container_path(workload: Workload, container: Container) -> Path:
    names = [each.name for each in workload.template.containers]
    return "spec", "template", "spec", "containers", names.index(container.name)


def _why_not_told_by_variables(document: Document, workload: Workload, container: Container) -> str:
    """What may set a setting that is nowhere in its variables; empty: it has EMQX's default for certain."""
    body = document.body
    for step in container_path(workload, container):
        body = body[step]  # type: ignore[index]
    hidden = next((source.secret for source in container.env_from if source.secret), None)
    if hidden:
        return f"Secret {hidden}, which is not read"
    if body.get("command") or body.get("args"):
        return "the command of its own that the container starts with"
    return "" if containers.is_emqx_image(container.image) else "the image, which is none of EMQX's own"


def _config_map(input_: Input, name: str, namespace: str | None) -> Fact[Mapping[str, str] | None]:
    found = input_.find("ConfigMap", name, namespace)
    if found is None:
        return _NOT_GIVEN
    data = {key: str(value) for key, value in (found.body.get("data") or {}).items()}
    try:
        return _decoded(found.body.get("binaryData") or {}) | data
    except _MISSHAPEN:
        return Unobserved("its binaryData is not in base64")


def _decoded(binary: Mapping[str, Any]) -> dict[str, str]:
    """Where a file is that has a byte which is no text."""
    return {key: b64decode(str(value)).decode(errors="replace") for key, value in binary.items()}


def _service(input_: Input, name: str | None, namespace: str | None) -> Fact[Service | None]:
    found = input_.find("Service", name, namespace)
    if found is None:
        named = (document.namespace or "" for document in input_.each("Service") if document.name == name)
        elsewhere = next(filter(grammar.is_label, named), None)
        why = f"{_NOT_GIVEN.reason}; the one of that name there is of namespace {elsewhere}"
        return Unobserved(why) if elsewhere else _NOT_GIVEN
    try:
        wellformed.check(found)
        return objects.service(input_.placed(found))
    except UnreadableError as error:
        return Unobserved(str(error))
    except _MISSHAPEN as error:
        return Unobserved(str(wellformed.misshapen(found, error)))


def _filled_by_hand(
    input_: Input, name: str | None, namespace: str | None, *, by_dns: bool
) -> Unobserved | None:
    """What a Service without a selector leads to stands in addresses; None: it has a selector, or nobody filled it.

    EMQX asks the API server for Endpoints alone; DNS also goes by EndpointSlices.
    """
    seen = _service(input_, name, namespace)
    if not isinstance(seen, Service) or seen.selector or seen.external_name:
        return None
    slices = (d for d in input_.each("EndpointSlice") if by_dns and input_.is_in(d, namespace))
    labels = (d.body["metadata"].get("labels") for d in slices)
    sliced = any(isinstance(each, Mapping) and each.get(_SERVICE_OF_SLICE) == name for each in labels)
    given = input_.find("Endpoints", name, namespace) or sliced
    return Unobserved("it has no selector, and its addresses are written by hand") if given else None


def _namespace_marks(input_: Input, name: str | None) -> Mapping[str, str]:
    found = input_.find("Namespace", name, None)
    metadata = found.body["metadata"] if found else {}
    given = (metadata.get("labels") or {}, metadata.get("annotations") or {})
    return {str(k): str(v) for marks in given if isinstance(marks, Mapping) for k, v in marks.items()}


def _selecting(input_: Input, document: Document, workload: Workload) -> Iterator[Service]:
    for name in dict.fromkeys(d.name for d in input_.each("Service") if input_.are_together(d, document)):
        found = _service(input_, name, document.namespace or input_.namespace)
        if isinstance(found, Service) and found.selects(workload.template.labels):
            yield found


def _rights(
    input_: Input, document: Document, workload: Workload, namespace: str | None, service: str
) -> Rights:
    account, own = workload.template.service_account, rbac.object_name(workload.ref.name)
    others = _accounts_of_others(input_, document)
    nowhere = (document.namespace or input_.namespace) is None and namespace is not None
    wish = Wish(account, namespace, service, others, _is_own(account, others, workload), nowhere)
    allowed, why = _allowed(input_, wish)
    return Rights(
        _account(input_, account, namespace),
        dedicated_account=_foreign(input_, "ServiceAccount", own, namespace),
        role=_foreign(input_, "Role", own, namespace),
        role_binding=_foreign(input_, "RoleBinding", own, namespace),
        allowed=allowed,
        fitting_account=_fitting(input_, wish) if allowed is False else "",
        why=why,
    )


def _allowed(input_: Input, wish: Wish) -> tuple[Fact[bool], str]:
    """Also why not, as far as the objects show that which were made for it."""
    roles, bindings = input_.bodies("Role", "ClusterRole"), input_.bodies("RoleBinding", "ClusterRoleBinding")
    refused = {id(body): why for body in (*roles, *bindings) if (why := _refused(body))}
    taken = [body for body in bindings if id(body) not in refused]
    given = [body for body in roles if id(body) not in refused]
    found = grants.allowed(wish, given, taken)
    if found is True or not refused or grants.allowed(wish, roles, bindings) is not True:
        return found, grants.shortcoming(wish, given, taken)
    return False, next(iter(refused.values()))


def _fitting(input_: Input, wish: Wish) -> str:
    """The one account of the input that has the right; empty: there is none, or others run as it."""
    near = (d.name for d in input_.each("ServiceAccount") if input_.is_in(d, wish.namespace))
    names = {name for name in near if name not in wish.others and name != wish.account}
    roles = [body for body in input_.bodies("Role", "ClusterRole") if not _refused(body)]
    bindings = [body for body in input_.bodies("RoleBinding", "ClusterRoleBinding") if not _refused(body)]
    found = [name for name in names if grants.is_given(replace(wish, account=name), roles, bindings)]
    return found[0] if len(found) == 1 else ""


def _refused(body: Mapping[str, Any]) -> str:
    """Why the API server takes no such Role or binding; empty: it does."""
    told = f"{body['kind']} {body['metadata'].get('name')}"
    group = str(body.get("apiVersion")).partition("/")[0]
    if group != _RBAC_GROUP:
        return f"{told} has apiVersion {body.get('apiVersion')}, a group in which there is none: it is {_RBAC_GROUP}/v1"
    bound = (body.get("roleRef") or {}).get("apiGroup") or _RBAC_GROUP
    if bound != _RBAC_GROUP:
        return (
            f"{told} has apiGroup {bound} in its roleRef, and the API server refuses it: it is {_RBAC_GROUP}"
        )
    accounts = [s for s in body.get("subjects") or () if s.get("kind") == "ServiceAccount"]
    wrong = next((s["apiGroup"] for s in accounts if s.get("apiGroup")), None)
    if wrong:
        return (
            f"{told} has apiGroup {wrong} for a ServiceAccount, which is in none: the API server refuses it"
        )
    # Where not even the binding says where it goes, something has yet to fill in both, such as kustomize.
    placed = body["metadata"].get("namespace") or body["kind"] == "ClusterRoleBinding"
    nowhere = next((s.get("name") for s in accounts if placed and not s.get("namespace")), None)
    return (
        f"{told} names ServiceAccount {nowhere} without its namespace, and the API server refuses it"
        if nowhere
        else ""
    )


def _is_own(account: str, others: frozenset[str], workload: Workload) -> bool:
    template = workload.template
    alone = len(template.containers) == 1 and not template.has_sidecars
    return alone and account != "default" and account not in others


def _accounts_of_others(input_: Input, document: Document) -> frozenset[str]:
    """What the other pods of the input run as."""
    return frozenset(pods.account for pods in podtemplates.all_of(_others(input_, document)))


def _others(input_: Input, document: Document) -> Iterator[Document]:
    return (other for other in input_.documents if other is not document)


def _foreign(input_: Input, kind: str, name: str, namespace: str | None) -> ManagedObject | None:
    """An object of the name that the operator would use; its own stand in no manifest."""
    found = input_.find(kind, name, namespace)
    return ManagedObject(name, "", ours=False, body=found.body) if found else None


def _account(input_: Input, name: str, namespace: str | None) -> Fact[ManagedObject | None]:
    found = input_.find("ServiceAccount", name, namespace)
    if found is None:
        return _NOT_GIVEN
    return ManagedObject(name, "", ours=False, body=input_.placed(found))


def _policies(input_: Input, document: Document) -> Fact[tuple[NetworkPolicy, ...]]:
    """Those of its namespace; Unobserved where another kind of policy stands beside them, which adds to them."""
    near = [
        d
        for d in input_.each(*_POLICIES)
        if input_.are_together(d, document) or d.kind not in _OF_A_NAMESPACE
    ]
    strange = next((d for d in near if not d.group.startswith(_POLICY_GROUPS)), None)
    if strange is not None:
        return Unobserved(
            f"{strange.kind} {strange.name} ({strange.group}) has a say in it, and is not judged"
        )
    pods = _emqx_beside(input_, document)
    odd = next((d for d in near if not wellformed.is_a_policy(d) and _may_select(d, pods)), None)
    if odd is not None:
        return Unobserved(f"NetworkPolicy {odd.name} is not of the form that the API server takes")
    found = tuple(
        objects.network_policy(input_.placed(each)) for each in near if wellformed.is_a_policy(each)
    )
    somewhere = (document.namespace or input_.namespace) is None
    return tuple(map(_of_any_namespace, found)) if somewhere else found


def _emqx_beside(input_: Input, document: Document) -> tuple[Mapping[str, str], ...]:
    """Labels of the pods of EMQX, of which those of one workload may connect to those of another."""
    near = (d for d in input_.documents if input_.are_together(d, document) and _may_run_emqx(d))
    return tuple(pods.labels for pods in podtemplates.all_of(near))


def _may_select(policy: Document, pods: Iterable[Mapping[str, str]]) -> bool:
    """Of a policy of no form, as far as even that tells whom it is for."""
    if not wellformed.has_pod_selector(policy):
        return True
    bare = objects.network_policy(
        {"metadata": {"name": ""}, "spec": {"podSelector": policy.body["spec"]["podSelector"]}}
    )
    return any(networkpolicy.isolating((bare,), Direction.INGRESS, labels) for labels in pods)


def _of_any_namespace(policy: NetworkPolicy) -> NetworkPolicy:
    """What it selects by a namespace may be where all this goes."""
    return replace(
        policy,
        ingress=tuple(_without_namespaces(rule, "from") for rule in policy.ingress),
        egress=tuple(_without_namespaces(rule, "to") for rule in policy.egress),
    )


def _without_namespaces(rule: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    peers = rule.get(key) or ()
    return {**rule, key: [{k: v for k, v in peer.items() if k != "namespaceSelector"} for peer in peers]}


def _without_nulls(body: Mapping[str, Any]) -> dict[str, Any]:
    """As the API server reads it: null is as good as absent."""
    return {key: _plain(value) for key, value in body.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _without_nulls(value)
    return [_plain(each) for each in value] if isinstance(value, list) else value
