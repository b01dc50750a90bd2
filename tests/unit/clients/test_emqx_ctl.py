"""What EMQX prints, of every generation, and what is made of it."""

import re
import string
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emqx_autocluster.clients import identity
from emqx_autocluster.clients.emqx_answers import (
    DiscoveryOutcome,
    ForceLeaveOutcome,
    JoinOutcome,
    first_line,
    parse_cluster_status,
    parse_connections,
    parse_discovery_enable,
    parse_force_leave,
    parse_join,
)
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import UnreadableAnswer, UnsafeArgument
from emqx_autocluster.clients.exec import Completed, Exec, ExecTarget
from emqx_autocluster.clients.join_trace import parse_join_trace
from emqx_autocluster.observation import ResolvConf, Socket, View

SAMPLES = Path(__file__).parents[2] / "samples"
FORMAT = SAMPLES / "format"
CAPTURED = SAMPLES / "captured"

ONE = "emqx@10.244.1.5"
TWO = "emqx@10.244.2.7"
THREE = "emqx@10.244.3.9"


def hosts(domain: str, *numbers: int) -> list[str]:
    return [f"emqx@emqx-{number}.{domain}.svc.cluster.local" for number in numbers]


def view(running: Sequence[str], stopped: Sequence[str] = ()) -> View:
    return View(frozenset(running), frozenset(stopped))


# Every other sample tells no membership.
VIEWS = {
    "all-force-leave-ok": view([ONE, TWO]),
    "v4-leave-ok": view([ONE]),
    "v4.0-4.2-join-ok": view([ONE, TWO]),
    "v4.0-one-node": view([ONE]),
    "v4.2-two-nodes": view([ONE, TWO]),
    "v4.3-5.0-ulimit-warning-on-stdout": view([ONE]),
    "v4.3-two-nodes-one-stopped": view([ONE, TWO], [THREE]),
    "v4.4-hostname-three-nodes": view(hosts("emqx-headless.default", 0, 1, 2)),
    "v4.4-podname-default-emqx_name": view(["emqx-7d9f8b6c5-x2kf9@10.244.1.5"]),
    "v4.4-three-nodes": view([ONE, TWO, THREE]),
    "v5-debug-env-stdout-noise": view([ONE]),
    "v5-ipv6-two-nodes": view(["emqx@fd00:10:244::5", "emqx@fd00:10:244::7"]),
    "v5-many-stale-nodes": view(
        [ONE, TWO, THREE],
        ["emqx@10.244.1.10", "emqx@10.244.1.11", "emqx@10.244.2.12", "emqx@10.244.3.13"],
    ),
    "v5-quoted-and-unquoted-atoms": view(["emqx@node1", "emqx@node-2"]),
    "v5.0-three-nodes": view([ONE, TWO, THREE]),
    "v5.0.1plus-json-one-node": view([ONE]),
    "v5.6.1plus-leave-ok-autocluster-disabled": view([ONE]),
    "v5.8-dns-two-nodes": view(
        ["emqx@10-244-1-5.default.pod.cluster.local", "emqx@10-244-2-7.default.pod.cluster.local"]
    ),
    "v5.8-hostname-with-stopped": view(
        hosts("emqx-headless.default", 0, 1), hosts("emqx-headless.default", 2)
    ),
    "v5.8-join-ok": view([ONE, TWO]),
    "v5.8-json-stopped-node": view([ONE, TWO], [THREE]),
    "v5.8-json-three-nodes": view([ONE, TWO, THREE]),
    "v5.8-long-names-both-wrapped": view(
        hosts("emqx-headless.mqtt-production-namespace", 0, 1),
        hosts("emqx-headless.mqtt-production-namespace", 2),
    ),
    "v5.8-one-node": view([ONE]),
    "v5.8-reverse-key-order-possible": view([ONE, TWO]),
    "v5.8-stopped-node": view([ONE, TWO], [THREE]),
    "v5.8-three-nodes": view([ONE, TWO, THREE]),
    "v6-json-three-nodes": view([ONE, TWO, THREE]),
}

JOINS = {
    "all-join-self": (JoinOutcome.IGNORED, "Ignore."),
    "v4.0-4.2-join-failed-node-down": (
        JoinOutcome.FAILED,
        f"Failed to join the cluster: {{node_down,'{TWO}'}}",
    ),
    "v4.0-4.2-join-ok": (JoinOutcome.JOINED, "Join the cluster successfully."),
    "v4.3plus-join-failed-already": (
        JoinOutcome.ALREADY_IN_CLUSTER,
        f"Failed to join the cluster: {{already_in_cluster,'{TWO}'}}",
    ),
    "v4.3plus-join-failed-node-down": (
        JoinOutcome.FAILED,
        f"Failed to join the cluster: {{node_down,'{TWO}'}}",
    ),
    "v5-join-failed-replicant-target": (
        JoinOutcome.FAILED,
        f"Failed to join the cluster: {{cannot_join_to_replicant,'{TWO}'}}",
    ),
    "v5-join-ok-replicant": (JoinOutcome.JOINED, "Join the cluster successfully."),
    "v5.8-join-failed-singleton": (JoinOutcome.FAILED, "Failed to join the cluster: singleton"),
    "v5.8-join-ok": (JoinOutcome.JOINED, "Join the cluster successfully."),
    "v5.9plus-join-refused-single-node-license": (
        JoinOutcome.FAILED,
        f'Failed to join the cluster: "Node {TWO} has a single node license"',
    ),
}

FORCE_LEAVES = {
    "all-force-leave-ok": ForceLeaveOutcome.REMOVED,
    "all-force-leave-self": ForceLeaveOutcome.IGNORED,
    "all-force-leave-unknown": ForceLeaveOutcome.NOT_IN_CLUSTER,
    "v5.5-5.8-force-leave-cluster_rpc-failed": ForceLeaveOutcome.FAILED,
    "v4.3plus-rpc-nodedown": ForceLeaveOutcome.UNKNOWN,
}


def sample(name: str) -> str:
    return (FORMAT / f"{name}.txt").read_text()


@pytest.mark.parametrize("path", sorted(FORMAT.glob("*.txt")), ids=lambda path: path.stem)
def test_every_sample_is_a_membership_or_none(path: Path) -> None:
    assert parse_cluster_status(path.read_text()) == VIEWS.get(path.stem)


def test_no_sample_of_a_membership_is_missing() -> None:
    assert {path.stem for path in FORMAT.glob("*.txt")} >= VIEWS.keys() | JOINS.keys() | FORCE_LEAVES.keys()


def captured() -> Iterator[tuple[str, str]]:
    """Each recorded command with what was printed; the recorder's own lines are left out."""
    for path in sorted(CAPTURED.glob("*.txt")):
        for block in re.split(r"^\$ ", path.read_text(), flags=re.MULTILINE)[1:]:
            command, *lines = block.splitlines()
            printed = [line for line in lines if not re.match(r"# |\[rc=|--stderr--", line)]
            yield command.partition("#")[0].strip(), "\n".join(printed)


def said_by(command: str) -> list[str]:
    return [
        printed
        for asked, printed in captured()
        if f"emqx_ctl {command}" in asked.replace("emqx ctl", "emqx_ctl")
    ]


def test_every_recorded_status_is_read() -> None:
    statuses = said_by("cluster status")
    assert len(statuses) > 100
    for printed in statuses:
        assert parse_cluster_status(printed) == plainly_read(printed)


def plainly_read(printed: str) -> View | None:
    """By another way: recorded names are all quoted, and the only braces are the status's own."""
    status = printed.partition("}")[0]
    if "running_nodes" not in status:
        return None
    first, second = re.split(r"(?:running|stopped)_nodes", status)[1:]
    lists = (first, second) if status.index("running") < status.index("stopped") else (second, first)
    return view(*(re.findall(r"['\"](emqx@[^'\"]+)['\"]", part) for part in lists))


def test_every_recorded_command_has_a_known_outcome() -> None:
    joins = [printed for printed in said_by("cluster join") if "no answer" not in printed and printed.strip()]
    leaves = said_by("cluster force-leave")
    assert len(joins) > 20
    assert len(leaves) > 10
    assert {parse_join(printed).outcome for printed in joins} <= {*JoinOutcome} - {JoinOutcome.UNKNOWN}
    assert {parse_force_leave(printed).outcome for printed in leaves} <= {*ForceLeaveOutcome} - {
        ForceLeaveOutcome.UNKNOWN
    }
    assert all(parse_connections(printed) == 0 for printed in said_by("broker stats"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"Cluster status: #{{running_nodes => ['{ONE}'],stopped", id="cut"),
        pytest.param(f"Cluster status: #{{running_nodes => ['{ONE}']}}", id="one list"),
        pytest.param(
            f"Cluster status: #{{running_nodes => [],stopped_nodes => ['{ONE}']}}", id="mnesia stopped"
        ),
        pytest.param(
            f"Cluster status: #{{running_nodes => [{{a,b}},'{ONE}'],stopped_nodes => []}}", id="terms"
        ),
        pytest.param("Cluster status: #{running_nodes => [emqx],stopped_nodes => []}", id="no host"),
        pytest.param('{"running_nodes": "emqx@a", "stopped_nodes": []}', id="JSON of another form"),
        pytest.param(
            f"Cluster status: #{{running_nodes => ['{ONE}'],stopped_nodes => []}}\n"
            f"Cluster status: #{{running_nodes => ['{TWO}'],stopped_nodes => []}}\n",
            id="two that differ",
        ),
    ],
)
def test_no_guess_is_made_of_a_status(text: str) -> None:
    assert parse_cluster_status(text) is None


NAMES = st.lists(
    st.from_regex(r"[A-Za-z0-9_.-]{1,20}@[A-Za-z0-9_.:-]{1,60}", fullmatch=True), unique=True, max_size=9
)
BLANKS = st.sampled_from(["", "\n" + " " * 22, "\r\n  "])


def erlang_list(names: list[str], blank: str) -> str:
    """As ~p prints it: quoted unless it begins with a small letter and has only letters, digits, _ and @."""
    plain = set(string.ascii_letters + string.digits + "_@")
    atoms = [name if set(name) <= plain and name[0].islower() else f"'{name}'" for name in names]
    return f"[{f',{blank}'.join(atoms)}]"


@given(
    running=NAMES.filter(bool),
    stopped=NAMES,
    blank=BLANKS,
    reverse=st.booleans(),
    noise=st.text().filter(lambda text: "nodes" not in text),
)
def test_whatever_names_are_printed_are_read_back(
    running: list[str], stopped: list[str], blank: str, noise: str, *, reverse: bool
) -> None:
    lists = [
        f"running_nodes =>{blank} {erlang_list(running, blank)}",
        f"stopped_nodes =>{blank} {erlang_list(stopped, blank)}",
    ]
    printed = f",{blank}".join(reversed(lists) if reverse else lists)
    text = f"{noise}\nCluster status: #{{{printed}}}\n{noise}"
    assert parse_cluster_status(text) == view(running, stopped)


@given(
    st.text(), st.sampled_from(["", "Cluster status: #{", "running_nodes => [", '{"running_nodes": ', "'"])
)
def test_no_text_makes_a_parser_fail(text: str, start: str) -> None:
    for parse in (
        parse_cluster_status,
        parse_connections,
        parse_join,
        parse_force_leave,
        parse_discovery_enable,
        identity.parse,
        first_line,
    ):
        parse(start + text)
    parse_join_trace((start + text).splitlines())


@pytest.mark.parametrize(("name", "expected"), JOINS.items(), ids=JOINS)
def test_join(name: str, expected: tuple[JoinOutcome, str]) -> None:
    answer = parse_join(sample(name))
    assert (answer.outcome, answer.said) == expected


@pytest.mark.parametrize(("name", "expected"), FORCE_LEAVES.items(), ids=FORCE_LEAVES)
def test_force_leave(name: str, expected: ForceLeaveOutcome) -> None:
    assert parse_force_leave(sample(name)).outcome is expected


def test_a_wrapped_failure_is_one_line() -> None:
    said = parse_join("Failed to join the cluster: {node_down,\n      'emqx@10.0.0.1'}\n").said
    assert said == "Failed to join the cluster: {node_down, 'emqx@10.0.0.1'}"


def test_discovery_enable() -> None:
    enabled = parse_discovery_enable(sample("v5.6.1plus-discovery-enable"))
    assert enabled.outcome is DiscoveryOutcome.ENABLED
    usage = parse_discovery_enable(sample("v4-json-flag-not-supported"))
    assert usage.outcome is DiscoveryOutcome.NOT_SUPPORTED
    down = parse_discovery_enable(sample("v5-node-not-running"))
    assert (down.outcome, down.said) == (
        DiscoveryOutcome.UNKNOWN,
        f"Node '{ONE}' not responding to pings.",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connections.count             : 3\nconnections.max               : 8\n", 3),
        ("connections.count             : 5\nlive_connections.count        : 2\n", 2),
        ("sessions.count                : 5\n", None),
        ("Usage: emqx_ctl\n", None),
        ("", None),
    ],
)
def test_connections(text: str, expected: int | None) -> None:
    assert parse_connections(text) == expected


def test_a_cookie_traced_by_debug_is_never_repeated() -> None:
    assert (
        first_line("DEBUG: PS_LINE=-setcookie s3cret\n+ COOKIE=s3cret\nERROR: no node\n") == "ERROR: no node"
    )
    assert "s3cret" not in first_line("run_erl -setcookie s3cret -name x")


IDENTITY = """\
EMQX_LICENSE__KEY=set
EMQX_NAME=emqx
EMQX_NODE__NAME=emqx@10.244.0.201
EMQX_CLUSTER__K8S__APISERVER=https://kubernetes.default.svc:443
=== version
REL_VSN="5.8.8"
REL_VSN="5.8.9"
=== kubernetes.default.svc
10.96.0.1       kubernetes.default.svc.cluster.local
=== sockets
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1112 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
=== resolv.conf
search iot.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
"""


def test_identity() -> None:
    said = identity.parse(IDENTITY)
    assert said is not None
    assert said.addresses == ("10.96.0.1",)
    assert said.sockets == {Socket("0.0.0.0", 4370, listens=True, inode=1)}  # noqa: S104 - where it listens
    found = said.identity
    assert found.node == "emqx@10.244.0.201"
    assert found.environ["EMQX_LICENSE__KEY"] == "set"
    assert found.environ["EMQX_CLUSTER__K8S__APISERVER"] == "https://kubernetes.default.svc:443"
    assert found.version == "5.8.9"
    assert found.resolv_conf == ResolvConf(
        ("10.96.0.10",), ("iot.svc.cluster.local", "svc.cluster.local", "cluster.local"), 5
    )


def test_what_is_missing_in_the_identity_is_none() -> None:
    said = identity.parse("=== version\n=== kubernetes.default.svc\n=== sockets\n=== resolv.conf\n")
    assert said is not None
    found = said.identity
    assert (found.node, found.version, found.resolv_conf) == (None, None, None)
    assert (said.addresses, said.sockets) == ((), None)
    assert identity.parse("OCI runtime exec failed") is None


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        pytest.param("", (), id="the name is not known, or the image has no timeout"),
        pytest.param("10.96.0.1 kubernetes.default.svc\n", ("10.96.0.1",), id="one address"),
        pytest.param("fd00::1 a\n10.96.0.1 a\nfd00::1 b\n", ("fd00::1", "10.96.0.1"), id="each is told once"),
        pytest.param(
            "10.96.0.1 a\ngetent: what?\n", (), id="what is no address says nothing, nor what is beside it"
        ),
    ],
)
def test_whether_the_name_of_the_api_server_is_known(printed: str, expected: tuple[str, ...]) -> None:
    said = identity.parse(f"=== version\n=== kubernetes.default.svc\n{printed}=== sockets\n=== resolv.conf\n")
    assert said is not None
    assert said.addresses == expected


def test_the_identity_shows_nothing_that_is_not_on_the_list() -> None:
    said = identity.parse("EMQX_NODE__COOKIE=secret\nEMQX_CLUSTER__ETCD__SERVER=x\n" + IDENTITY)
    assert said is not None
    assert not any("secret" in value for value in said.identity.environ.values())
    assert "EMQX_CLUSTER__ETCD__SERVER" not in said.identity.environ


BOOT = (
    "2026-11-23T06:58:01.1Z Listener tcp:default on 0.0.0.0:1883 started.",
    "2026-11-23T06:58:01.2Z EMQX 5.8.9 is running now!",
)
JOIN_5 = (
    "2026-11-23T06:58:18.413165123Z 2026-11-23T06:58:18.413165+00:00 [warning] msg: Stopping mria, reason: join",
    "2026-11-23T06:58:18.5Z Listener tcp:default on 0.0.0.0:1883 stopped.",
)
JOIN_4 = (
    "2026-11-23T06:58:18.4Z 2026-11-23T06:58:18.4+00:00 [critical] emqx shutdown for join",
    "2026-11-23T06:58:18.5Z Stop mqtt:tcp:external listener on 0.0.0.0:1883 successfully.",
)
WAITS = (
    "2026-11-23T06:58:33Z 2026-11-23T06:58:33+00:00 [warning] mria_mnesia: still waiting for table(s): [emqx_banned]",
    "2026-11-23T06:59:03Z 2026-11-23T06:59:03+00:00 [warning] mria_mnesia: still waiting for table(s): [emqx_banned]",
)
HEAL = ("2026-11-23T06:58:18.4Z 2026-11-23T06:58:18.4+00:00 [warning] msg: Stopping mria, reason: heal",)


@pytest.mark.parametrize(
    ("log", "stopped", "listening"),
    [
        pytest.param(BOOT, False, False, id="no join"),
        pytest.param(BOOT + HEAL, False, False, id="another reason"),
        pytest.param(BOOT + JOIN_5, True, False, id="5.x half-joined"),
        pytest.param(BOOT + JOIN_5 + BOOT, True, True, id="5.x joined"),
        pytest.param(BOOT + JOIN_5 + BOOT + JOIN_5, True, False, id="5.x half-joined the second time"),
        pytest.param(JOIN_4, True, False, id="4.x half-joined"),
        pytest.param(
            (*JOIN_4, "2026-11-23T06:58:20Z Start mqtt:tcp:external listener on 0.0.0.0:1883 successfully."),
            True,
            True,
            id="4.x joined",
        ),
        pytest.param(
            ('2026-11-23T06:58:18Z {"level":"warning","msg":"Stopping mria","reason":"join"}',),
            True,
            False,
            id="as JSON",
        ),
        pytest.param(
            ("2026-11-23T06:58:18Z [warning] line: 121, mfa: mria:stop/1, msg: Stopping mria, reason: join",),
            True,
            False,
            id="5.0's text",
        ),
        pytest.param(("Stopping mria, reason: join",), False, False, id="no time"),
    ],
)
def test_join_trace(log: Sequence[str], *, stopped: bool, listening: bool) -> None:
    trace = parse_join_trace(log)
    assert (trace.stopped_at is not None, trace.listening_again) == (stopped, listening)
    assert bool(trace.line) == stopped


@pytest.mark.parametrize(
    ("log", "waits"),
    [
        pytest.param(WAITS, "06:58:33", id="the first of its complaints, since each has another time"),
        pytest.param(WAITS + BOOT, "", id="its listeners started in the end"),
        pytest.param(BOOT + JOIN_5, "", id="a join is no wait for tables"),
    ],
)
def test_a_wait_for_tables_is_told_from_the_log(log: Sequence[str], waits: str) -> None:
    trace = parse_join_trace(log)
    assert waits in trace.waits
    assert bool(trace.waits) == bool(waits)
    assert trace.stopped_at is None or not trace.waits


class Recorded(Exec):
    """Answers as a container did, and remembers what it was asked."""

    def __init__(self, exit_code: int, stdout: str = "", stderr: str = "") -> None:
        self.answer = Completed(exit_code, stdout.encode(), stderr.encode())
        self.asked: list[tuple[str, ...]] = []

    async def run(self, target: ExecTarget, argv: Sequence[str], deadline: float) -> Completed:  # noqa: ARG002
        self.asked.append(tuple(argv))
        return self.answer


TARGET = ExecTarget("iot", "emqx-0", "emqx")


async def test_a_node_that_does_not_answer_says_so_on_stderr() -> None:
    emqx = EmqxCtl(Recorded(1, stderr=f"Node '{ONE}' not responding to pings.\n"))
    with pytest.raises(UnreadableAnswer, match=r"not responding to pings\. \(exit code 1\)"):
        await emqx.cluster_status(TARGET)
    with pytest.raises(UnreadableAnswer):
        await emqx.connections(TARGET)
    with pytest.raises(UnreadableAnswer):
        await emqx.introduction(TARGET, [4370])


async def test_exit_codes_are_not_believed() -> None:
    done = await EmqxCtl(Recorded(1, sample("v5.8-join-ok"))).join(TARGET, TWO)
    assert done.outcome is JoinOutcome.JOINED
    assert await EmqxCtl(Recorded(1, "connections.count : 4\n")).connections(TARGET) == 4


@pytest.mark.parametrize("node", ["--help", "emqx", "emqx@", "@host", "a@b;reboot", "a@b c", "a@-b", "a@b\n"])
async def test_a_name_that_is_no_node_name_is_not_run(node: str) -> None:
    executor = Recorded(0)
    with pytest.raises(UnsafeArgument):
        await EmqxCtl(executor).join(TARGET, node)
    with pytest.raises(UnsafeArgument):
        await EmqxCtl(executor).force_leave(TARGET, [ONE, node])
    assert executor.asked == []


@pytest.mark.parametrize(
    "node", [ONE, *hosts("emqx-headless.ns", 0), "emqx@fd00:10:244::5", "emqx-7d9f-x2kf9@node_1"]
)
async def test_a_node_name_is_one_argument(node: str) -> None:
    executor = Recorded(0, "Ignore.\n")
    await EmqxCtl(executor).join(TARGET, node)
    await EmqxCtl(executor).force_leave(TARGET, [ONE, node])
    join, leave = executor.asked
    assert join == ("emqx_ctl", "cluster", "join", node)
    assert leave[3:] == ("sh", ONE, node)
    script = "; ".join(
        f"echo '=== leaving {n}'; emqx_ctl cluster force-leave \"${{{n}}}\" 2>&1" for n in (1, 2)
    )
    assert leave[:3] == ("sh", "-c", script), "no name is part of it"


async def test_of_several_names_each_has_its_own_answer() -> None:
    said = (
        "=== leaving 1\nRemove the node from cluster successfully.\nCluster status: #{running_nodes =>\n"
        "=== leaving 2\nFailed to remove the node from cluster: node_not_in_cluster\n"
        f"=== leaving 3\nNode '{ONE}' not responding to pings.\n"
    )
    found = await EmqxCtl(Recorded(1, said)).force_leave(TARGET, [ONE, TWO, THREE, "emqx@10.0.0.9"])
    assert {node: answer.outcome for node, answer in found.items()} == {
        ONE: ForceLeaveOutcome.REMOVED,
        TWO: ForceLeaveOutcome.NOT_IN_CLUSTER,
        THREE: ForceLeaveOutcome.UNKNOWN,
        "emqx@10.0.0.9": ForceLeaveOutcome.UNKNOWN,
    }
    assert found[THREE].said == f"Node '{ONE}' not responding to pings."


async def test_lookup() -> None:
    found = Recorded(0, "10.96.0.1       kubernetes.default.svc.cluster.local kubernetes.default.svc\n")
    assert await EmqxCtl(found).lookup(TARGET, "kubernetes.default.svc") == ("10.96.0.1",)
    assert found.asked == [("getent", "hosts", "kubernetes.default.svc")]
    assert await EmqxCtl(Recorded(2)).lookup(TARGET, "apiserver.cluster.local") == ()
    with pytest.raises(UnreadableAnswer):
        await EmqxCtl(Recorded(1, stderr="getent: broken\n")).lookup(TARGET, "a")
    with pytest.raises(UnsafeArgument):
        await EmqxCtl(Recorded(0)).lookup(TARGET, "-s files")


async def test_what_a_join_wrote_down_on_a_replicant() -> None:
    found = Recorded(0, f"'{TWO}'.")
    assert await EmqxCtl(found).pinned_core(TARGET, ONE) == TWO
    assert found.asked == [("cat", f"/opt/emqx/data/mnesia/{ONE}/mria_replicant_cluster_seed")]
    absent = Recorded(1, stderr="cat: /opt/emqx/data/mnesia/x: No such file or directory\n")
    assert await EmqxCtl(absent).pinned_core(TARGET, ONE) is None
    for unread in (Recorded(1, stderr="cat: Permission denied\n"), Recorded(0, "{error,enoent}.\n")):
        with pytest.raises(UnreadableAnswer):
            await EmqxCtl(unread).pinned_core(TARGET, ONE)
    with pytest.raises(UnsafeArgument):
        await EmqxCtl(Recorded(0)).pinned_core(TARGET, "emqx@../../etc")


def test_the_identity_command_is_one_line_of_constant_shell() -> None:
    assert identity.command([4370])[:4] == ("sh", "-c", identity.SCRIPT, "sh")
    assert "\n" not in identity.SCRIPT
