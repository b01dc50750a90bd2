"""Asks the cluster's DNS and tells apart why there is no answer: the only door to dnspython."""

import asyncio
from pathlib import Path
from typing import Self

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

_OUTCOMES = {dns.rcode.NXDOMAIN: DNSOutcome.NXDOMAIN, dns.rcode.REFUSED: DNSOutcome.REFUSED}


class ClusterResolver:
    """One nameserver, asked over UDP, and over TCP when its answer does not fit."""

    def __init__(self, nameserver: str, port: int = DNS_PORT, lifetime: float = 5.0) -> None:
        self._nameserver = nameserver
        self._port = port
        self._lifetime = lifetime

    @classmethod
    def from_resolv_conf(cls, path: Path = Path("/etc/resolv.conf"), lifetime: float = 5.0) -> Self:
        """The nameserver that this machine uses; in a pod that is the cluster's DNS."""
        try:
            nameservers = parse_resolv_conf(path.read_text()).nameservers
        except OSError as error:
            raise ResolverFailed(str(error)) from error
        if not nameservers:
            raise ResolverFailed(f"{path} names no nameserver")
        return cls(nameservers[0], lifetime=lifetime)

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

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> DNSAnswer:
        for _ in range(ATTEMPTS):
            try:
                return await self._ask_once(name, kind)
            except dns.exception.Timeout:
                continue
            except (OSError, dns.exception.DNSException) as error:
                raise ResolverFailed(f"{self._nameserver} could not be asked for {name}: {error}") from error
        return DNSAnswer(name, DNSOutcome.TIMEOUT)

    async def _ask_once(self, name: str, kind: dns.rdatatype.RdataType) -> DNSAnswer:
        response, _ = await dns.asyncquery.udp_with_fallback(
            dns.message.make_query(name, kind),
            self._nameserver,
            timeout=self._lifetime / ATTEMPTS,
            port=self._port,
            ignore_unexpected=True,
        )
        code = response.rcode()
        if code != dns.rcode.NOERROR:
            return DNSAnswer(name, _OUTCOMES.get(code, DNSOutcome.SERVFAIL))
        records = (record for found in response.answer if found.rdtype == kind for record in found)
        addresses = tuple(sorted(record.address for record in records))
        return DNSAnswer(name, DNSOutcome.ANSWER if addresses else DNSOutcome.NODATA, addresses)
