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
    """The settings of k8s discovery as the broker has them."""

    strategy: str
    apiserver: str
    service_name: str
    namespace: str
    address_type: str
    suffix: str
    app_name: str

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
    unknown: tuple[str, ...] = field(default=())


class EntrypointError(Exception):
    """The entrypoint ends the container before the broker starts (exit code 1)."""


def enter(release: Release, env: Mapping[str, str], hostname: str, ip: str, hosts: str) -> Entered:
    """Run the entrypoint; raises EntrypointError."""
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
    return Entered(
        node_name=name,
        environ=environ,
        discovery=_discovery(release, environ, name),
        cookie=env.get("EMQX_NODE_COOKIE") or env.get("EMQX_NODE__COOKIE") or DEFAULT_COOKIE,
        licensed=bool(env.get("EMQX_LICENSE__KEY")),
        unknown=() if release.is_4x else tuple(sorted(key for key in env if _is_unknown(key))),
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
    def setting(key: str, default: str) -> str:
        return environ.get(_PREFIX + key, "").strip('"') or default

    undefined = "undefined" if release.is_4x else "emqx"
    return Discovery(
        strategy=setting("DISCOVERY" if release.is_4x else "DISCOVERY_STRATEGY", "manual"),
        apiserver=setting("K8S__APISERVER", release.default_apiserver),
        service_name=setting("K8S__SERVICE_NAME", undefined),
        namespace=setting("K8S__NAMESPACE", "default"),
        address_type=setting("K8S__ADDRESS_TYPE", "ip"),
        suffix=setting("K8S__SUFFIX", "" if release.is_4x else "pod.local"),
        app_name=setting("K8S__APP_NAME", "ekka") if release.is_4x else node_name.partition("@")[0],
    )


def _is_unknown(variable: str) -> bool:
    """Whether 5.x warns of the variable: an unknown path below a root that it knows."""
    if not variable.startswith(_PREFIX):
        return False
    group, _, key = variable.removeprefix(_PREFIX).partition("__")
    if group == "K8S":
        return key not in _KNOWN_K8S_KEYS
    return group not in (_KNOWN_GROUPS if key else _KNOWN_CLUSTER_KEYS)
