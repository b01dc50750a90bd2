"""Reads the cluster's own DNS and the API server's own addresses, where a name does not resolve as it should.

They are the same for all workloads, so they are read once for all of them and believed for a minute.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Generic, TypeVar

from emqx_autocluster import objects
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.facts import fact, parsed
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.clients.resolver import ClusterResolver, is_own_address
from emqx_autocluster.diagnosis.configuration.address import service_fqdn
from emqx_autocluster.emqx import apiaddress, dnsdiscovery
from emqx_autocluster.observation import (
    CANONICAL_HOST,
    ClusterDNS,
    DNSAnswer,
    DNSOutcome,
    Fact,
    Identity,
    Network,
    Unobserved,
)
from emqx_autocluster.observer.look import Look
from emqx_autocluster.observer.lookups import Answers
from emqx_autocluster.settings import NAMESPACES

T = TypeVar("T")
_AGE = timedelta(minutes=1)
_DNS_NAMESPACE, _DNS_SERVICE, _DNS_CONFIG = "kube-system", "kube-dns", "coredns"
_API_NAMESPACE, _API_SERVICE = "default", "kubernetes"
_MOST_NAMESERVERS = 3
"""As many as a libc asks."""
_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class _APIServers:
    service_address: Fact[str | None]
    addresses: Fact[frozenset[str]]
    ports: frozenset[int] = frozenset()


class Recent(Generic[T]):
    """One reading for all workloads, for a minute."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._last: tuple[datetime, T] | None = None

    async def value(self, at: datetime) -> T:
        if self._last is None or not timedelta(0) <= at - self._last[0] < _AGE:
            self._last = at, await self._read()
        return self._last[1]


class ClusterDNSReader:
    def __init__(self, kube: Kube, cluster_domain: str, namespaces: Collection[str] | None = None) -> None:
        """`namespaces`: the only ones that are read in, so that others are not even asked for; None: all."""
        self._kube = kube
        self._domain = cluster_domain
        self._namespaces = namespaces
        self._dns = Recent(self._read_dns)
        self._api_servers = Recent(self._read_api_servers)

    async def with_causes(self, look: Look, lookups: Mapping[str, Answers], network: Network) -> Network:
        """What is known of names, and, where one does not resolve as it should, what may be the cause."""
        if look.settings.uses_dns:
            return await self._with_causes_of_peers(look, lookups, network)
        if not look.settings.uses_k8s:
            return network
        if _is_lost(look, lookups, network):
            dns, nameservers = await asyncio.gather(self._dns.value(look.at), self._asked(look, network))
            network = replace(network, cluster_dns=dns, nameservers=nameservers)
        elif not _is_odd(look, lookups, network):
            return network
        return await self.with_api_servers(network, look.at)

    async def with_backends(self, network: Network, at: datetime) -> Network:
        """With what a NetworkPolicy may keep pods from: the API servers, and the pods of the cluster's DNS."""
        network = await self.with_api_servers(network, at)
        return replace(network, cluster_dns=await self._dns.value(at))

    async def with_api_servers(self, network: Network, at: datetime) -> Network:
        found = await self._api_servers.value(at)
        return replace(
            network,
            service_address=found.service_address,
            api_servers=found.addresses,
            api_ports=found.ports,
        )

    async def _with_causes_of_peers(
        self, look: Look, lookups: Mapping[str, Answers], network: Network
    ) -> Network:
        """The same for the one name that strategy dns asks for."""
        name = look.peer_name(network.cluster_domain)
        if (
            name is None
            or not dnsdiscovery.service_name(name)
            or all(found.get(name) != () for found in lookups.values())
        ):
            return network
        unasked = Unobserved("a name that the workload chooses is not sent to where its pods point")
        nameservers = dict.fromkeys(_first_nameservers(look), unasked)
        return replace(network, cluster_dns=await self._dns.value(look.at), nameservers=nameservers)

    async def _asked(self, look: Look, network: Network) -> dict[str, Fact[DNSAnswer]]:
        """What the pods' own nameservers say to the operator: one fixed question, and to no more than a libc asks.

        A pod may write its own resolv.conf, so nothing of it goes out but to the address, and not to any.
        """
        servers = _first_nameservers(look)
        if network.cluster_domain != self._domain:
            unlike = Unobserved(
                f"its cluster domain is {network.cluster_domain}, the operator's {self._domain}"
            )
            return dict.fromkeys(servers, unlike)
        name, inside = service_fqdn(self._domain), self._kube.in_cluster
        answers = await asyncio.gather(*(ask(server, name, in_cluster=inside) for server in servers))
        return dict(zip(servers, answers, strict=True))

    def _unread(self, namespace: str) -> Unobserved | None:
        if self._namespaces is None or namespace in self._namespaces:
            return None
        return Unobserved(f"{NAMESPACES} does not name {namespace}, so nothing is read there")

    async def _read_dns(self) -> ClusterDNS:
        unread = self._unread(_DNS_NAMESPACE)
        if unread:
            return ClusterDNS(unread, unread, unread)
        service, endpoints, config = await asyncio.gather(
            fact(self._kube.get(paths.services(_DNS_NAMESPACE, _DNS_SERVICE))),
            parsed(self._kube.get(paths.endpoints(_DNS_NAMESPACE, _DNS_SERVICE)), objects.endpoints),
            fact(self._kube.get(paths.configmaps(_DNS_NAMESPACE, _DNS_CONFIG))),
        )
        missing = Unobserved(f"there are no Endpoints {_DNS_SERVICE} in {_DNS_NAMESPACE}")
        found = missing if endpoints is None else endpoints
        return ClusterDNS(
            addresses=service if isinstance(service, Unobserved) else objects.cluster_ips(service or {}),
            backends=found if isinstance(found, Unobserved) else tuple(a.ip for a in found.ready),
            corefile=config if isinstance(config, Unobserved) else _corefile(config or {}),
        )

    async def _read_api_servers(self) -> _APIServers:
        unread = self._unread(_API_NAMESPACE)
        if unread:
            return _APIServers(unread, unread)
        service, endpoints = await asyncio.gather(
            fact(self._kube.get(paths.services(_API_NAMESPACE, _API_SERVICE))),
            fact(self._kube.get(paths.endpoints(_API_NAMESPACE, _API_SERVICE))),
        )
        own = (
            service
            if isinstance(service, Unobserved)
            else next(iter(objects.cluster_ips(service or {})), None)
        )
        if isinstance(endpoints, Unobserved):
            return _APIServers(own, endpoints)
        body = endpoints or {}
        ready = frozenset(address.ip for address in objects.endpoints(body).ready)
        return _APIServers(own, ready, objects.endpoint_ports(body))


async def ask(server: str, name: str, *, in_cluster: bool) -> Fact[DNSAnswer]:
    """What a pod's nameserver answers to the operator, where the same address means the same server for both."""
    if not in_cluster:
        return Unobserved("asked from outside the cluster it would be another one")
    try:
        address = ip_address(server)
    except ValueError:
        return Unobserved("it is no address")
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if not _is_elsewhere(mapped or address):
        return Unobserved("it is the pod's or its node's own, or no address of one machine")
    if await asyncio.to_thread(is_own_address, mapped or address):
        return Unobserved("it is the operator's own address")
    return await fact(
        ClusterResolver(str(mapped or address), lifetime=_PATIENCE, datagrams_only=True).lookup(name)
    )


def _is_elsewhere(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is of one machine, and means the same one for whoever sends to it."""
    local = address.is_loopback or address.is_link_local or address.is_unspecified
    zoned = isinstance(address, IPv6Address) and address.scope_id is not None
    return not (local or zoned or address.is_multicast or address.is_reserved)


def _corefile(config: Mapping[str, Any]) -> str | None:
    text = (config.get("data") or {}).get("Corefile")
    return None if text is None else str(text)


def _first_nameservers(look: Look) -> list[str]:
    """No more than a libc asks."""
    return sorted(set(_nameservers(look)))[:_MOST_NAMESERVERS]


def _nameservers(look: Look) -> Iterator[str]:
    for identity in look.identities.values():
        conf = identity.resolv_conf if isinstance(identity, Identity) else None
        if conf:
            yield from conf.nameservers[:1]


def _is_lost(look: Look, lookups: Mapping[str, Answers], network: Network) -> bool:
    """Whether a pod does not resolve the Service's name, or the operator itself does not."""
    answer = network.dns.get(service_fqdn(network.cluster_domain))
    failing = isinstance(answer, DNSAnswer) and answer.outcome is not DNSOutcome.ANSWER
    return failing or any(not addresses for addresses in _found(look, lookups, network))


def _is_odd(look: Look, lookups: Mapping[str, Answers], network: Network) -> bool:
    """Whether a pod resolves it to an address that the API server's certificate does not name."""
    hosts = network.certificate_hosts
    named = frozenset() if isinstance(hosts, Unobserved) else hosts
    return any(named.isdisjoint(addresses) for addresses in _found(look, lookups, network))


def _found(look: Look, lookups: Mapping[str, Answers], network: Network) -> Iterator[tuple[str, ...]]:
    for host in {CANONICAL_HOST, *look.configured_names()}:
        if apiaddress.names_the_service(host, network.cluster_domain):
            for answers in lookups.values():
                addresses = answers.get(host)
                if isinstance(addresses, tuple):
                    yield addresses
