"""Asks the cluster's DNS and tells apart why there is no answer: the only door to dnspython."""

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Self

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from emqx_autocluster.clients.errors import ResolverFailed
from emqx_autocluster.clients.resolv_conf import parse_resolv_conf
from emqx_autocluster.observation import DNSAnswer, DNSOutcome

DNS_PORT = 53
ATTEMPTS = 2
"""UDP loses packets."""

_KINDS = {"a": dns.rdatatype.A, "aaaa": dns.rdatatype.AAAA, "srv": dns.rdatatype.SRV}
_OUTCOMES = {dns.rcode.NXDOMAIN: DNSOutcome.NXDOMAIN, dns.rcode.REFUSED: DNSOutcome.REFUSED}


class ClusterResolver:
    """One nameserver, asked over UDP, and, unless `datagrams_only`, over TCP when its answer does not fit."""

    def __init__(
        self, nameserver: str, port: int = DNS_PORT, lifetime: float = 5.0, *, datagrams_only: bool = False
    ) -> None:
        self._nameserver = nameserver
        self._port = port
        self._lifetime = lifetime
        self._datagrams_only = datagrams_only

    @classmethod
    def from_resolv_conf(cls, path: Path = Path("/etc/resolv.conf"), lifetime: float = 5.0) -> Self:
        """The nameserver that this machine uses; in a pod that is the cluster's DNS."""
        try:
            conf = parse_resolv_conf(path.read_text())
        except OSError as error:
            raise ResolverFailed(str(error)) from error
        if conf is None:
            raise ResolverFailed(f"{path} names no nameserver")
        return cls(conf.nameservers[0], lifetime=lifetime)

    async def lookup(self, name: str) -> DNSAnswer:
        """The addresses of an absolute name: IPv4 first, each family sorted, since servers shuffle them.

        One family's addresses are an answer.
        """
        ipv4, ipv6 = await asyncio.gather(
            self._ask(name, dns.rdatatype.A), self._ask(name, dns.rdatatype.AAAA)
        )
        addresses = ipv4.addresses + ipv6.addresses
        if addresses:
            return DNSAnswer(name, DNSOutcome.ANSWER, addresses)
        return ipv6 if ipv4.outcome is DNSOutcome.NODATA else ipv4

    async def records(self, name: str, kind: str) -> DNSAnswer:
        """One question of the type `a`, `aaaa` or `srv`; of SRV records the names that they lead to, each once."""
        if kind not in _KINDS:
            raise ResolverFailed(f"{kind} records are not asked for")
        return await self._ask(name, _KINDS[kind])

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> DNSAnswer:
        for _ in range(ATTEMPTS):
            try:
                return await self._ask_once(name, kind)
            except dns.exception.Timeout:
                continue
            except (OSError, EOFError, ValueError, dns.exception.DNSException) as error:
                raise ResolverFailed(f"{self._nameserver} could not be asked for {name}: {error}") from error
        return DNSAnswer(name, DNSOutcome.TIMEOUT)

    async def _ask_once(self, name: str, kind: dns.rdatatype.RdataType) -> DNSAnswer:
        response = await self._answer(dns.message.make_query(name, kind))
        code = response.rcode()
        if code != dns.rcode.NOERROR:
            return DNSAnswer(name, _OUTCOMES.get(code, DNSOutcome.SERVFAIL))
        found = [each for each in response.answer if each.rdtype == kind]
        addresses = tuple(sorted({_value(record) for each in found for record in each}))
        outcome = DNSOutcome.ANSWER if addresses else DNSOutcome.NODATA
        return DNSAnswer(name, outcome, addresses, min((each.ttl for each in found), default=None))

    async def _answer(self, query: dns.message.QueryMessage) -> dns.message.Message:
        within = self._lifetime / ATTEMPTS
        if self._datagrams_only:
            return await dns.asyncquery.udp(
                query,
                self._nameserver,
                timeout=within,
                port=self._port,
                ignore_unexpected=True,
                raise_on_truncation=True,
            )
        response, _ = await dns.asyncquery.udp_with_fallback(
            query, self._nameserver, timeout=within, port=self._port, ignore_unexpected=True
        )
        return response


def _value(record: Any) -> str:
    """The address, or what an SRV record leads to."""
    if record.rdtype == dns.rdatatype.SRV:
        return str(record.target.to_text(omit_final_dot=True))
    return str(record.address)


def is_own_address(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is one of this machine's: then a packet to it would leave with that very address. None is sent."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), DNS_PORT))
        except OSError:
            return False
        return bool(probe.getsockname()[0] == str(address))
