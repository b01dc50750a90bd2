"""No text of a tenant costs more than in proportion to its length: each parser with the worst that it can be given.

What is compared is the processor time of one and the same parser for two lengths, and never a clock on the wall. A
parser that goes back and forth over its text takes sixteen times as long for four times the length, or worse.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import AT, a_member, a_pod, an_observation
from emqx_autocluster.clients import dialling, identity, logline
from emqx_autocluster.clients.discovery_log import parse_discovery_trace
from emqx_autocluster.clients.emqx_answers import (
    first_line,
    parse_cluster_status,
    parse_connections,
    parse_discovery_enable,
    parse_force_leave,
    parse_join,
)
from emqx_autocluster.clients.errors import UnreadableAnswer, api_error, one_line
from emqx_autocluster.clients.join_trace import parse_join_trace
from emqx_autocluster.clients.resolv_conf import parse_resolv_conf
from emqx_autocluster.commands import permissions
from emqx_autocluster.diagnosis.names import corefile
from emqx_autocluster.emqx import apiaddress, discovery, expansion, membership, ports, versions
from emqx_autocluster.observation import NOT_ASKED, Container, EnvVar, Observation, View
from emqx_autocluster.observer import inquiries
from emqx_autocluster.observer.look import Answer, Depth, Remembered, Visit

Parse = Callable[[str], object]

_SHORT, _LONG, _WHOLE = 16_000, 64_000, 1_000_000
_TOLERANCE = 8
_NOTHING = 0.005
"""Seconds of processor time that are lost in the noise, whatever was parsed."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
STAMP = "2026-11-23T06:58:18.4Z "


def in_a_log(parse: Callable[[list[str]], object]) -> Parse:
    return lambda text: parse([STAMP + text])


def lines_of_a_log(parse: Callable[[list[str]], object]) -> Parse:
    """No more of them than are ever read."""
    return lambda text: parse([STAMP + line for line in text.splitlines()[:1000]])


def discovers(log: list[str]) -> object:
    return parse_discovery_trace(log, LONG_AGO)


def expanded(text: str) -> object:
    """Each piece of the text as the value of a variable, and one more that refers to the last of them."""
    values = text.split("\n")
    entries = [EnvVar(f"A{number}", value) for number, value in enumerate(values)]
    return expansion.text_in_pods(Container("emqx", "emqx", tuple(entries)), entries[-1].name)


def as_env(text: str) -> object:
    return discovery.other_host_names(Container("emqx", "emqx", (EnvVar("A", text),)))


def corefile_of(text: str) -> object:
    try:
        return corefile.parse(text)
    except corefile.CorefileError:
        return None


def status_of(text: str) -> object:
    try:
        return parse_cluster_status(text)
    except UnreadableAnswer:
        return None


DOUBLING = "\n".join(["x", *(f"$(A{number})$(A{number})" for number in range(5000))])
CHAIN = "\n".join(["x", *(f"$(A{number})" for number in range(50_000))])
DISCOVERY = "Ekka(AutoCluster): Discovery error: "

WORST: list[tuple[str, Parse, str]] = [
    ("the identity's first heading again and again", identity.parse, "=== version\n"),
    (
        "all headings again and again",
        identity.parse,
        "=== version\n=== kubernetes.default.svc\n=== sockets\n=== resolv.conf\n",
    ),
    ("one variable again and again", identity.parse, "EMQX_NODE__NAME=x\n=== version\n"),
    ("one long line", identity.parse, "=== version"),
    ("many dials", dialling.parse, "dialled 10.0.0.1 5369 0\n"),
    ("a dial that does not end", dialling.parse, "dialled "),
    ("words before no dial", dialling.parse, "x\n"),
    ("nameservers", parse_resolv_conf, "nameserver 10.0.0.1\n"),
    ("search", parse_resolv_conf, "search a b c\n"),
    ("comments", parse_resolv_conf, "#;"),
    ("status without its end", status_of, "Cluster status: #{running_nodes => ["),
    ("status with open quotes", status_of, "Cluster status: #{running_nodes => ['\\"),
    ("many status", status_of, "Cluster status: #{running_nodes => ['a@b'], stopped_nodes => []}\n"),
    ("nothing but spaces behind a key", status_of, "Cluster status: #{ running_nodes   "),
    ("JSON within JSON", status_of, '{"running_nodes":'),
    ("JSON in lists", status_of, '{"running_nodes":[[[['),
    ("colours", status_of, "\x1b[0;"),
    ("counters", parse_connections, "connections.count : 1\n"),
    ("digits", lambda text: parse_connections(f"connections.count : {text}"), "1"),
    ("spaces behind a counter", parse_connections, "connections.count : 1 \n \n"),
    ("joins", parse_join, "Failed to join the cluster: \n"),
    ("leaves", parse_force_leave, "Failed to remove the node from cluster"),
    ("discovery enabled", parse_discovery_enable, "cluster join <Node> \n"),
    ("empty lines", first_line, "\n"),
    ("traces", first_line, "+\n"),
    ("stops of mria", in_a_log(parse_join_trace), "Stopping mria "),
    ("stops of mria, reasons", in_a_log(parse_join_trace), "Stopping mria reason : "),
    ("listeners", in_a_log(parse_join_trace), "Start x listener on "),
    ("lines of a join", lines_of_a_log(parse_join_trace), "Stopping mria, reason: join\n"),
    ("a time without an end", lambda text: logline.split(f"2026-11-23T06:58:18.{text}"), "0"),
    ("answers of the API server", in_a_log(discovers), DISCOVERY + '{403,"{'),
    ("messages", in_a_log(discovers), DISCOVERY + '{403,"{\\"message\\":\\"\\\\\\",'),
    ("ends of a message", in_a_log(discovers), DISCOVERY + '{403,"{ \\"message\\":\\"a \\\\\\",'),
    ("errors in one line", in_a_log(discovers), DISCOVERY + "x"),
    ("tokens", in_a_log(discovers), DISCOVERY + "{403, Bearer eyJ.eyJ- "),
    ("JSON in a log", in_a_log(discovers), '{"msg":'),
    ("lists in a log", in_a_log(discovers), "{["),
    ("lines of discovery", lines_of_a_log(discovers), DISCOVERY + "{403,x}\n"),
    ("credentials", one_line, "://a"),
    ("cookies", one_line, "cookie = "),
    ("no end of a colour", one_line, "\x1b[0"),
    ("an error's message", lambda text: api_error(500, text.encode()), '{"message":'),
    ("an error's lists", lambda text: api_error(500, text.encode()), "["),
    ("rights that are missing", permissions.in_kubectl_words, "x is forbidden: "),
    ("rights that are missing, in full", permissions.in_kubectl_words, 'a is forbidden: User "b" cannot '),
    ("words before a right", lambda text: permissions.lacking([text]), "x "),
    ("host names", as_env, "http://a.b/"),
    ("dots", as_env, "@a.b."),
    ("dashes", apiaddress.parse, "https://a-"),
    ("references", lambda text: expanded(f"x\n{text}"), "$(A0)"),
    ("references without an end", expanded, "$("),
    ("a tag", lambda text: versions.from_tag(f"emqx:{text}"), "1."),
    ("digits of a tag", lambda text: versions.from_tag(f"emqx:{text}.0.0"), "1"),
    ("digits of a node name", lambda text: ports.distribution_port(f"{text}x@h"), "1"),
    ("words of a Corefile", corefile_of, ". {\n"),
    ("quotes of a Corefile", corefile_of, '"\\" '),
    ("zones of a Corefile", corefile_of, "a,"),
]


def cost(work: Callable[[], object]) -> float:
    """Seconds of processor time; the least of some tries, since others disturb."""

    def once() -> float:
        start = time.thread_time()
        work()
        return time.thread_time() - start

    return min(once() for _ in range(3))


def spent(parse: Parse, text: str) -> float:
    return cost(lambda: parse(text))


@pytest.mark.parametrize(("parse", "piece"), [pytest.param(*rest, id=name) for name, *rest in WORST])
def test_the_worst_input_costs_in_proportion_to_its_length(parse: Parse, piece: str) -> None:
    short, long = piece * (_SHORT // len(piece)), piece * (_LONG // len(piece))
    assert spent(parse, long) <= _TOLERANCE * spent(parse, short) + _NOTHING
    parse(piece * (_WHOLE // len(piece)))


@pytest.mark.parametrize("text", [DOUBLING, CHAIN], ids=["each twice the one before", "a long chain"])
def test_references_to_references_cost_no_more_than_their_result(text: str) -> None:
    expanded(text)


PIECES = st.lists(st.sampled_from([piece for _, _, piece in WORST]) | st.text(max_size=5), max_size=20)


@given(PIECES.map("".join))
def test_whatever_is_read_is_understood_or_refused(text: str) -> None:
    for _, parse, _ in WORST:
        parse(text)


def lists(members_count: int, names: int) -> Observation:
    """So many members, which list so many names together."""
    each = names // members_count
    found = tuple(
        replace(
            a_member("a"),
            pod=a_pod("a", name=f"emqx-{n}", uid=f"uid-{n}", ip=f"10.0.0.{n}", container_id=f"c{n}"),
            node=f"emqx@10.0.0.{n}",
            view=View(
                frozenset(f"x@{n}.{k}" for k in range(each)), frozenset(f"y@{n}.{k}" for k in range(each))
            ),
        )
        for n in range(members_count)
    )
    return an_observation(members=found)


def asked_next(seen: Observation) -> object:
    """Of members that do not say who they are."""
    pods = tuple(member.pod for member in seen.each_member())
    memory = Remembered()
    for member in seen.each_member():
        assert isinstance(member.view, View)
        memory.answers[member.pod.container_id or ""] = Answer(member.view, NOT_ASKED, AT)
    container = seen.workload.template.containers[0]
    visit = Visit(seen.workload, container, pods, memory, AT, Depth(thorough=False, believed=timedelta(1)))
    return inquiries.due(visit, {}, ())


@pytest.mark.parametrize(
    "judge", [membership.foreign, membership.examine, asked_next], ids=["foreign", "stale", "due"]
)
def test_names_cost_the_same_however_many_members_list_them(judge: Callable[[Observation], object]) -> None:
    few, many = lists(2, 6000), lists(100, 6000)
    assert cost(lambda: judge(many)) <= _TOLERANCE * cost(lambda: judge(few)) + _NOTHING
