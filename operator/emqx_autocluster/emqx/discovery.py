"""EMQX's k8s discovery as one workload has it set."""

import re
from dataclasses import dataclass

from emqx_autocluster.emqx import (
    apiaddress,
    dnsdiscovery,
    ownname,
    roles,
)
from emqx_autocluster.emqx.choices import Mistake
from emqx_autocluster.emqx.dnsdiscovery import DNS_NAME, DNSSettings
from emqx_autocluster.emqx.environment import (
    Reader,
    Setting,
    Source,
    text,
)
from emqx_autocluster.emqx.generation import Generation
from emqx_autocluster.emqx.ownname import HOST, LONG_NODE_NAME, NAME, NODE_NAME
from emqx_autocluster.emqx.versions import VersionRange
from emqx_autocluster.observation import Container, Fact
from emqx_autocluster.text import grammar

# Of the variables' own vocabulary, what speaks of discovery's settings; the rest is defined below.
__all__ = [
    "DNS_NAME",
    "HOST",
    "LONG_NODE_NAME",
    "NAME",
    "NODE_NAME",
    "Setting",
    "Source",
    "text",
]

API_SERVER = "EMQX_CLUSTER__K8S__APISERVER"
SERVICE_NAME = "EMQX_CLUSTER__K8S__SERVICE_NAME"
NAMESPACE = "EMQX_CLUSTER__K8S__NAMESPACE"
ADDRESS_TYPE = "EMQX_CLUSTER__K8S__ADDRESS_TYPE"
SUFFIX = "EMQX_CLUSTER__K8S__SUFFIX"
APP_NAME = "EMQX_CLUSTER__K8S__APP_NAME"
SEEDS = "EMQX_CLUSTER__STATIC__SEEDS"
LICENSE = "EMQX_LICENSE__KEY"

_WITHOUT_PEERS = frozenset({"manual", "singleton"})
"""Strategies by which a node never looks for another."""
_NAME_IN_VALUE = re.compile(
    r"(?:^|//|@)([a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+)(?::[0-9]+)?(?:[/?]|$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """What the EMQX container is told about discovery, as one version of it reads that."""

    version: VersionRange
    """What is known of its version."""
    generation: Generation
    """The rules by which it is read: those of one version in that range."""
    strategy: Fact[Setting]
    api_server: Fact[Setting]
    service_name: Fact[Setting]
    namespace: Fact[Setting]
    address_type: Fact[Setting]
    licensed: Fact[bool]
    other_strategy: Fact[Setting]
    """The strategy by the variable of the other generation, which this version does not read."""
    suffix: Fact[Setting]
    app_name: Fact[Setting]
    name: Fact[Setting]
    """This and the next three are what the manifest gives, with `$(NAME)` where each pod has another text."""
    host: Fact[Setting]
    node_name: Fact[Setting]
    long_node_name: Fact[Setting]
    role: Fact[Setting]
    """core or replicant; before 5.0 there are only cores."""
    dns: DNSSettings
    entrypoint: ownname.Environment
    """What the image names a node by."""
    seeds: Fact[Setting]
    """Of strategy static."""
    reader: Reader
    """What they were read by; it knows where a value stands."""
    mistakes: tuple[Mistake, ...] = ()
    """Values that their variables do not take; the settings have what is meant instead."""

    @property
    def service(self) -> str | None:
        """The Service that EMQX asks for; None: not known, or not of a name that a Service can have."""
        name = text(self.service_name)
        return name if name is not None and grammar.is_label(name) else None

    @property
    def is_replicant(self) -> bool:
        return text(self.role) == roles.REPLICANT

    @property
    def uses_k8s(self) -> bool:
        """Also where that is only intended: then all that k8s discovery needs is judged, and put right, together."""
        return text(self.strategy) == "k8s" or self._intends("k8s")

    @property
    def uses_dns(self) -> bool:
        """Also where that is only intended."""
        return text(self.strategy) == "dns" or self._intends("dns")

    @property
    def long_node_name_as_read(self) -> Fact[Setting]:
        """Not there, where this version does not read it."""
        return ownname.as_read(self.generation, self.long_node_name, Setting(None, Source.DEFAULT))

    @property
    def names_in_vain(self) -> bool:
        """Whether the manifest gives the whole name only by a variable that this version certainly does not read."""
        given, own = self.long_node_name, self.node_name
        unread = self.generation.reads_long_node_name is False
        return unread and bool(text(given)) and isinstance(own, Setting) and not own.value

    @property
    def discovers(self) -> bool:
        """Whether it asks Kubernetes who its peers are, in the one way or the other."""
        return self.uses_k8s or self.uses_dns

    @property
    def app_variable(self) -> str:
        """The one that says it."""
        return dnsdiscovery.DNS_APP if self.uses_dns else APP_NAME

    @property
    def joins_at_start(self) -> bool:
        return self.discovers or text(self.strategy) not in {None, *_WITHOUT_PEERS}

    @property
    def asked_service(self) -> str | None:
        """The Service that leads to the peers; None: not known, no name of one, or the strategy needs none."""
        if self.uses_dns:
            named = self.dns.service
            return named if named is not None and grammar.is_label(named) else None
        return self.service if self.uses_k8s else None

    @property
    def asked_namespace(self) -> str | None:
        """The namespace of that Service, as far as the settings tell it."""
        if not self.uses_dns:
            return text(self.namespace)
        named = dnsdiscovery.service_name(self.dns.asked or "")
        return named.namespace if named else None

    @property
    def service_variable(self) -> str:
        """The one that names it."""
        return DNS_NAME if self.uses_dns else SERVICE_NAME

    @property
    def missing(self) -> frozenset[str]:
        """Variables that are not set, and that 4.4 does not start without: for strategy k8s its schema has no default.

        What ekka itself would take for them counts only where an image starts all the same.
        """
        return self._without_default if self.generation.needs_each_setting else frozenset()

    @property
    def perhaps_missing(self) -> frozenset[str]:
        """The same of earlier versions, whose schema is alike, and of which it was not tried."""
        return frozenset() if self.generation.needs_each_setting else self._without_default

    @property
    def _without_default(self) -> frozenset[str]:
        needed = {NAMESPACE: self.namespace, APP_NAME: self.app_name}
        unset = (
            name
            for name, found in needed.items()
            if isinstance(found, Setting) and found.source is Source.DEFAULT
        )
        return frozenset(unset) if self.generation.is_4x and self.uses_k8s else frozenset()

    @property
    def in_use(self) -> tuple[str, ...]:
        """The variables by which a node of this version looks for its peers as it does."""
        found, generation = [self.generation.strategy_variable], self.generation
        if not generation.is_4x:
            found.append(roles.ROLE)
        if self.uses_k8s:
            found += [API_SERVER, SERVICE_NAME, NAMESPACE, ADDRESS_TYPE]
            found += [SUFFIX] if text(self.address_type) in {"dns", "hostname"} else []
        if self.uses_dns:
            found += [DNS_NAME, *([generation.record_type_variable] if generation.has_record_type else [])]
        if generation.is_4x and self.discovers:
            found.append(self.app_variable)
        return (*found, SEEDS) if text(self.strategy) == "static" else tuple(found)

    @property
    def sought_part(self) -> Fact[Setting]:
        """What stands before the @ of the names looked for, where the settings say so: on 4.x alone."""
        return self.dns.app if self.uses_dns else self.app_name

    def _intends(self, strategy: str) -> bool:
        silent = isinstance(self.strategy, Setting) and self.strategy.source is Source.DEFAULT
        return silent and text(self.other_strategy) == strategy

    @property
    def is_meant(self) -> bool:
        """Whether only the variable that this version does not read says how to look for peers."""
        return self._intends("k8s") or self._intends("dns")


def other_host_names(container: Container) -> tuple[str, ...]:
    """Host names in the container's plain env values that it may need besides the API server's."""
    values = (e.value for e in container.env if e.value and e.name != API_SERVER)
    names = {match.group(1) for value in values for match in _NAME_IN_VALUE.finditer(value)}
    return tuple(sorted(name for name in names if not apiaddress.is_ip(name)))
