"""What a kubelet writes into /etc/resolv.conf and /etc/hosts of a pod. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.addresses import CLUSTER_DOMAIN, DNS_CLUSTER_IP

from .api import Json

NODE_DNS = "10.0.0.2"
"""The resolver that the node itself uses: it does not know the cluster's zone."""

_HOSTS = """\
# Kubernetes-managed hosts file{suffix}.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """A resolver's configuration, with the defaults of resolv.conf(5)."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1
    timeout: float = 5.0
    attempts: int = 2


def resolv_conf(spec: Json, namespace: str) -> str:
    """Write resolv.conf for a pod spec by its dnsPolicy, hostNetwork and dnsConfig."""
    nameservers, search, options = _of_policy(_effective_policy(spec), namespace)
    extra = spec.get("dnsConfig") or {}
    nameservers = _unique([*nameservers, *extra.get("nameservers", ())])
    search = _unique([*search, *extra.get("searches", ())])
    for option in extra.get("options", ()):
        options[option["name"]] = option.get("value", "")
    lines = [f"search {' '.join(search)}"] if search else []
    lines += [f"nameserver {server}" for server in nameservers]
    if options:
        lines.append("options " + " ".join(f"{k}:{v}" if v else k for k, v in options.items()))
    return "\n".join(lines) + "\n"


def hosts(spec: Json, namespace: str, hostname: str, ip: str) -> str:
    """Write /etc/hosts with the pod's own line and its hostAliases."""
    on_host = bool(spec.get("hostNetwork"))
    text = _HOSTS.format(suffix=" (host network)" if on_host else "")
    if not on_host:
        names = [hostname]
        if spec.get("subdomain"):
            names.insert(0, f"{hostname}.{spec['subdomain']}.{namespace}.svc.{CLUSTER_DOMAIN}")
        text += "\t".join([ip, *names]) + "\n"
    aliases = spec.get("hostAliases") or ()
    if aliases:
        text += "\n# Entries added by HostAliases.\n"
        text += "".join("\t".join([alias["ip"], *alias.get("hostnames", ())]) + "\n" for alias in aliases)
    return text


def parse_resolv_conf(text: str) -> ResolvConf:
    """Read resolv.conf as the C library does: the last `search` line holds, three nameservers count."""
    nameservers: list[str] = []
    search: tuple[str, ...] = ()
    options: dict[str, str] = {}
    for line in text.splitlines():
        match line.split():
            case ["nameserver", server, *_]:
                nameservers.append(server)
            case ["search", *domains]:
                search = tuple(domains)
            case ["options", *words]:
                options |= {name: value for name, _, value in (word.partition(":") for word in words)}
    return ResolvConf(
        tuple(nameservers[:3]),
        search,
        ndots=int(options.get("ndots") or 1),
        timeout=float(options.get("timeout") or 5),
        attempts=int(options.get("attempts") or 2),
    )


def candidates(host: str, conf: ResolvConf) -> list[str]:
    """List the absolute names to try, in order, by the rules of `search` and `ndots`."""
    if host.endswith("."):
        return [host]
    searched = [f"{host}.{domain.rstrip('.')}." for domain in conf.search]
    absolute = f"{host}."
    return [absolute, *searched] if host.count(".") >= conf.ndots else [*searched, absolute]


def parse_hosts(text: str) -> dict[str, list[str]]:
    """Read /etc/hosts: name -> IPv4 addresses."""
    table: dict[str, list[str]] = {}
    for line in text.splitlines():
        ip, *names = line.split("#", 1)[0].split() or [""]
        if ip and ":" not in ip:
            for name in names:
                table.setdefault(name.lower(), []).append(ip)
    return table


def _effective_policy(spec: Json) -> str:
    policy: str = spec.get("dnsPolicy") or "ClusterFirst"
    if policy == "ClusterFirstWithHostNet":
        return "ClusterFirst"
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        return "Default"
    return policy


def _of_policy(policy: str, namespace: str) -> tuple[list[str], list[str], dict[str, str]]:
    if policy == "None":
        return [], [], {}
    if policy == "Default":
        return [NODE_DNS], [], {}
    search = [f"{namespace}.svc.{CLUSTER_DOMAIN}", f"svc.{CLUSTER_DOMAIN}", CLUSTER_DOMAIN]
    return [DNS_CLUSTER_IP], search, {"ndots": "5"}


def _unique(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(values))
