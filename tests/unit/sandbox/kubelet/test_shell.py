"""The kubelet's small shell and its generic commands, on a world without a kubelet."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from emqx_autocluster.clients import dialling, sockets
from emqx_autocluster.observation import Socket
from sandbox.kubelet.commands import Given, Streams
from sandbox.kubelet.container import CommandNotFound, NameNotFound, Refused, Response, TCPSocket
from sandbox.kubelet.executor import execute

VARIABLES = {"EMQX_NAME": "emqx", "EMQX_CLUSTER__K8S__SERVICE_NAME": "emqx-headless", "SECRET": "s3"}
ANY = "0.0.0.0"  # noqa: S104 - where EMQX listens
FACTS_COMMAND = (
    r"tr '\0' '\n' < /proc/1/environ"
    r" | grep -E '^(EMQX_NAME|EMQX_HOST|EMQX_NODE_NAME|EMQX_NODE__NAME|EMQX_CLUSTER__[A-Z0-9_]*)='; echo;"
    r" cat /opt/emqx/releases/emqx_vars | grep REL_VSN; cat /etc/resolv.conf"
)


@dataclass
class Place:
    """A World and a Program in one: the program knows `emqx_ctl` alone."""

    env: dict[str, str] = field(default_factory=lambda: dict(VARIABLES))
    hostname: str = "emqx-0"
    ip: str = "10.244.0.7"
    pod: str = "emqx-0"
    namespace: str = "default"
    uid: str = "u"
    image_version: str = "5.8.9"
    image_repository: str = "emqx/emqx"
    volumes: dict[str, object] = field(default_factory=dict)
    switches: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(
        default_factory=lambda: {
            "/etc/resolv.conf": b"nameserver 10.96.0.10\n",
            "/opt/emqx/releases/emqx_vars": b'ERTS_VSN="13"\nREL_VSN="5.8.9"\n',
            "/three": b"one\nTwo\nthree\n",
        }
    )

    @property
    def environ(self) -> Mapping[str, str]:
        return self.env

    def log(self, line: str) -> None:
        raise AssertionError(line)

    async def resolve(self, host: str) -> list[str]:
        if host != "known":
            raise NameNotFound(host)
        return ["10.96.0.1"]

    async def http_get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        ca: bytes | None,
        verify: bool,
        connect_timeout: float | None,
        timeout: float | None,  # noqa: ASYNC109 - the Protocol's own
    ) -> Response:
        raise AssertionError(url, headers, ca, verify, connect_timeout, timeout)

    def reachable(self, ip_or_host: str, port: int) -> bool:
        raise AssertionError(ip_or_host, port)

    async def connect(self, ip: str, port: int) -> None:
        """10.244.0.8 listens on 5369, and nothing answers at 10.244.0.9."""
        if ip == "10.244.0.9":
            await asyncio.sleep(60)
        if (ip, port) != ("10.244.0.8", 5369):
            raise Refused(ip)

    async def run(self) -> int:
        raise AssertionError

    def terminate(self) -> None:
        raise AssertionError

    def http(self, port: int, path: str) -> Response:
        raise AssertionError(port, path)

    def listens(self, port: int) -> bool:
        raise AssertionError(port)

    def sockets(self) -> list[TCPSocket]:
        return [TCPSocket(ANY, 4370), TCPSocket(self.ip, 4370, "10.244.0.8", 40000)]

    async def execute(
        self, argv: Sequence[str], stdin: bytes, out: Callable[[bytes], None], err: Callable[[bytes], None]
    ) -> int:
        if argv[0].rpartition("/")[2] != "emqx_ctl":
            raise CommandNotFound(argv[0])
        out(b"ctl: " + " ".join(argv[1:]).encode() + stdin + b"\n")
        err(b"warning\n")
        return 7 if "fail" in argv else 0


async def run(*argv: str, stdin: bytes = b"", place: Place | None = None) -> tuple[int, str, str]:
    out: list[bytes] = []
    err: list[bytes] = []
    place = place or Place()
    code = await execute(place, place, argv, Streams(Given(stdin), out.append, err.append))
    return code, b"".join(out).decode(), b"".join(err).decode()


@pytest.mark.parametrize(
    ("script", "code", "out"),
    [
        ("echo a; echo b", 0, "a\nb\n"),
        ("echo a\necho b\n\n", 0, "a\nb\n"),
        ("false && echo a || echo b", 0, "b\n"),
        ("true && echo a || echo b", 0, "a\n"),
        ("false; echo $?", 0, "1\n"),
        ("echo \"$EMQX_NAME ${SECRET} \\$x\" '$EMQX_NAME' $EMQX_NAME-x", 0, "emqx s3 $x $EMQX_NAME emqx-x\n"),
        ("echo 'a;b|c&&d' \"e 'f'\"", 0, "a;b|c&&d e 'f'\n"),
        ("echo one two | tr ' ' '\\n' | grep t", 0, "two\n"),
        ("tr a-z A-Z < /three", 0, "ONE\nTWO\nTHREE\n"),
        ("cat /nope 2>/dev/null; echo $?", 0, "1\n"),
        ("cat /nope 2>&1", 1, "cat: /nope: No such file or directory\n"),
        ("cat < /nope || echo none", 0, "none\n"),
        ("echo x > /tmp/f; echo y >> /tmp/f; cat /tmp/f", 0, "x\ny\n"),
        ("echo a # comment", 0, "a\n"),
        ("echo a; exit 3; echo b", 3, "a\n"),
        ("exit 3 || echo b", 3, ""),
        ("nosuch; echo $?", 0, "127\n"),
        ("sh -c 'echo \"in $EMQX_NAME\"; exit 4'", 4, "in emqx\n"),
        ("emqx_ctl cluster status | grep -c status", 0, "1\n"),
        ("emqx_ctl fail", 7, "ctl: fail\n"),
        ("/opt/emqx/bin/emqx_ctl x 2>/dev/null && echo ok", 0, "ctl: x\nok\n"),
        ("", 0, ""),
    ],
)
async def test_script(script: str, code: int, out: str) -> None:
    assert (await run("sh", "-c", script))[:2] == (code, out)


@pytest.mark.parametrize(
    "script", ["a | | b", "| a", "a &&& b", "$(date)", "if true; then", "a <", "(a)", "a 'b"]
)
async def test_what_the_shell_does_not_know_is_an_error(script: str) -> None:
    code, out, err = await run("sh", "-c", script)
    assert (code in {2, 127}, out, bool(err)) == (True, "", True)


async def test_the_command_that_reads_an_emqx_nodes_facts() -> None:
    code, out, err = await run("/bin/sh", "-c", FACTS_COMMAND)
    assert (code, err) == (0, "")
    assert out == (
        'EMQX_NAME=emqx\nEMQX_CLUSTER__K8S__SERVICE_NAME=emqx-headless\n\nREL_VSN="5.8.9"\nnameserver 10.96.0.10\n'
    )


@pytest.mark.parametrize(
    ("argv", "code", "out"),
    [
        (["hostname"], 0, "emqx-0\n"),
        (["cat", "/etc/hostname"], 0, "emqx-0\n"),
        (["cat", "/proc/1/environ"], 0, "".join(f"{k}={v}\0" for k, v in VARIABLES.items())),
        (["getent", "hosts", "known"], 0, "10.96.0.1       known\n"),
        (["getent", "hosts", "unknown"], 2, ""),
        (["grep", "-iE", "^t(wo|hree)$", "/three"], 0, "Two\nthree\n"),
        (["grep", "-v", "o", "/three"], 0, "three\n"),
        (["grep", r"^t\(hree\)$", "/three"], 0, "three\n"),
        (["grep", "(", "/three"], 1, ""),
        (["grep", "x", "/nope"], 2, ""),
        (["echo", "-n", "a", "b"], 0, "a b"),
        (["tr", "-d", "en", "<"], 1, ""),
        (["/usr/bin/true"], 0, ""),
        (["sleep", "0"], 0, ""),
    ],
)
async def test_generic_command(argv: list[str], code: int, out: str) -> None:
    assert (await run(*argv))[:2] == (code, out)


async def test_standard_input_reaches_generic_and_own_commands() -> None:
    assert (await run("cat", stdin=b"in"))[1] == "in"
    assert (await run("sh", stdin=b"echo from stdin"))[1] == "from stdin\n"
    assert (await run("emqx_ctl", "load ", stdin=b"in"))[1] == "ctl: load in\n"


async def test_exec_sees_the_specs_environment_with_path_and_hostname() -> None:
    _, out, _ = await run("env")
    assert out.splitlines()[0].startswith("PATH=")
    assert {"HOSTNAME=emqx-0", "SECRET=s3"} <= set(out.splitlines())


@pytest.mark.parametrize("command", ["nosuch", "/opt/bin/cat"])
async def test_an_unknown_command_is_the_runtimes_error(command: str) -> None:
    with pytest.raises(CommandNotFound):
        await run(command)


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["bash", "-c", ": > /dev/tcp/10.244.0.8/5369"], 0, ""),
        (["bash", "-c", "</dev/tcp/10.244.0.8/5369 && echo open"], 0, "open"),
        (["bash", "-c", ": > /dev/tcp/10.244.0.8/5370"], 1, "/dev/tcp/10.244.0.8/5370: Connection refused"),
        (["timeout", "0.05", "bash", "-c", ": > /dev/tcp/10.244.0.9/5369"], 124, ""),
        (["timeout", "1", "nosuch"], 127, "failed to run command 'nosuch'"),
        (["timeout", "1"], 125, "missing operand"),
        (["timeout", "1", "emqx_ctl", "fail"], 7, "ctl: fail"),
    ],
)
async def test_bash_opens_connections_and_timeout_ends_what_lasts(
    argv: list[str], code: int, said: str
) -> None:
    ended, out, err = await run(*argv)
    assert ended == code
    assert said in out + err


async def test_the_operators_own_command_for_sockets_is_understood() -> None:
    _, out, err = await run(*sockets.command({4370, 5369}))
    assert sockets.parse(out) == {
        Socket(ANY, 4370, listens=True, inode=2554500),
        Socket("10.244.0.7", 4370, "10.244.0.8", 40000),
    }
    assert err == ""
    _, out, _ = await run(*sockets.command({5369}))
    assert sockets.parse(out) == {Socket(ANY, 4370, listens=True, inode=2554500)}


async def test_a_place_that_hides_its_sockets() -> None:
    code, out, err = await run(*sockets.command({4370}), place=Place(switches={"proc_net": "hidden"}))
    assert (code, sockets.parse(out)) == (2, None)
    assert "grep: /proc/net/tcp: No such file" in err


async def test_the_operators_own_command_for_ports_is_understood() -> None:
    addresses = [("10.244.0.8", 5369), ("10.244.0.8", 5370)]
    _, out, _ = await run(*dialling.command(addresses))
    assert dialling.parse(out) == dict(zip(addresses, (True, False), strict=True))
