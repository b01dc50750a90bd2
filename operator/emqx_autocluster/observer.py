"""All reads: asks the API server, the pods and the DNS, and fills one Observation.

Each fact is caught on its own, so that one failing probe does not hide the others. `emqx_ctl` costs about
1.2 CPU-seconds in the pod that it runs in; what cannot have changed since the last pass is remembered.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from emqx_autocluster import discovery, membership, objects, rbac
from emqx_autocluster.annotations import WorkloadOptions
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.certificate import certificate_hosts
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.clients.join_trace import parse_join_trace
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.clients.resolver import ClusterResolver
from emqx_autocluster.diagnosis.configuration import service_fqdn
from emqx_autocluster.diagnosis.names import CANONICAL_HOST
from emqx_autocluster.discovery import DiscoverySettings
from emqx_autocluster.observation import (
    Container,
    Endpoints,
    Fact,
    Identity,
    JoinTrace,
    ManagedObject,
    Member,
    Network,
    Observation,
    Pod,
    Rights,
    Service,
    Unobserved,
    View,
    Workload,
    WorkloadKind,
    WorkloadRef,
)

T = TypeVar("T")

_BOOT = timedelta(seconds=30)
_CERTIFICATE_AGE = timedelta(minutes=5)
_LOG_LINES = 1000


@dataclass(slots=True)
class _Remembered:
    """What one workload's members said, by container id: it holds while the container lives."""

    identities: dict[str, Identity] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    lookups: dict[str, Mapping[str, Fact[tuple[str, ...]]]] = field(default_factory=dict)
    turn: int = 0

    def keep_only(self, containers: set[str]) -> None:
        for memory in (self.identities, self.views, self.lookups):
            for gone in set(memory) - containers:
                del memory[gone]


class Observer:
    def __init__(
        self, kube: Kube, emqx_ctl: EmqxCtl, resolver: ClusterResolver | None, cluster_domain: str
    ) -> None:
        self._kube = kube
        self._emqx_ctl = emqx_ctl
        self._resolver = resolver
        self._cluster_domain = cluster_domain
        self._remembered: dict[WorkloadRef, _Remembered] = {}
        self._certificate: tuple[datetime, Fact[frozenset[str]]] | None = None

    def forget(self, ref: WorkloadRef) -> None:
        self._remembered.pop(ref, None)

    async def workload(self, ref: WorkloadRef) -> Workload | None:
        """None: there is none. Raises ClientError where that could not be told."""
        path = paths.deployments if ref.kind is WorkloadKind.DEPLOYMENT else paths.statefulsets
        body = await self._kube.get(path(ref.namespace, ref.name))
        return objects.workload(ref.kind, body) if body else None

    async def observe(
        self, workload: Workload, resource: str, options: WorkloadOptions, at: datetime, *, thorough: bool
    ) -> Observation:
        """`thorough` asks every member; else one in turn, and the others count as they last answered."""
        bare = Observation(at, resource, workload, Unobserved("the pods were not listed"))
        container = discovery.emqx_container(workload.template, options.container)
        if container is None or workload.replicas == 0:
            return bare
        memory = self._remembered.setdefault(workload.ref, _Remembered())
        pods = await _fact(self._pods(workload, container))
        if isinstance(pods, Unobserved):
            return replace(bare, members=pods)
        memory.keep_only({pod.container_id for pod in pods if pod.container_id})
        identities, config_maps = await asyncio.gather(
            self._identities(workload.ref, container, pods, memory), self._config_maps(workload, container)
        )
        newest = [i for pod in _newest_first(pods) if isinstance(i := identities[pod.uid], Identity)]
        settings = discovery.read_settings(container, newest, config_maps)
        look = _Look(workload, resource, container, settings, pods, identities, memory, at)
        members, (service, endpoints), rights, network = await asyncio.gather(
            self._members(look, thorough=thorough),
            self._service(look),
            self._rights(look, thorough=thorough),
            self._network(look),
        )
        return Observation(at, resource, workload, members, config_maps, service, endpoints, rights, network)

    async def _pods(self, workload: Workload, container: Container) -> tuple[Pod, ...]:
        bodies = await self._kube.list(
            paths.pods(workload.ref.namespace), label_selector=objects.label_selector(workload.selector)
        )
        own = (b for b in bodies if objects.belongs_to(b, workload) and not objects.is_finished(b))
        return tuple(sorted((objects.pod(b, container.name) for b in own), key=lambda pod: pod.name))

    async def _identities(
        self, ref: WorkloadRef, container: Container, pods: Sequence[Pod], memory: _Remembered
    ) -> dict[str, Fact[Identity]]:
        async def identity(pod: Pod) -> Fact[Identity]:
            if not pod.running or pod.container_id is None:
                return Unobserved("its container does not run")
            known = memory.identities.get(pod.container_id)
            if known:
                return known
            found = await _fact(self._emqx_ctl.identity(ExecTarget(ref.namespace, pod.name, container.name)))
            if isinstance(found, Identity) and found.node:
                memory.identities[pod.container_id] = found
            return found

        found = await asyncio.gather(*(identity(pod) for pod in pods))
        return {pod.uid: identity for pod, identity in zip(pods, found, strict=True)}

    async def _config_maps(self, workload: Workload, container: Container) -> discovery.ConfigMaps:
        names = sorted({source.config_map for source in container.env_from if source.config_map})

        async def data(name: str) -> Mapping[str, str] | None:
            body = await self._kube.get(paths.configmaps(workload.ref.namespace, name))
            return None if body is None else body.get("data") or {}

        return dict(zip(names, await asyncio.gather(*(_fact(data(name)) for name in names)), strict=True))

    async def _service(self, look: "_Look") -> tuple[Fact[Service | None], Fact[Endpoints | None]]:
        namespace, name = discovery.text(look.settings.namespace), discovery.text(look.settings.service_name)
        if not look.settings.uses_k8s or namespace is None or name is None:
            return Unobserved("its name is not known"), Unobserved("its name is not known")
        service, endpoints = await asyncio.gather(
            _fact(self._kube.get(paths.services(namespace, name))),
            _fact(self._kube.get(paths.endpoints(namespace, name))),
        )
        return _parsed(service, objects.service), _parsed(endpoints, objects.endpoints)

    async def _rights(self, look: "_Look", *, thorough: bool) -> Rights | None:
        namespace, name = discovery.text(look.settings.namespace), discovery.text(look.settings.service_name)
        if not look.settings.uses_k8s or namespace is None or name is None:
            return None
        own, account = look.workload.ref.namespace, look.workload.template.service_account
        named = rbac.object_name(look.resource)
        review = rbac.access_review(namespace, account, own, name)
        account_object, allowed = await asyncio.gather(
            self._managed(paths.serviceaccounts(own, account)), _fact(self._allowed(review))
        )
        rights = Rights(account_object, None, _NOT_ASKED, _NOT_ASKED, allowed)
        if not thorough and allowed is True:
            return rights
        role, binding = await asyncio.gather(
            self._managed(paths.roles(own, named)), self._managed(paths.rolebindings(own, named))
        )
        rights = replace(rights, role=role, role_binding=binding)
        return rights if account != "default" or allowed is True else await self._switch(look, rights, named)

    async def _switch(self, look: "_Look", rights: Rights, named: str) -> Rights:
        """What must be known before pods are moved from `default` to a ServiceAccount of their own."""
        own = look.workload.ref.namespace
        namespace, name = discovery.text(look.settings.namespace), discovery.text(look.settings.service_name)
        review = rbac.access_review(namespace or own, named, own, name or "")
        dedicated, bindings, allowed = await asyncio.gather(
            self._managed(paths.serviceaccounts(own, named)),
            _fact(self._kube.list(paths.rolebindings(own))),
            _fact(self._allowed(review)),
        )
        others = bindings if isinstance(bindings, Unobserved) else _bindings_of_default(bindings, own)
        return replace(rights, dedicated_account=dedicated, dedicated_allowed=allowed, other_bindings=others)

    async def _managed(self, path: str) -> Fact[ManagedObject | None]:
        body = await _fact(self._kube.get(path))
        return body if body is None or isinstance(body, Unobserved) else objects.managed(body)

    async def _allowed(self, review: dict[str, Any]) -> bool:
        answer = await self._kube.create(paths.subject_access_reviews(), review)
        return bool((answer.get("status") or {}).get("allowed"))

    async def _network(self, look: "_Look") -> Network:
        domain = look.cluster_domain(self._cluster_domain)
        if not look.settings.uses_k8s:
            return Network(cluster_domain=domain)
        names = [service_fqdn(domain), *(f"{host}." for host in look.host_names())]
        answers = await asyncio.gather(*(self._lookup(name) for name in names))
        return Network(dict(zip(names, answers, strict=True)), await self._certificate_hosts(look.at), domain)

    async def _lookup(self, name: str) -> Fact[Any]:
        if self._resolver is None:
            return Unobserved(
                "the cluster's DNS is not known outside the cluster; set EMQX_AUTOCLUSTER_CLUSTER_DNS"
            )
        return await _fact(self._resolver.lookup(name))

    async def _certificate_hosts(self, at: datetime) -> Fact[frozenset[str]]:
        if self._certificate is None or at - self._certificate[0] > _CERTIFICATE_AGE:
            self._certificate = at, await certificate_hosts(self._kube)
        return self._certificate[1]

    async def _members(self, look: "_Look", *, thorough: bool) -> tuple[Member, ...]:
        views = await self._views(look, thorough=thorough)
        lookups = await self._lookups(look, thorough=thorough)
        names = {
            name for view in views.values() if isinstance(view, View) for name in view.running | view.stopped
        }
        members = [_member(look, pod, views[pod.uid], lookups[pod.uid], names) for pod in look.pods]
        members = await self._with_connections(look, members)
        return tuple(await self._with_join_traces(look, members))

    async def _views(self, look: "_Look", *, thorough: bool) -> dict[str, Fact[View]]:
        memory, up = look.memory, look.running
        remembered = {pod.uid: memory.views.get(pod.container_id or "") for pod in up}
        if not thorough and up and all(remembered.values()):
            memory.turn += 1
            chosen = up[memory.turn % len(up)]
            fresh = await self._view(look, chosen)
            if fresh == remembered[chosen.uid]:
                return _complete(look.pods, {uid: view for uid, view in remembered.items() if view})
        found = await asyncio.gather(*(self._view(look, pod) for pod in up))
        return _complete(look.pods, {pod.uid: view for pod, view in zip(up, found, strict=True)})

    async def _view(self, look: "_Look", pod: Pod) -> Fact[View]:
        view = await _fact(self._emqx_ctl.cluster_status(look.target(pod)))
        container = pod.container_id or ""
        if isinstance(view, View):
            look.memory.views[container] = view
        else:
            look.memory.views.pop(container, None)
        return view

    async def _lookups(
        self, look: "_Look", *, thorough: bool
    ) -> dict[str, Mapping[str, Fact[tuple[str, ...]]]]:
        hosts = [CANONICAL_HOST, *look.configured_names()] if look.settings.uses_k8s else []

        async def lookups(pod: Pod) -> Mapping[str, Fact[tuple[str, ...]]]:
            known = look.memory.lookups.get(pod.container_id or "")
            if not pod.running or pod.deleting:
                return {}
            if not thorough and known and set(known) >= set(hosts):
                return known
            answers = await asyncio.gather(
                *(_fact(self._emqx_ctl.lookup(look.target(pod), host)) for host in hosts)
            )
            found = look.memory.lookups[pod.container_id or ""] = dict(zip(hosts, answers, strict=True))
            return found

        found = await asyncio.gather(*(lookups(pod) for pod in look.pods))
        return {pod.uid: answers for pod, answers in zip(look.pods, found, strict=True)}

    async def _with_connections(self, look: "_Look", members: list[Member]) -> list[Member]:
        """Only where a seed has to be chosen or a restart's cost told: while members stand apart."""
        seen = [m for m in members if isinstance(m.view, View)]
        if len({m.view for m in seen}) < 2:  # noqa: PLR2004 - all see the same
            return members

        async def with_connections(member: Member) -> Member:
            if member not in seen:
                return member
            count = await _fact(self._emqx_ctl.connections(look.target(member.pod)))
            return replace(member, connections=count)

        return list(await asyncio.gather(*(with_connections(m) for m in members)))

    async def _with_join_traces(self, look: "_Look", members: list[Member]) -> list[Member]:
        """Only of members that run longer than a boot takes and are not Ready."""

        async def with_trace(member: Member) -> Member:
            pod = member.pod
            if pod.ready or pod.deleting or pod.running_since is None or look.at - pod.running_since < _BOOT:
                return member
            return replace(member, join_trace=await _fact(self._join_trace(look, pod)))

        return list(await asyncio.gather(*(with_trace(m) for m in members)))

    async def _join_trace(self, look: "_Look", pod: Pod) -> JoinTrace:
        log = await self._kube.read_log(
            look.workload.ref.namespace, pod.name, look.container.name, tail_lines=_LOG_LINES
        )
        return parse_join_trace(log.splitlines())


@dataclass(frozen=True, slots=True)
class _Look:
    """What one pass knows before it asks the members."""

    workload: Workload
    resource: str
    container: Container
    settings: DiscoverySettings
    pods: tuple[Pod, ...]
    identities: Mapping[str, Fact[Identity]]
    memory: _Remembered
    at: datetime

    @property
    def running(self) -> list[Pod]:
        return [pod for pod in self.pods if pod.running and not pod.deleting]

    def target(self, pod: Pod) -> ExecTarget:
        return ExecTarget(self.workload.ref.namespace, pod.name, self.container.name)

    def configured_names(self) -> list[str]:
        """The host of the configured API server, where it is a name that DNS has to know."""
        address = discovery.parse_address(discovery.text(self.settings.api_server) or "")
        if address is None or discovery.is_ip(address.host) or discovery.is_loopback(address.host):
            return []
        return [address.host] if address.host != CANONICAL_HOST else []

    def host_names(self) -> list[str]:
        return [*self.configured_names(), *discovery.other_host_names(self.container)]

    def cluster_domain(self, default: str) -> str:
        """From the search list that Kubernetes writes into a pod: `<namespace>.svc.<domain>`."""
        prefix = f"{self.workload.ref.namespace}.svc."
        for identity in self.identities.values():
            conf = identity.resolv_conf if isinstance(identity, Identity) else None
            for domain in conf.search if conf else ():
                if domain.startswith(prefix):
                    return domain.removeprefix(prefix).rstrip(".")
        return default


_NOT_ASKED = Unobserved("not asked")


async def _fact(reading: Awaitable[T]) -> Fact[T]:
    try:
        return await reading
    except ClientError as error:
        return Unobserved(str(error))


def _parsed(fact: Any, parse: Any) -> Any:
    """An absent or unread fact stays what it is."""
    return fact if fact is None or isinstance(fact, Unobserved) else parse(fact)


def _newest_first(pods: Iterable[Pod]) -> list[Pod]:
    return sorted(pods, key=lambda pod: pod.created, reverse=True)


def _complete(pods: Iterable[Pod], views: Mapping[str, Fact[View]]) -> dict[str, Fact[View]]:
    return {pod.uid: views.get(pod.uid, Unobserved("its container does not run")) for pod in pods}


def _member(
    look: _Look, pod: Pod, view: Fact[View], lookups: Mapping[str, Fact[tuple[str, ...]]], names: set[str]
) -> Member:
    identity = look.identities[pod.uid]
    own = identity.node if isinstance(identity, Identity) else None
    return Member(pod, identity, view, lookups, node=membership.node_name(pod, own, names))


def _bindings_of_default(bindings: Iterable[Mapping[str, Any]], namespace: str) -> tuple[str, ...]:
    """Names of RoleBindings, not ours, whose subject is the namespace's ServiceAccount `default`."""
    return tuple(
        sorted(
            b["metadata"]["name"]
            for b in bindings
            if not rbac.is_ours(b)
            and any(
                s.get("kind") == "ServiceAccount"
                and s.get("name") == "default"
                and s.get("namespace", namespace) == namespace
                for s in b.get("subjects") or ()
            )
        )
    )
