"""What a Corefile does with one name: who answers for it, who swallows it, whether questions go round in a circle."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from emqx_autocluster.diagnosis.names.corefile import (
    DEFAULT_PORT,
    Corefile,
    Directive,
    ServerBlock,
    covers,
    zone_name,
)
from emqx_autocluster.emqx import apiaddress

_FORWARDERS = ("forward", "proxy")
_WILDCARD = {"ANY", "*"}


def kubernetes_zones(corefile: Corefile) -> tuple[str, ...]:
    """The zones for which any kubernetes plugin answers, reverse ones left out."""
    zones = {zone for server in corefile.servers for zone in _kubernetes_zones(server)}
    return tuple(sorted(zone for zone in zones if not zone.endswith(".arpa.")))


def answers_for(corefile: Corefile, name: str) -> bool:
    """Whether the server that gets questions for this absolute name asks Kubernetes about it."""
    server = corefile.server_of(name)
    return server is not None and any(covers(zone, name) for zone in _kubernetes_zones(server))


def swallower(corefile: Corefile, name: str) -> Directive | None:
    """The plugin that answers before Kubernetes is asked, with nothing: CoreDNS asks template and hosts first."""
    server = corefile.server_of(name)
    if server is None:
        return None
    for template in server.all_of("template"):
        if _is_template_for(template, server, name) and not _falls_through(template, name):
            return template
    return next((hosts for hosts in server.all_of("hosts") if _keeps(hosts, server, name)), None)


def loop(corefile: Corefile, own: Iterable[str], name: str) -> str | None:
    """The upstream that is CoreDNS itself, among those that are asked for what it does not know; None: none is.

    `own` are its Service's addresses. `/etc/resolv.conf` is not judged: it is its node's.
    """
    addresses = set(own)
    for server in corefile.servers:
        ports = {zone.port for zone in server.zones}
        for plugin in (p for kind in _FORWARDERS for p in server.all_of(kind)):
            source, *upstreams = plugin.arguments or ("",)
            if covers(zone_name(source), name) or source == ".":
                for upstream in upstreams:
                    if _is_itself(upstream, ports, addresses):
                        return upstream
    return None


def shown(plugin: Directive) -> str:
    return " ".join((plugin.name, *plugin.arguments))


def _kubernetes_zones(server: ServerBlock) -> Iterator[str]:
    for plugin in server.all_of("kubernetes"):
        yield from _zones(plugin.arguments, server)


def _zones(arguments: Iterable[str], server: ServerBlock) -> tuple[str, ...]:
    """A plugin without zones of its own has those of its server block."""
    return tuple(map(zone_name, arguments)) or tuple(zone.name for zone in server.zones)


def _keeps(hosts: Directive, server: ServerBlock, name: str) -> bool:
    """Whether a hosts block has no answer for the name and hands it on to nobody."""
    _file, *zones = hosts.arguments or ("",)
    if not any(covers(zone, name) for zone in _zones(zones, server)):
        return False
    entries = (line.arguments for line in hosts.block if apiaddress.is_ip(line.name))
    known = {zone_name(host) for entry in entries for host in entry}
    return name not in known and not _falls_through(hosts, name)


def _is_template_for(template: Directive, server: ServerBlock, name: str) -> bool:
    """Whether it answers questions for IPv4 addresses of this name; Python reads most of Go's patterns."""
    kind, zones = template.arguments[1:2], template.arguments[2:]
    if not kind or kind[0].upper() not in {"A", *_WILDCARD}:
        return False
    if not any(covers(zone, name) for zone in _zones(zones, server)):
        return False
    patterns = [p for line in template.block if line.name == "match" for p in line.arguments]
    return not patterns or any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


def _falls_through(plugin: Directive, name: str) -> bool:
    given = plugin.option("fallthrough")
    if given is None:
        return False
    return not given.arguments or any(covers(zone_name(zone), name) for zone in given.arguments)


def _is_itself(upstream: str, ports: set[int], own: set[str]) -> bool:
    """Inside its own pod any loopback address is CoreDNS; another port there may be a sidecar's."""
    host, port = _host_and_port(upstream)
    if not apiaddress.is_ip(host):
        return False
    if ip_address(host).is_loopback:
        return port in ports
    return host in own and port == DEFAULT_PORT


def _host_and_port(upstream: str) -> tuple[str, int]:
    plain = upstream.removeprefix("dns://")
    bracketed = re.fullmatch(r"\[(.+)\](?::([0-9]+))?", plain)
    if bracketed:
        return bracketed[1], int(bracketed[2] or DEFAULT_PORT)
    host, colon, port = plain.rpartition(":")
    if colon and port.isdecimal() and ":" not in host:
        return host, int(port)
    return plain, DEFAULT_PORT
