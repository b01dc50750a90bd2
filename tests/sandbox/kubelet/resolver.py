"""Resolves names as the C library in a pod does: /etc/hosts, then the nameservers of /etc/resolv.conf.

Nameserver addresses are labels: the cluster's is CoreDNS on a loopback port, the node's is a table here, and any
other one never answers.
"""

import asyncio
import ipaddress
from collections.abc import Mapping
from enum import StrEnum

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdata
import dns.rdatatype

from sandbox.addresses import API_SERVER_ADDRESS, DNS_CLUSTER_IP

from .container import NameNotFound, ResolutionFailed
from .dnsconfig import NODE_DNS, ResolvConf, candidates, parse_hosts, parse_resolv_conf

_NODE_NAMES = {"apiserver.cluster.local.": [API_SERVER_ADDRESS]}


class Fault(StrEnum):
    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"


class Nameservers:
    """All nameservers of the sandbox."""

    def __init__(self, coredns: str) -> None:
        host, _, port = coredns.rpartition(":")
        self._coredns = (host, int(port))

    async def query(self, server: str, name: str, seconds: float, kind: str = "A") -> list[str] | Fault:
        """Ask one nameserver for records of that kind; an empty list is NXDOMAIN or NODATA."""
        if server == NODE_DNS:
            return _NODE_NAMES.get(name.lower(), []) if kind == "A" else []
        if server != DNS_CLUSTER_IP:
            await asyncio.sleep(seconds)
            return Fault.TIMEOUT
        return await self._ask_coredns(name, seconds, dns.rdatatype.from_text(kind))

    async def _ask_coredns(
        self, name: str, seconds: float, kind: dns.rdatatype.RdataType
    ) -> list[str] | Fault:
        host, port = self._coredns
        question = dns.message.make_query(name, kind)
        try:
            answer = await dns.asyncquery.udp(question, host, timeout=seconds, port=port)
        except dns.exception.Timeout:
            return Fault.TIMEOUT
        except (OSError, EOFError):
            return Fault.REFUSED
        match answer.rcode():
            case dns.rcode.NOERROR | dns.rcode.NXDOMAIN:
                return [_value(record) for found in answer.answer if found.rdtype == kind for record in found]
            case dns.rcode.REFUSED:
                return Fault.REFUSED
            case _:
                return Fault.SERVFAIL


def _value(record: dns.rdata.Rdata) -> str:
    """The address, or the target of an SRV record, without its final dot."""
    target = getattr(record, "target", None)
    return str(record.to_text() if target is None else target).rstrip(".")


async def records(name: str, kind: str, files: Mapping[str, bytes], nameservers: Nameservers) -> list[str]:
    """What Erlang's own resolver finds: by exactly that name, and nothing where no nameserver has a word for it."""
    conf = parse_resolv_conf(files.get("/etc/resolv.conf", b"").decode())
    for server in conf.nameservers:
        answer = await nameservers.query(server, f"{name.rstrip('.')}.", conf.timeout, kind)
        if not isinstance(answer, Fault):
            return answer
    return []


async def resolve(host: str, files: Mapping[str, bytes], nameservers: Nameservers) -> list[str]:
    """Give the IPv4 addresses of a host; raises NameNotFound or ResolutionFailed."""
    if is_address(host):
        return [host]
    local = parse_hosts(files.get("/etc/hosts", b"").decode()).get(host.rstrip(".").lower())
    if local:
        return local
    conf = parse_resolv_conf(files.get("/etc/resolv.conf", b"").decode())
    fault: Fault | None = None
    for name in candidates(host, conf):
        answer = await _ask_in_turn(name, conf, nameservers)
        if isinstance(answer, Fault):
            fault = answer
            if fault is Fault.TIMEOUT:  # the C library gives up here, and goes on after other faults
                break
        elif answer:
            return answer
    if fault is not None:
        raise ResolutionFailed(fault.value)
    raise NameNotFound(host)


async def _ask_in_turn(name: str, conf: ResolvConf, nameservers: Nameservers) -> list[str] | Fault:
    fault = Fault.TIMEOUT
    for _ in range(conf.attempts):
        for server in conf.nameservers:
            answer = await nameservers.query(server, name, conf.timeout)
            if not isinstance(answer, Fault):
                return answer
            fault = answer
    return fault


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
