"""EMQX's k8s discovery as one workload has it set."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from emqx_autocluster.emqx import choices as choices_
from emqx_autocluster.emqx import configfiles, dnsdiscovery, ownname, podwords, roles, versions
from emqx_autocluster.emqx.choices import Mistake
from emqx_autocluster.emqx.configfiles import ConfigMaps
from emqx_autocluster.emqx.dnsdiscovery import DNS_NAME, DNSSettings
from emqx_autocluster.emqx.environment import (
    Reader,
    Setting,
    Source,
    as_hocon,
    config_map_key,
    config_map_names,
    every_config_map,
    text,
)
from emqx_autocluster.emqx.ownname import HOST, LONG_NODE_NAME, NAME, NODE_NAME
from emqx_autocluster.emqx.versions import UNKNOWN_VERSION, Generation, VersionRange
from emqx_autocluster.observation import Container, Fact, Identity, PodTemplate, Unobserved
from emqx_autocluster.text import grammar
from emqx_autocluster.text.credentials import without_user, without_users
from emqx_autocluster.text.plain import plain

# Of the variables' own vocabulary, what speaks of discovery's settings; the rest is defined below.
__all__ = [
    "DNS_NAME",
    "HOST",
    "LONG_NODE_NAME",
    "NAME",
    "NODE_NAME",
    "ConfigMaps",
    "Setting",
    "Source",
    "config_map_key",
    "config_map_names",
    "every_config_map",
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

_SINGLE_NODE_LICENSES = frozenset({"", "default"})
"""No key, or the community licence that comes with EMQX 5.9 and later; a cluster needs another one."""
_EDITIONS = f"open-source EMQX reads {roles.ROLE} since 5.0.23, and Enterprise since 5.0.3"
_WITHOUT_PEERS = frozenset({"manual", "singleton"})
"""Strategies by which a node never looks for another."""
_EMQX_IMAGES = frozenset({"emqx", "emqx-ee", "emqx-enterprise"})
_HOST = re.compile(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", re.IGNORECASE)
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
        unset = (name for name, found in needed.items() if _is_default(found))
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


def emqx_container(template: PodTemplate, named: str | None) -> Container | None:
    """The one that the annotation names, else the one with cluster settings, else the one with an EMQX image."""
    if named:
        return next((c for c in template.containers if c.name == named), None)
    configured = (c for c in template.containers if any(e.name.startswith("EMQX_CLUSTER__") for e in c.env))
    return next(configured, None) or next((c for c in template.containers if is_emqx_image(c.image)), None)


def other_emqx_containers(template: PodTemplate, named: str | None) -> tuple[Container, ...]:
    """Those beside it that have an EMQX image as well, unless the annotation says which one is meant."""
    chosen = emqx_container(template, named)
    if named or chosen is None:
        return ()
    return tuple(c for c in template.containers if c.name != chosen.name and is_emqx_image(c.image))


def is_emqx_image(image: str) -> bool:
    return _image_name(image) in _EMQX_IMAGES


def _image_name(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def known_version(
    image: str, identities: Sequence[Identity] = (), said: VersionRange | None = None
) -> VersionRange:
    """What the running process says wins over the image's tag, and that over what a person says; `said` may narrow it.

    An image of another name than EMQX's has numbers of its own.
    """
    running = next((found for i in identities if (found := versions.parse(i.version))), None)
    if running is not None:
        return running
    tag = versions.from_tag(image) if "emqx" in _image_name(image) else None
    if tag is None:
        return said or UNKNOWN_VERSION
    return tag.narrowed(said) if said else tag


def why_no_version(image: str) -> str:
    """Why the image alone does not tell the version, or not all of it."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if not tag:
        given = f"a digest ({digest[:19]}...)" if digest else "no tag"
        return f"the image has {given}, which names no version"
    if "emqx" in _image_name(image) and versions.parse(tag):
        return f"the image's tag {tag} may be any version of {versions.parse(tag)}"
    return f"the image's tag {tag} is no version of EMQX"


def read_settings(
    container: Container,
    identities: Sequence[Identity],
    config_maps: ConfigMaps,
    unread: Unobserved | None = None,
    version: VersionRange | None = None,
    generation: Generation | None = None,
) -> DiscoverySettings:
    """`identities` are of the running members, those of the newest template first; `unread`: why there is none.

    `version` is by default what the container tells, and `generation` the newest in it.
    """
    version = version or known_version(container.image, identities)
    generation = generation or version.generations[0]
    defaults = _defaults(generation)
    files = configfiles.read(container, config_maps, is_4x=generation.is_4x)
    reader = Reader(container, identities, config_maps, unread, files, reads_maps=not generation.is_4x)

    def read(name: str, default: str | None) -> Fact[Setting]:
        found = reader.read(name, default)
        if generation.is_4x or isinstance(found, Unobserved) or found.value is None:
            return found
        return replace(found, value=as_hocon(found.value))

    def setting(name: str) -> Fact[Setting]:
        return read(name, defaults.get(name))

    def in_words(name: str) -> Fact[str | None]:
        # What is lost of a setting is told by itself; of a node's own name the names' rules tell it.
        found = reader.meant(name) if name.startswith("EMQX_CLUSTER__") else reader.given(name)
        if isinstance(found, Unobserved) or found.value is None:
            return found if isinstance(found, Unobserved) else None
        worded = podwords.worded(container, found.value)
        return Unobserved(f"{name} has in each pod what only the pod tells") if worded is None else worded

    mistakes: list[Mistake] = []

    def choice(name: str, choices: Collection[str]) -> Fact[Setting]:
        found = setting(name)
        given = text(found)
        wrong = (
            choices_.mistake(name, given, choices, verbatim=generation.is_4x) if given is not None else None
        )
        if wrong is None or isinstance(found, Unobserved):
            return found
        mistakes.append(wrong)
        return replace(found, value=wrong.meant or found.value)

    return DiscoverySettings(
        version=version,
        generation=generation,
        strategy=choice(generation.strategy_variable, generation.strategies),
        other_strategy=setting(generation.other_strategy_variable),
        api_server=setting(API_SERVER),
        service_name=_service_name(setting(SERVICE_NAME), mistakes),
        namespace=setting(NAMESPACE),
        address_type=choice(ADDRESS_TYPE, choices_.ADDRESS_TYPES),
        licensed=_is_licensed(reader, setting(LICENSE)),
        suffix=setting(SUFFIX),
        app_name=setting(APP_NAME),
        name=reader.given(NAME),
        host=reader.given(HOST),
        node_name=reader.given(NODE_NAME),
        long_node_name=reader.given(LONG_NODE_NAME),
        role=_role(generation, reader, setting, choice),
        dns=dnsdiscovery.read(read, generation),
        entrypoint=ownname.environment(in_words, generation),
        seeds=setting(SEEDS),
        reader=reader,
        mistakes=tuple(mistakes),
    )


def _service_name(found: Fact[Setting], mistakes: list[Mistake]) -> Fact[Setting]:
    """Of a DNS name that stands there instead of the Service's own, the Service's part."""
    given = text(found)
    if isinstance(found, Unobserved) or given is None or "." not in given:
        return found
    name = given.partition(".")[0]
    mistakes.append(Mistake(SERVICE_NAME, given, name or None, "the name of a Service, which has no dots"))
    return replace(found, value=name or given)


def _defaults(generation: Generation) -> dict[str, str | None]:
    """What EMQX takes for a variable that is set nowhere."""
    return {
        NAMESPACE: "default",
        ADDRESS_TYPE: "ip",
        generation.strategy_variable: "manual",
        API_SERVER: generation.default_api_server,
        SERVICE_NAME: generation.default_service_name,
        SUFFIX: generation.default_suffix,
        APP_NAME: generation.default_app_name,
    }


def _is_default(found: Fact[Setting]) -> bool:
    return isinstance(found, Setting) and found.source is Source.DEFAULT


def _role(
    generation: Generation,
    reader: Reader,
    setting: Callable[[str], Fact[Setting]],
    choice: Callable[[str, Collection[str]], Fact[Setting]],
) -> Fact[Setting]:
    if generation.is_4x:
        return Setting(roles.CORE, Source.DEFAULT)
    for name in _names_of_role(generation, reader):
        found = setting(name)
        if isinstance(found, Unobserved):
            return found
        if found.value is not None:
            unclear = name == roles.ROLE and generation.reads_role is None
            return Unobserved(_EDITIONS) if unclear else choice(name, roles.ROLES)
    return Setting(roles.CORE, Source.DEFAULT)


def _names_of_role(generation: Generation, reader: Reader) -> tuple[str, ...]:
    """One that the version does not read tells what is meant, until a process is something."""
    if generation.reads_role is not False:
        return roles.ROLE, roles.OLD_ROLE
    return (roles.OLD_ROLE, roles.ROLE) if reader.nothing_runs else (roles.OLD_ROLE,)


def _is_licensed(reader: Reader, key: Fact[Setting]) -> Fact[bool]:
    """Whether a licence key is set in any way that can be seen; a Secret or a file that is not read counts as one."""
    container = reader.container
    entry = container.last_env(LICENSE)
    if (
        (entry is not None and entry.value_from is not None)
        or any(source.secret for source in container.env_from)
        or reader.files.unread is not None
    ):
        return True
    return key if isinstance(key, Unobserved) else (key.value or "").strip('"') not in _SINGLE_NODE_LICENSES


@dataclass(frozen=True, slots=True)
class Address:
    """An API server address as EMQX is given it."""

    scheme: str
    host: str
    port: int
    path: str = ""


def parse_address(value: str) -> Address | None:
    """None where no EMQX version could use it: no http(s) scheme, no host, or not a URL.

    Spaces around it count: 5.0 and later do not read them, and 4.x asks with them.
    """
    if value != value.strip():
        return None
    try:
        parts = urlsplit(value)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not (is_ip(host) or _HOST.match(host)):
        return None
    return Address(parts.scheme, str(ip_address(host)) if is_ip(host) else host, port, parts.path)


def redacted(value: str) -> str:
    """The address without user and password, for messages and status."""
    return plain(without_user(value))


def shown(value: str) -> str:
    """Any value, without the users and passwords of addresses in it: the @ of a node's name is none."""
    return plain(without_users(value))


def is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


def names_the_service(host: str, cluster_domain: str) -> bool:
    """Whether this host is one of the equivalent spellings of the Service `kubernetes`."""
    return host in {
        "kubernetes.default",
        "kubernetes.default.svc",
        f"kubernetes.default.svc.{cluster_domain}",
    }


def other_host_names(container: Container) -> tuple[str, ...]:
    """Host names in the container's plain env values that it may need besides the API server's."""
    values = (e.value for e in container.env if e.value and e.name != API_SERVER)
    names = {match.group(1) for value in values for match in _NAME_IN_VALUE.finditer(value)}
    return tuple(sorted(name for name in names if not is_ip(name)))
