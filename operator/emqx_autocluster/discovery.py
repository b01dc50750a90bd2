"""EMQX's k8s discovery as one workload has it set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from packaging.version import Version

from emqx_autocluster import emqx_versions
from emqx_autocluster.emqx_versions import Generation
from emqx_autocluster.environment import ConfigMaps, Reader, Setting, Source, config_map_names, text
from emqx_autocluster.observation import Container, Fact, Identity, PodTemplate, Unobserved

# Of the variables' own vocabulary, what speaks of discovery's settings; the rest is defined below.
__all__ = ["ConfigMaps", "Setting", "Source", "config_map_names", "text"]

API_SERVER = "EMQX_CLUSTER__K8S__APISERVER"
SERVICE_NAME = "EMQX_CLUSTER__K8S__SERVICE_NAME"
NAMESPACE = "EMQX_CLUSTER__K8S__NAMESPACE"
ADDRESS_TYPE = "EMQX_CLUSTER__K8S__ADDRESS_TYPE"
SUFFIX = "EMQX_CLUSTER__K8S__SUFFIX"
APP_NAME = "EMQX_CLUSTER__K8S__APP_NAME"
NAME = "EMQX_NAME"
HOST = "EMQX_HOST"
NODE_NAME = "EMQX_NODE_NAME"
LONG_NODE_NAME = "EMQX_NODE__NAME"
LICENSE = "EMQX_LICENSE__KEY"

_SINGLE_NODE_LICENSES = frozenset({"", "default"})
"""No key, or the community licence that comes with EMQX 5.9 and later; a cluster needs another one."""
_EMQX_CONFIG = "/opt/emqx/etc"
_CONFIG_FILES = frozenset(
    {_EMQX_CONFIG, *(f"{_EMQX_CONFIG}/{name}" for name in ("emqx.conf", "base.hocon", "cluster.hocon"))}
)
_EMQX_IMAGES = frozenset({"emqx", "emqx-ee", "emqx-enterprise"})
_HOST = re.compile(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", re.IGNORECASE)
_NAME_IN_VALUE = re.compile(
    r"(?:^|//|@)([a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+)(?::\d+)?(?:[/?]|$)", re.IGNORECASE
)


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
    other_strategy: Fact[Setting]
    """The strategy by the variable of the other generation, which this version does not read."""
    suffix: Fact[Setting]
    app_name: Fact[Setting]
    name: Fact[Setting]
    """This and the next three are what the manifest gives, with `$(NAME)` where each pod has another text."""
    host: Fact[Setting]
    node_name: Fact[Setting]
    long_node_name: Fact[Setting]
    has_file: bool = False
    """Whether a configuration file of the user's is mounted: what is set nowhere else may stand there."""

    @property
    def generation(self) -> Generation | None:
        return Generation(self.version) if self.version else None

    @property
    def uses_k8s(self) -> bool:
        """Also where that is only intended: then all that k8s discovery needs is judged, and put right, together."""
        return text(self.strategy) == "k8s" or self.intends_k8s

    @property
    def intends_k8s(self) -> bool:
        """Whether only the variable that this version does not read says k8s."""
        silent = isinstance(self.strategy, Setting) and self.strategy.source is Source.DEFAULT
        return silent and not self.has_file and text(self.other_strategy) == "k8s"


def emqx_container(template: PodTemplate, named: str | None) -> Container | None:
    """The one that the annotation names, else the one with cluster settings, else the one with an EMQX image."""
    if named:
        return next((c for c in template.containers if c.name == named), None)
    configured = (c for c in template.containers if any(e.name.startswith("EMQX_CLUSTER__") for e in c.env))
    return next(configured, None) or next((c for c in template.containers if is_emqx_image(c.image)), None)


def is_emqx_image(image: str) -> bool:
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
    reader = Reader(container, identities, config_maps, unread)

    def setting(name: str, default: str | None) -> Fact[Setting]:
        return reader.read(name, default)

    has_file = any(path.rstrip("/") in _CONFIG_FILES for path in container.mounts)

    def setting_or_file(name: str, default: str | None) -> Fact[Setting]:
        found = setting(name, default)
        in_file = has_file and isinstance(found, Setting) and found.source is Source.DEFAULT
        return Unobserved(f"{name} may stand in a configuration file that is mounted") if in_file else found

    return DiscoverySettings(
        version=version,
        strategy=setting(generation.strategy_variable, "manual") if generation else _unknown_version(),
        other_strategy=setting(generation.other_strategy_variable, None)
        if generation
        else _unknown_version(),
        api_server=setting(API_SERVER, generation.default_api_server if generation else None),
        service_name=setting(SERVICE_NAME, generation.default_service_name if generation else None),
        namespace=setting(NAMESPACE, "default"),
        address_type=setting(ADDRESS_TYPE, "ip"),
        licensed=_is_licensed(container, setting(LICENSE, None)),
        suffix=setting_or_file(SUFFIX, generation.default_suffix if generation else None),
        app_name=setting_or_file(APP_NAME, generation.default_app_name if generation else None),
        name=reader.given(NAME),
        host=reader.given(HOST),
        node_name=reader.given(NODE_NAME),
        long_node_name=reader.given(LONG_NODE_NAME),
        has_file=has_file,
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


@dataclass(frozen=True, slots=True)
class Address:
    """An API server address as EMQX is given it."""

    scheme: str
    host: str
    port: int
    path: str = ""


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
    return Address(parts.scheme, str(ip_address(host)) if is_ip(host) else host, port, parts.path)


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
