"""EMQX's k8s discovery as one workload has it set: which values are in force, and where they come from.

Precedence is Kubernetes' and EMQX's own: `env` beats `envFrom`, both beat what only the running
container knows, and that beats the version's default. Secrets are never read through the API: a value
from one is known only as the running process has it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from packaging.version import Version

from emqx_autocluster import emqx_versions
from emqx_autocluster.emqx_versions import Generation
from emqx_autocluster.observation import Container, EnvFrom, EnvVar, Fact, Identity, PodTemplate, Unobserved

API_SERVER = "EMQX_CLUSTER__K8S__APISERVER"
SERVICE_NAME = "EMQX_CLUSTER__K8S__SERVICE_NAME"
NAMESPACE = "EMQX_CLUSTER__K8S__NAMESPACE"
ADDRESS_TYPE = "EMQX_CLUSTER__K8S__ADDRESS_TYPE"
LICENSE = "EMQX_LICENSE__KEY"

_SINGLE_NODE_LICENSES = frozenset({"", "default"})
"""No key, or the community licence that comes with EMQX 5.9 and later; a cluster needs another one."""
_EMQX_CONFIG = "/opt/emqx/etc"
_EMQX_IMAGES = frozenset({"emqx", "emqx-ee", "emqx-enterprise"})
_HOST = re.compile(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", re.IGNORECASE)
_NAME_IN_VALUE = re.compile(
    r"(?:^|//|@)([a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+)(?::\d+)?(?:[/?]|$)", re.IGNORECASE
)

ConfigMaps = Mapping[str, Fact[Mapping[str, str] | None]]


class Source(StrEnum):
    ENV = "env"
    ENV_VALUE_FROM = "env valueFrom"
    CONFIG_MAP = "ConfigMap"
    RUNNING = "running container"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective value; None: it is set nowhere and the version has no default for it."""

    value: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """What the EMQX container is told about discovery. `version` is None while it is not known."""

    version: Version | None
    strategy: Fact[Setting]
    api_server: Fact[Setting]
    service_name: Fact[Setting]
    namespace: Fact[Setting]
    address_type: Fact[Setting]
    licensed: Fact[bool]

    @property
    def generation(self) -> Generation | None:
        return Generation(self.version) if self.version else None

    @property
    def uses_k8s(self) -> bool:
        return text(self.strategy) == "k8s"


def text(setting: Fact[Setting]) -> str | None:
    """The value where it is known, else None."""
    return None if isinstance(setting, Unobserved) else setting.value


def emqx_container(template: PodTemplate, named: str | None) -> Container | None:
    """The one that the annotation names, else the one with cluster settings, else the one with an EMQX image."""
    if named:
        return next((c for c in template.containers if c.name == named), None)
    configured = (c for c in template.containers if any(e.name.startswith("EMQX_CLUSTER__") for e in c.env))
    return next(configured, None) or next((c for c in template.containers if _is_emqx_image(c.image)), None)


def _is_emqx_image(image: str) -> bool:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0] in _EMQX_IMAGES


def read_settings(
    container: Container,
    identities: Sequence[Identity],
    config_maps: ConfigMaps,
    unread: Unobserved | None = None,
) -> DiscoverySettings:
    """`identities` are of the running members, those of the newest template first; `unread`: why there is none."""
    version = emqx_versions.from_tag(container.image) or next(
        (v for i in identities if (v := emqx_versions.parse(i.version))), None
    )
    generation = Generation(version) if version else None
    reader = _Reader(container, identities, config_maps, unread)

    def setting(name: str, default: str | None) -> Fact[Setting]:
        return reader.read(name, default)

    return DiscoverySettings(
        version=version,
        strategy=setting(generation.strategy_variable, "manual") if generation else _unknown_version(),
        api_server=setting(API_SERVER, generation.default_api_server if generation else None),
        service_name=setting(SERVICE_NAME, generation.default_service_name if generation else None),
        namespace=setting(NAMESPACE, "default"),
        address_type=setting(ADDRESS_TYPE, "ip"),
        licensed=_is_licensed(container, setting(LICENSE, None)),
    )


def _unknown_version() -> Unobserved:
    return Unobserved(
        "the EMQX version is not known: the image tag is none, and no running container told it"
    )


def _is_licensed(container: Container, key: Fact[Setting]) -> Fact[bool]:
    """Whether a licence key is set in any way that can be seen; a Secret or a mounted file counts as one."""
    entry = container.last_env(LICENSE)
    if (
        (entry is not None and entry.value_from is not None)
        or any(source.secret for source in container.env_from)
        or any(path.startswith(_EMQX_CONFIG) for path in container.mounts)
    ):
        return True
    return key if isinstance(key, Unobserved) else (key.value or "").strip('"') not in _SINGLE_NODE_LICENSES


def config_map_names(container: Container, *, running: bool) -> list[str]:
    """ConfigMaps that have to be read; those of single keys only while no process can tell what they became."""
    names = {source.config_map for source in container.env_from if source.config_map}
    if not running:
        names |= {_config_map_key(e)[0] for e in container.env if e.name.startswith("EMQX_CLUSTER__")} - {""}
    return sorted(names)


def _config_map_key(entry: EnvVar) -> tuple[str, str]:
    """(ConfigMap, key) of a reference to one; two empty strings for any other."""
    reference = (entry.value_from or {}).get("configMapKeyRef") or {}
    return reference.get("name", ""), reference.get("key", "")


@dataclass(frozen=True, slots=True)
class _Reader:
    container: Container
    identities: Sequence[Identity]
    config_maps: ConfigMaps
    unread: Unobserved | None

    def read(self, name: str, default: str | None) -> Fact[Setting]:
        entry = self.container.last_env(name)
        if entry is not None:
            if entry.value is not None and "$(" not in entry.value:
                return Setting(entry.value, Source.ENV)
            return self._referenced(entry)
        for source in reversed(self.container.env_from):
            found = self._from_source(source, name)
            if found is not None:
                return found
        running = self._running(name)
        if running is not None:
            return Setting(running, Source.RUNNING)
        # The image itself may set it: without a look into a container that runs this is no default.
        return self.unread or Setting(default, Source.DEFAULT)

    def _from_source(self, source: EnvFrom, name: str) -> Fact[Setting] | None:
        if source.config_map is None or not name.startswith(source.prefix):
            return None
        data = self.config_maps.get(source.config_map)
        if isinstance(data, Unobserved):
            return Unobserved(f"ConfigMap {source.config_map} could not be read: {data.reason}")
        value = (data or {}).get(name.removeprefix(source.prefix))
        return None if value is None else Setting(value, Source.CONFIG_MAP)

    def _referenced(self, entry: EnvVar) -> Fact[Setting]:
        """What a reference became in a process; before any runs, what the ConfigMap holds for it."""
        value = self._running(entry.name)
        config_map, key = _config_map_key(entry)
        data = self.config_maps.get(config_map)
        if value is None and isinstance(data, Mapping):
            value = data.get(key)
        if value is None:
            return Unobserved(
                f"{entry.name} is not a plain value, and no running container told what it became"
            )
        return Setting(value, Source.ENV_VALUE_FROM)

    def _running(self, name: str) -> str | None:
        return next((i.environ[name] for i in self.identities if name in i.environ), None)


@dataclass(frozen=True, slots=True)
class Address:
    """An API server address as EMQX is given it."""

    scheme: str
    host: str
    port: int


def parse_address(value: str) -> Address | None:
    """None where no EMQX version could use it: no http(s) scheme, no host, or not a URL."""
    try:
        parts = urlsplit(value.strip())
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not (is_ip(host) or _HOST.match(host)):
        return None
    return Address(parts.scheme, str(ip_address(host)) if is_ip(host) else host, port)


def redacted(value: str) -> str:
    """The address without user and password, for messages and status."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return "(not a URL)"
    if "@" not in parts.netloc:
        return value
    return urlunsplit(SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], *parts[2:]))


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
