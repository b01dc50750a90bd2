"""Reads what is around the members: ConfigMaps, Service and Endpoints, rights, names and the certificate."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

from emqx_autocluster import objects
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.certificate import certificate_hosts
from emqx_autocluster.clients.errors import TooLarge
from emqx_autocluster.clients.facts import fact, parsed
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.clients.resolver import ClusterResolver
from emqx_autocluster.diagnosis.configuration.address import service_fqdn
from emqx_autocluster.emqx import configfiles, configmaps, discovery
from emqx_autocluster.emqx.configfiles import ConfigMaps
from emqx_autocluster.objects import rbac
from emqx_autocluster.observation import (
    NOT_ASKED,
    Container,
    DNSAnswer,
    DNSOutcome,
    Endpoints,
    Fact,
    ManagedObject,
    Network,
    Rights,
    Service,
    Unobserved,
    Workload,
)
from emqx_autocluster.observer.look import Look

_NO_RESOLVER = Unobserved(
    "the cluster's DNS is not known outside the cluster; set EMQX_AUTOCLUSTER_CLUSTER_DNS"
)
_CERTIFICATE_AGE = timedelta(minutes=5)
_MOST_CONFIG_MAPS = 20
"""Of one container."""
_MOST_DATA = 64 * 1024
"""Characters of one ConfigMap's variables."""
_MOST_OF_FILES = 512 * 1024
"""Characters of one that is mounted as configuration files."""


class Surroundings:
    def __init__(self, kube: Kube, resolver: ClusterResolver | None, cluster_domain: str) -> None:
        self._kube = kube
        self._resolver = resolver
        self._cluster_domain = cluster_domain
        self._certificate: tuple[datetime, Fact[frozenset[str]]] | None = None

    async def config_maps(self, workload: Workload, container: Container, *, running: bool) -> ConfigMaps:
        names = configmaps.names(container, running=running)
        left_out = Unobserved(f"not judged: the container takes more than {_MOST_CONFIG_MAPS} ConfigMaps")

        async def data(name: str) -> Mapping[str, str] | None:
            body = await self._kube.get(paths.configmaps(workload.ref.namespace, name))
            return None if body is None else _wanted(container, name, body.get("data") or {})

        read = names[:_MOST_CONFIG_MAPS]
        found = await asyncio.gather(*(fact(data(name)) for name in read))
        return dict.fromkeys(names, left_out) | dict(zip(read, found, strict=True))

    async def service(self, look: Look) -> tuple[Fact[Service | None], Fact[Endpoints | None]]:
        """In the pods' own namespace, whatever the setting says: only there can a Service select these pods."""
        namespace, name = look.workload.ref.namespace, look.settings.asked_service
        if name is None:
            return Unobserved("its name is not known"), Unobserved("its name is not known")
        return await asyncio.gather(
            parsed(self._kube.get(paths.services(namespace, name)), objects.service),
            parsed(self._kube.get(paths.endpoints(namespace, name)), objects.endpoints),
        )

    async def governing(self, look: Look) -> Fact[Service | None]:
        """Asked only where host names come from another Service than discovery's."""
        name = look.workload.service_name
        by_hostname = discovery.text(look.settings.address_type) == "hostname"
        if not look.settings.uses_k8s or not by_hostname:
            return NOT_ASKED
        if not name or name == look.settings.service:
            return NOT_ASKED
        return await parsed(
            self._kube.get(paths.services(look.workload.ref.namespace, name)), objects.service
        )

    async def rights(self, look: Look) -> Rights | None:
        name = look.settings.service
        if not look.settings.uses_k8s or name is None:
            return None
        own, account = look.workload.ref.namespace, look.workload.template.service_account
        named = rbac.object_name(look.resource)
        review = rbac.access_review(own, account, own, name)
        account_object, allowed = await asyncio.gather(
            self._managed(paths.serviceaccounts(own, account)), fact(self._allowed(review))
        )
        rights = Rights(account_object, None, NOT_ASKED, NOT_ASKED, allowed)
        if not look.depth.thorough and allowed is True:
            return rights
        role, binding = await asyncio.gather(
            self._managed(paths.roles(own, named)), self._managed(paths.rolebindings(own, named))
        )
        rights = replace(rights, role=role, role_binding=binding)
        return rights if account != "default" or allowed is True else await self._switch(look, rights, named)

    async def _switch(self, look: Look, rights: Rights, named: str) -> Rights:
        """What must be known before pods are moved from `default` to a ServiceAccount of their own."""
        own, name = look.workload.ref.namespace, look.settings.service
        review = rbac.access_review(own, named, own, name or "")
        dedicated, bindings, allowed = await asyncio.gather(
            self._managed(paths.serviceaccounts(own, named)),
            fact(self._kube.select(paths.rolebindings(own), partial(_binding_of_default, namespace=own))),
            fact(self._allowed(review)),
        )
        others = bindings if isinstance(bindings, Unobserved) else tuple(sorted(bindings))
        return replace(rights, dedicated_account=dedicated, dedicated_allowed=allowed, other_bindings=others)

    async def _managed(self, path: str) -> Fact[ManagedObject | None]:
        return await parsed(self._kube.get(path), objects.managed)

    async def _allowed(self, review: dict[str, Any]) -> bool:
        path = paths.local_subject_access_reviews(review["metadata"]["namespace"])
        answer = await self._kube.create(path, review)
        return bool((answer.get("status") or {}).get("allowed"))

    async def network(self, look: Look) -> Network:
        domain = look.cluster_domain(self._cluster_domain)
        if look.settings.uses_dns:
            return await self._peers(look, domain)
        if not look.settings.uses_k8s:
            return Network(cluster_domain=domain)
        names = [service_fqdn(domain), *(f"{host}." for host in look.host_names())]
        answers = await asyncio.gather(*(self._lookup(name) for name in names))
        return Network(dict(zip(names, answers, strict=True)), await self._certificate_hosts(look.at), domain)

    async def _peers(self, look: Look, domain: str) -> Network:
        """What DNS says to the operator of the name that discovery asks for, and of the records that it takes."""
        name, kind = look.peer_name(self._cluster_domain), look.settings.dns.kind
        if name is None or kind is None:
            return Network(cluster_domain=domain)
        asked, found = await asyncio.gather(self._lookup(name), self._records(name, kind))
        return Network({name: asked}, cluster_domain=domain, peers=found)

    async def _records(self, name: str, kind: str) -> Fact[DNSAnswer]:
        if self._resolver is None:
            return _NO_RESOLVER
        return await fact(self._resolver.records(name, kind))

    async def resolves(self, domain: str) -> bool:
        """Whether the API server's name is known right now to the cluster's DNS."""
        answer = await self._lookup(service_fqdn(domain))
        return isinstance(answer, DNSAnswer) and answer.outcome is DNSOutcome.ANSWER

    async def _lookup(self, name: str) -> Fact[DNSAnswer]:
        if self._resolver is None:
            return _NO_RESOLVER
        return await fact(self._resolver.lookup(name))

    async def _certificate_hosts(self, at: datetime) -> Fact[frozenset[str]]:
        if self._certificate is None or at - self._certificate[0] > _CERTIFICATE_AGE:
            self._certificate = at, await certificate_hosts(self._kube)
        return self._certificate[1]


def _wanted(container: Container, name: str, data: Mapping[str, str]) -> Mapping[str, str]:
    """What of a ConfigMap becomes a variable of EMQX, or all of it where EMQX has it as files. Raises TooLarge."""
    if name in configfiles.config_map_names(container):
        wanted, most = data, _MOST_OF_FILES
    else:
        wanted, most = _variables(container, name, data), _MOST_DATA
    if sum(map(len, chain(wanted, wanted.values()))) > most:
        raise TooLarge(f"not judged: it holds more than {most} characters")
    return wanted


def _variables(container: Container, name: str, data: Mapping[str, str]) -> Mapping[str, str]:
    prefixes = [source.prefix for source in container.env_from if source.config_map == name]
    keys = {key for entry in container.env if (key := configmaps.key_in(entry, name))}
    return {
        key: value
        for key, value in data.items()
        if key in keys or any((prefix + key).startswith("EMQX_") for prefix in prefixes)
    }


def _binding_of_default(binding: Mapping[str, Any], namespace: str) -> str | None:
    """Name of a RoleBinding, not ours, whose subject is the namespace's ServiceAccount `default`."""
    subjects = binding.get("subjects") or ()
    names_it = any(
        s.get("kind") == "ServiceAccount"
        and s.get("name") == "default"
        and s.get("namespace", namespace) == namespace
        for s in subjects
    )
    return str(binding["metadata"]["name"]) if names_it and not rbac.is_ours(binding) else None
