"""The resolver against nameservers that fail in each of the ways that matter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from emqx_autocluster.clients.errors import ResolverFailed
from emqx_autocluster.clients.resolver import ClusterResolver, is_own_address
from emqx_autocluster.observation import DNSAnswer, DNSOutcome

NAME = "emqx.iot.svc.cluster.local."
DROP = None


class Nameserver(asyncio.DatagramProtocol):
    """Answers each record type with an rcode, with records, or (None) not at all."""

    def __init__(self, answers: dict[str, dns.rcode.Rcode | list[str] | None]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append(kind)
        answer = self.answers[kind]
        if answer is DROP:
            return
        response = dns.message.make_response(query)
        if isinstance(answer, list):
            if answer:
                response.answer.append(dns.rrset.from_text(query.question[0].name, 5, "IN", kind, *answer))
        else:
            response.set_rcode(answer)
        self.transport.sendto(response.to_wire(), addr)


def an_answer(addresses: tuple[str, ...]) -> DNSAnswer:
    return DNSAnswer(NAME, DNSOutcome.ANSWER, addresses)


@asynccontextmanager
async def nameserver(
    a: dns.rcode.Rcode | list[str] | None,
    aaaa: dns.rcode.Rcode | list[str] | None,
    srv: dns.rcode.Rcode | list[str] | None = DROP,
) -> AsyncIterator[tuple[ClusterResolver, Nameserver]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Nameserver({"A": a, "AAAA": aaaa, "SRV": srv}), ("127.0.0.1", 0)
    )
    try:
        port = transport.get_extra_info("sockname")[1]
        yield ClusterResolver("127.0.0.1", port, lifetime=0.2), server
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("a", "aaaa", "expected"),
    [
        (["10.0.0.1", "10.0.0.2"], [], an_answer(("10.0.0.1", "10.0.0.2"))),
        (["10.0.0.1"], ["fd00::1"], an_answer(("10.0.0.1", "fd00::1"))),
        (["10.0.0.1"], dns.rcode.SERVFAIL, an_answer(("10.0.0.1",))),
        ([], ["fd00::1"], an_answer(("fd00::1",))),
        ([], [], DNSAnswer(NAME, DNSOutcome.NODATA)),
        ([], dns.rcode.SERVFAIL, DNSAnswer(NAME, DNSOutcome.SERVFAIL)),
        (dns.rcode.NXDOMAIN, dns.rcode.NXDOMAIN, DNSAnswer(NAME, DNSOutcome.NXDOMAIN)),
        (dns.rcode.REFUSED, dns.rcode.REFUSED, DNSAnswer(NAME, DNSOutcome.REFUSED)),
        (dns.rcode.SERVFAIL, dns.rcode.SERVFAIL, DNSAnswer(NAME, DNSOutcome.SERVFAIL)),
        (dns.rcode.NOTIMP, [], DNSAnswer(NAME, DNSOutcome.SERVFAIL)),
        (DROP, DROP, DNSAnswer(NAME, DNSOutcome.TIMEOUT)),
    ],
)
async def test_outcomes(
    a: dns.rcode.Rcode | list[str] | None, aaaa: dns.rcode.Rcode | list[str] | None, expected: DNSAnswer
) -> None:
    async with nameserver(a, aaaa) as (resolver, _):
        assert await resolver.lookup(NAME) == expected


TWO_PORTS = [f"0 50 {port} emqx-{n}.{NAME}" for port in (1883, 4370) for n in range(2)]


@pytest.mark.parametrize(
    ("kind", "a", "srv", "expected"),
    [
        ("srv", DROP, TWO_PORTS, (DNSOutcome.ANSWER, (f"emqx-0.{NAME[:-1]}", f"emqx-1.{NAME[:-1]}"), 5)),
        ("srv", DROP, [], (DNSOutcome.NODATA, (), None)),
        ("srv", DROP, dns.rcode.NXDOMAIN, (DNSOutcome.NXDOMAIN, (), None)),
        ("a", ["10.0.0.2", "10.0.0.1"], DROP, (DNSOutcome.ANSWER, ("10.0.0.1", "10.0.0.2"), 5)),
    ],
)
async def test_the_records_that_discovery_asks_for(
    kind: str,
    a: list[str] | None,
    srv: dns.rcode.Rcode | list[str] | None,
    expected: tuple[DNSOutcome, tuple[str, ...], int | None],
) -> None:
    async with nameserver(a, DROP, srv) as (resolver, server):
        found = await resolver.records(NAME, kind)
    assert (found.outcome, found.addresses, found.ttl) == expected
    assert server.asked == [kind.upper()]


@pytest.mark.parametrize("kind", ["any", "SRV", "nonsense", ""])
async def test_no_other_question_is_asked(kind: str) -> None:
    async with nameserver([], []) as (resolver, server):
        with pytest.raises(ResolverFailed):
            await resolver.records(NAME, kind)
    assert server.asked == []


async def test_a_lost_packet_is_sent_again() -> None:
    async with nameserver(DROP, DROP) as (resolver, server):
        await resolver.lookup(NAME)
        assert sorted(server.asked) == ["A", "A", "AAAA", "AAAA"]


async def test_the_nameserver_of_this_machine(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    with pytest.raises(ResolverFailed):
        ClusterResolver.from_resolv_conf(conf)
    conf.write_text("search local\n")
    with pytest.raises(ResolverFailed, match="names no nameserver"):
        ClusterResolver.from_resolv_conf(conf)
    conf.write_text("nameserver 10.96.0.10\n")
    ClusterResolver.from_resolv_conf(conf)


@pytest.mark.parametrize("name", ["a..b.", "x" * 64 + "."])
async def test_what_is_no_name_cannot_be_asked(name: str) -> None:
    async with nameserver([], []) as (resolver, _):
        with pytest.raises(ResolverFailed):
            await resolver.lookup(name)


class Truncating(asyncio.DatagramProtocol):
    """Says that its answer does not fit, so that a client comes by TCP; there the connection is closed at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = dns.message.make_response(dns.message.from_wire(data))
        response.flags |= dns.flags.TC
        self.transport.sendto(response.to_wire(), addr)


@pytest.mark.parametrize("datagrams_only", [True, False])
async def test_an_answer_that_does_not_fit_opens_a_connection_only_to_the_clusters_own(
    *, datagrams_only: bool
) -> None:
    opened = list[asyncio.StreamWriter]()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        writer.close()

    tcp = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Truncating, ("127.0.0.1", port))
    resolver = ClusterResolver("127.0.0.1", port, lifetime=2, datagrams_only=datagrams_only)
    try:
        with pytest.raises(ResolverFailed, match="could not be asked"):
            await resolver.lookup(NAME)
    finally:
        transport.close()
        tcp.close()
    assert bool(opened) != datagrams_only


def test_an_own_address_is_told_without_a_packet() -> None:
    assert is_own_address(ip_address("127.0.0.1"))
    assert not is_own_address(ip_address("192.0.2.1"))
