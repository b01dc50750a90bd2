"""What the image's entrypoint makes of the container's environment: node name, settings, PID 1's environment; pure.

Follows docker-entrypoint.sh and bin/emqx of the EMQX releases, with their traps: a computed host name needs an entry
in /etc/hosts, a default SUFFIX serves the own name only and is not handed on to discovery.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.emqx.generations import Release

DEFAULT_COOKIE = "emqxsecretcookie"
_PREFIX = "EMQX_CLUSTER__"
_KNOWN_CLUSTER_KEYS = frozenset(
    {
        "NAME",
        "DISCOVERY_STRATEGY",
        "CORE_NODES",
        "AUTOCLEAN",
        "AUTOHEAL",
        "PROTO_DIST",
        "PREVENT_OVERLAPPING_PARTITIONS",
    }
)
_KNOWN_GROUPS = frozenset({"STATIC", "MCAST", "DNS", "ETCD"})
_KNOWN_K8S_KEYS = frozenset({"APISERVER", "SERVICE_NAME", "ADDRESS_TYPE", "NAMESPACE", "SUFFIX"})
_LIMITS_4X = {
    "EMQX_NODE__PROCESS_LIMIT": "2097152",
    "EMQX_NODE__MAX_PORTS": "1048576",
    "EMQX_NODE__MAX_ETS_TABLES": "2097152",
}


@dataclass(frozen=True, slots=True)
class Discovery:
    """The settings of discovery as the broker has them."""

    strategy: str
    apiserver: str
    service_name: str
    namespace: str
    address_type: str
    suffix: str
    app_name: str
    dns_name: str = "localhost"
    record_type: str = "a"
    seeds: tuple[str, ...] = ()

    def node_name(self, address: str) -> str:
        """The name that discovery looks for at an address of the Endpoints object."""
        if self.suffix and self.address_type == "hostname":
            return f"{self.app_name}@{address}.{self.service_name}.{self.namespace}.{self.suffix}"
        if self.suffix and self.address_type == "dns":
            return f"{self.app_name}@{address}.{self.namespace}.{self.suffix}"
        return f"{self.app_name}@{address}"


@dataclass(frozen=True, slots=True)
class Entered:
    """What the broker starts with."""

    node_name: str
    environ: Mapping[str, str]
    discovery: Discovery
    cookie: str
    licensed: bool
    replicant: bool = False
    unknown: tuple[str, ...] = field(default=())


class EntrypointError(Exception):
    """The entrypoint ends the container before the broker starts (exit code 1)."""


class RefusedError(Exception):
    """The broker ends at its start, since its settings do not pass (exit code 1); the text is what its log says."""


def enter(
    release: Release,
    env: Mapping[str, str],
    hostname: str,
    ip: str,
    hosts: str,
    *,
    enterprise: bool = False,
    in_file: Mapping[str, str] | None = None,
) -> Entered:
    """Run the entrypoint, which names the node from variables alone, and then the broker, which reads a file as well.

    Raises EntrypointError or RefusedError.
    """
    environ = dict(env)
    if release.is_4x:
        _name_4x(release, environ, hostname, ip, hosts)
        name = environ["EMQX_NODE_NAME"]
    else:
        _name_5x(release, environ, hostname, ip, hosts)
        name = environ["EMQX_NODE__NAME"]
    environ.setdefault("EMQX_RPC__PORT_DISCOVERY", "manual")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", name):
        raise EntrypointError(f"ERROR: invalid node name: {name}")
    settings = {**(in_file or {}), **environ}
    replicant = _is_replicant(release, settings)
    if replicant and not enterprise and release.refuses_replicants:
        raise RefusedError("Node role 'replicant' is only allowed in Enterprise edition since 5.8.0")
    discovery = _discovery(release, settings, name)
    _check(release, settings, discovery, name)
    return Entered(
        node_name=name,
        environ=environ,
        discovery=discovery,
        cookie=env.get("EMQX_NODE_COOKIE") or settings.get("EMQX_NODE__COOKIE") or DEFAULT_COOKIE,
        licensed=bool(settings.get("EMQX_LICENSE__KEY")),
        replicant=replicant,
        unknown=() if release.is_4x else tuple(sorted(key for key in env if _is_unknown(key))),
    )


def _is_replicant(release: Release, environ: Mapping[str, str]) -> bool:
    given = environ.get("EMQX_NODE__ROLE") or environ.get("EMQX_NODE__DB_ROLE") or "core"
    return not release.is_4x and given.strip('"') == "replicant"


def _check(release: Release, environ: Mapping[str, str], discovery: Discovery, name: str) -> None:
    """What keeps the broker from starting, in its own words; 4.x wants its settings of DNS, as it has no defaults."""
    if discovery.strategy != "dns":
        return
    missing = next((key for key in ("NAME", "APP") if not environ.get(f"{_PREFIX}DNS__{key}")), None)
    if release.is_4x and missing:
        key = f"cluster.dns.{missing.lower()}"
        raise EntrypointError(
            f"Translation for 'ekka.cluster_discovery' expected to find setting '{key}' but was missing"
        )
    host = name.partition("@")[2]
    if release.number >= (5, 6, 0) and discovery.record_type == "a" and not re.fullmatch(r"[0-9.]+", host):
        raise EntrypointError(
            "ERROR: failed to check configuration: Node name must be of name@IP format for DNS cluster discovery"
            f" strategy with 'a' record type. domain: {host}"
        )


def _name_4x(release: Release, environ: dict[str, str], hostname: str, ip: str, hosts: str) -> None:
    environ["EMQX_NAME"] = environ.get("EMQX_NAME") or hostname
    environ["EMQX_HOST"] = environ.get("EMQX_HOST") or _host(release, environ, hostname, ip, hosts)
    environ["EMQX_NODE_NAME"] = (
        environ.get("EMQX_NODE_NAME") or f"{environ['EMQX_NAME']}@{environ['EMQX_HOST']}"
    )
    for key, value in _LIMITS_4X.items():
        environ[key] = environ.get(key) or value


def _name_5x(release: Release, environ: dict[str, str], hostname: str, ip: str, hosts: str) -> None:
    """bin/emqx turns EMQX_NODE_NAME into EMQX_NODE__NAME, and the former wins where both are set."""
    respects_long_form = release.number >= (5, 0, 21)
    given = environ.pop("EMQX_NODE_NAME", "") or (
        environ.get("EMQX_NODE__NAME", "") if respects_long_form else ""
    )
    name = environ.get("EMQX_NAME") or "emqx"
    host = environ.get("EMQX_HOST", "")
    if not given:
        host = host or _host(release, environ, hostname, ip, hosts)
        given = f"{name}@{host}"
    if respects_long_form:
        environ["EMQX_NAME"] = name
        if host:
            environ["EMQX_HOST"] = host
    else:
        environ.pop("EMQX_NAME", None)
        environ.pop("EMQX_HOST", None)
    environ["EMQX_NODE__NAME"] = given


def _host(release: Release, environ: dict[str, str], hostname: str, ip: str, hosts: str) -> str:
    variable = "EMQX_CLUSTER__DISCOVERY" if release.is_4x else "EMQX_CLUSTER__DISCOVERY_STRATEGY"
    needs_strategy = release.number >= ((4, 4, 0) if release.is_4x else (5, 0, 4))
    namespace = environ.get("EMQX_CLUSTER__K8S__NAMESPACE", "")
    kind = environ.get("EMQX_CLUSTER__K8S__ADDRESS_TYPE", "")
    local_ip = ip if re.fullmatch(r"[0-9.]+", ip) else ""
    if needs_strategy and environ.get(variable) == "dns":
        kind = environ.get(
            "EMQX_CLUSTER__DNS__TYPE" if release.is_4x else "EMQX_CLUSTER__DNS__RECORD_TYPE", ""
        )
        name = f"{hostname}.{environ.get('EMQX_CLUSTER__DNS__NAME', '')}"
        return name if kind == "srv" and re.search(name, hosts) else local_ip
    if not namespace or (needs_strategy and environ.get(variable) != "k8s"):
        return local_ip
    if kind == "dns":
        return f"{local_ip.replace('.', '-')}.{namespace}.{_suffix(environ, 'pod.cluster.local')}"
    if kind == "hostname":
        return _from_hosts(
            hosts, local_ip, f"{hostname}.*.{namespace}.{_suffix(environ, 'svc.cluster.local')}"
        )
    return local_ip


def _suffix(environ: dict[str, str], default: str) -> str:
    """A variable that the pod set, even to nothing, stays exported; one the script makes up does not."""
    suffix = environ.get("EMQX_CLUSTER__K8S__SUFFIX") or default
    if "EMQX_CLUSTER__K8S__SUFFIX" in environ:
        environ["EMQX_CLUSTER__K8S__SUFFIX"] = suffix
    return suffix


def _from_hosts(hosts: str, ip: str, pattern: str) -> str:
    """A pod without hostname and subdomain has no such line: grep fails, and `set -e` ends the script silently."""
    for line in hosts.splitlines():
        found = re.search(pattern, line) if line.startswith(ip) else None
        if found:
            return found.group()
    raise EntrypointError


def _discovery(release: Release, environ: Mapping[str, str], node_name: str) -> Discovery:
    given = {key.upper(): value for key, value in environ.items() if key.startswith("EMQX_")}

    def setting(key: str, default: str) -> str:
        """EMQX reads its settings in any letter case; the script above does not."""
        return given.get(_PREFIX + key, "").strip('"') or default

    undefined = "undefined" if release.is_4x else "emqx"
    return Discovery(
        strategy=setting("DISCOVERY" if release.is_4x else "DISCOVERY_STRATEGY", "manual"),
        apiserver=setting("K8S__APISERVER", release.default_apiserver),
        service_name=setting("K8S__SERVICE_NAME", undefined),
        namespace=setting("K8S__NAMESPACE", "default"),
        address_type=setting("K8S__ADDRESS_TYPE", "ip"),
        suffix=setting("K8S__SUFFIX", "" if release.is_4x else "pod.local"),
        app_name=_app_name(release, environ) or node_name.partition("@")[0],
        dns_name=setting("DNS__NAME", "localhost"),
        record_type=setting("DNS__TYPE" if release.is_4x else "DNS__RECORD_TYPE", "a"),
        seeds=tuple(re.findall(r"[^\s,\[\]\"]+", environ.get(_PREFIX + "STATIC__SEEDS", ""))),
    )


def _app_name(release: Release, environ: Mapping[str, str]) -> str:
    """4.x is told by which name part it looks for its peers, for each strategy by another variable."""
    if not release.is_4x:
        return ""
    dns = environ.get(f"{_PREFIX}DISCOVERY") == "dns"
    return environ.get(f"{_PREFIX}DNS__APP", "") if dns else environ.get(f"{_PREFIX}K8S__APP_NAME") or "ekka"


def _is_unknown(variable: str) -> bool:
    """Whether 5.x warns of the variable: an unknown path below a root that it knows."""
    if not variable.startswith(_PREFIX):
        return False
    group, _, key = variable.removeprefix(_PREFIX).partition("__")
    if group == "K8S":
        return key not in _KNOWN_K8S_KEYS
    return group not in (_KNOWN_GROUPS if key else _KNOWN_CLUSTER_KEYS)
