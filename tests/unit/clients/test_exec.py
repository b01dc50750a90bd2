"""The exec channel against servers that misbehave: what a real API server shows only on a bad day."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import Configuration

from emqx_autocluster.clients.errors import (
    APIError,
    ContainerNotRunning,
    ExecBroken,
    ExecRefused,
    ExecTimedOut,
    Forbidden,
    Unavailable,
)
from emqx_autocluster.clients.exec import MOST_OUTPUT, PROTOCOLS, Completed, Exec, ExecTarget
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.clients.patience import patience

TARGET = ExecTarget("iot", "emqx-0", "emqx")
SUCCESS = {"status": "Success"}

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


def non_zero(code: str) -> dict[str, Any]:
    return {
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": code}]},
    }


def internal(message: str) -> dict[str, Any]:
    return {"status": "Failure", "reason": "InternalError", "message": message, "code": 500}


@asynccontextmanager
async def executor(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]], limit: int = 4
) -> AsyncIterator[Exec]:
    application = web.Application()
    application.router.add_get("/api/v1/namespaces/iot/pods/emqx-0/exec", handler)
    async with TestServer(application) as server:

        async def login(configuration: Configuration) -> None:
            configuration.host = str(server.make_url("")).rstrip("/")

        async with Kube(login, in_cluster=False) as kube:
            yield Exec(kube, limit)


def speaking(
    talk: Talk, protocols: tuple[str, ...] = PROTOCOLS
) -> Callable[..., Awaitable[web.StreamResponse]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        channel = web.WebSocketResponse(protocols=protocols)
        await channel.prepare(request)
        await talk(channel)
        await channel.close()
        return channel

    return handler


def saying(*frames: bytes) -> Talk:
    async def talk(channel: web.WebSocketResponse) -> None:
        for frame in frames:
            await channel.send_bytes(frame)

    return talk


def status(answer: object) -> bytes:
    return b"\x03" + json.dumps(answer).encode()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_output_in_pieces_is_put_together(protocol: str) -> None:
    whole = "zwölf".encode()
    frames = (b"\x01", b"\x02", b"", b"\x01" + whole[:3], b"\x02warning", b"\x01" + whole[3:])
    talk = saying(*frames, status(SUCCESS)[:9], b"\x03" + status(SUCCESS)[9:])
    async with executor(speaking(talk, (protocol,))) as execs:
        assert await execs.run(TARGET, ["emqx_ctl"], 5) == Completed(0, whole, b"warning")


async def test_the_command_is_sent_word_by_word() -> None:
    seen: list[tuple[str, str]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.extend(request.query.items())
        return await speaking(saying(status(SUCCESS)))(request)

    async with executor(handler) as execs:
        await execs.run(TARGET, ["sh", "-c", "a && b;c | d '\\0' %2F +"], 5)
    assert seen == [
        ("container", "emqx"),
        ("stdout", "true"),
        ("stderr", "true"),
        ("command", "sh"),
        ("command", "-c"),
        ("command", "a && b;c | d '\\0' %2F +"),
    ]


async def test_exit_code() -> None:
    async with executor(speaking(saying(b"\x02no", status(non_zero("2"))))) as execs:
        assert await execs.run(TARGET, ["getent"], 5) == Completed(2, b"", b"no")


@pytest.mark.parametrize(
    ("frames", "error"),
    [
        pytest.param((b"\x01half an answ",), ExecBroken, id="cut"),
        pytest.param((b"\x03{",), ExecBroken, id="status cut"),
        pytest.param((b"\x03[]",), ExecBroken, id="status of another form"),
        pytest.param((status(non_zero("x")),), ExecBroken, id="exit code no number"),
        pytest.param((status({"status": "Failure", "reason": "NonZeroExitCode"}),), ExecBroken, id="no code"),
        pytest.param((b"\x07?", status(SUCCESS)), ExecBroken, id="unknown stream"),
        pytest.param((b"\x01" + b"x" * MOST_OUTPUT, b"\x01y", status(SUCCESS)), ExecBroken, id="too much"),
        pytest.param(
            (
                status(
                    {
                        "status": "Failure",
                        "reason": "InternalError",
                        "message": 'OCI runtime exec failed: exec: "x": executable file not found in $PATH: unknown',
                    }
                ),
            ),
            ExecRefused,
            id="no such executable",
        ),
        pytest.param(
            (
                status(
                    internal("Internal error occurred: error executing command in container: exit status 1")
                ),
            ),
            ExecRefused,
            id="the runtime failed",
        ),
        pytest.param(
            (status(internal('error sending request: Post "https://10.0.0.1:10250/exec/…": EOF')),),
            Unavailable,
            id="no kubelet behind a translating API server",
        ),
        pytest.param(
            (status(internal('unable to upgrade connection: container not found ("emqx")')),),
            ContainerNotRunning,
            id="container gone",
        ),
    ],
)
async def test_what_is_no_exit_code(frames: tuple[bytes, ...], error: type[Exception]) -> None:
    async with executor(speaking(saying(*frames))) as execs:
        with pytest.raises(error):
            await execs.run(TARGET, ["x"], 5)


async def test_text_is_rubbish_and_so_is_another_protocol() -> None:
    async def talk(channel: web.WebSocketResponse) -> None:
        await channel.send_str("hello")

    async with executor(speaking(talk)) as execs:
        with pytest.raises(ExecBroken, match="TEXT"):
            await execs.run(TARGET, ["x"], 5)
    async with executor(speaking(saying(status(SUCCESS)), ("v1.channel.k8s.io",))) as execs:
        with pytest.raises(ExecBroken, match="speaks none of"):
            await execs.run(TARGET, ["x"], 5)


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        (403, "pods is forbidden", Forbidden),
        (404, 'pods "emqx-0" not found', ContainerNotRunning),
        (400, "pod emqx-0 does not have a host assigned", ContainerNotRunning),
        (400, "container x is not valid for pod emqx-0", ExecRefused),
        (500, 'container not found ("emqx")', ContainerNotRunning),
        (500, "error dialing backend: connection refused", Unavailable),
        (401, "Unauthorized", APIError),
    ],
)
async def test_refused_handshakes(code: int, message: str, error: type[Exception]) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "reason": "Why", "message": message}, status=code)

    async with executor(handler) as execs:
        with pytest.raises(error, match=message.partition("(")[0].strip()):
            await execs.run(TARGET, ["x"], 5)


async def test_the_deadline_holds_during_the_handshake_and_after_it() -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async def silent(channel: web.WebSocketResponse) -> None:
        await channel.send_bytes(b"\x01first words")
        await asyncio.sleep(30)

    loop = asyncio.get_running_loop()
    for handler in (never, speaking(silent)):
        async with executor(handler) as execs:
            began = loop.time()
            with pytest.raises(ExecTimedOut, match=r"emqx_ctl in emqx-0/emqx did not end within 0\.3 s"):
                await execs.run(TARGET, ["emqx_ctl"], 0.3)
            assert loop.time() - began < 2


async def test_no_more_than_the_limit_run_at_once() -> None:
    running, most = 0, 0

    async def talk(channel: web.WebSocketResponse) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        await channel.send_bytes(status(SUCCESS))

    async with executor(speaking(talk), limit=6) as execs:
        await asyncio.gather(*(execs.run(TARGET, ["x"], 5) for _ in range(9)))
    assert most == 2, "of six slots one workload leaves most to others"


async def test_all_commands_of_one_look_end_with_its_patience() -> None:
    async def never(_: web.WebSocketResponse) -> None:
        await asyncio.sleep(30)

    async with executor(speaking(never), limit=1) as execs:
        with patience(0.3) as shared:
            runs = (execs.run(TARGET, ["emqx_ctl"], 20) for _ in range(3))
            found = await asyncio.gather(*runs, return_exceptions=True)
        words = "emqx_ctl in emqx-0/emqx was not over when the 0.3 s of one look were"
        assert [str(each) for each in found] == [words] * 3, "one that ran, and two that waited for it"
        assert all(isinstance(each, ExecTimedOut) for each in found)
        assert shared.lost == 3


def answering(*answered: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """These commands end at once, and all others never."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.query.get("command") not in answered:
            await asyncio.sleep(30)
        return await speaking(saying(status(SUCCESS)))(request)

    return handler


async def told(execs: Exec, command: str, deadline: float, *, prompt: bool = False) -> str:
    """How it ended, in words."""
    try:
        await execs.run(TARGET, [command], deadline, prompt=prompt)
    except ExecTimedOut as error:
        return str(error).removeprefix(f"{command} in emqx-0/emqx ")
    return "answered"


async def test_a_pod_that_leaves_what_takes_no_time_unanswered_is_asked_nothing_more() -> None:
    async with executor(answering(), limit=16) as execs:
        with patience(20) as shared:
            slow, prompt = await asyncio.gather(
                told(execs, "emqx_ctl", 20), told(execs, "grep", 0.3, prompt=True)
            )
            later = await told(execs, "getent", 20)
        assert prompt == "did not end within 0.3 s"
        assert slow == "was given up, since the pod answered nothing else either"
        assert later == "was not tried, since the pod answered nothing a moment ago"
        assert (shared.lost, shared.spared, shared.silent) == (2, 1, {"emqx-0"})


async def test_what_waits_for_a_slot_meanwhile_is_not_run_either() -> None:
    async with executor(answering()) as execs:  # of four slots a workload gets one
        with patience(20) as shared:
            prompt, waiting = await asyncio.gather(
                told(execs, "grep", 0.3, prompt=True), told(execs, "getent", 20)
            )
        assert prompt == "did not end within 0.3 s"
        assert waiting == "was not tried, since the pod answered nothing a moment ago"
        assert (shared.lost, shared.spared) == (1, 1)


async def test_to_wait_for_a_slot_is_no_silence() -> None:
    async with executor(answering("sh"), limit=1) as execs:

        async def another() -> None:
            """Of another look: a command that does not end holds the one slot for a while."""
            with patience(20):
                assert await told(execs, "grep", 0.5, prompt=True) == "did not end within 0.5 s"

        with patience(20) as shared:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(another())
                await asyncio.sleep(0.1)
                assert await told(execs, "sh", 0.3, prompt=True) == "answered", "it waited longer than that"
        with patience(0.3) as hurried:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(another())
                await asyncio.sleep(0.1)
                assert (
                    await told(execs, "sh", 5, prompt=True) == "was not over when the 0.3 s of one look were"
                )
        assert (shared.silent, hurried.silent) == (set(), set())


async def test_a_pod_that_has_answered_something_is_not_silent() -> None:
    async with executor(answering("sh")) as execs:
        with patience(20) as shared:
            assert await told(execs, "sh", 5) == "answered"
            assert await told(execs, "grep", 0.1, prompt=True) == "did not end within 0.1 s"
            assert await told(execs, "sh", 5) == "answered"
        assert shared.silent == set()


async def test_an_emqx_that_hangs_says_nothing_about_its_pod() -> None:
    async with executor(answering("grep")) as execs:
        with patience(20) as shared:
            assert await told(execs, "emqx_ctl", 0.1) == "did not end within 0.1 s"
            assert await told(execs, "grep", 5, prompt=True) == "answered"
        assert shared.silent == set()


@pytest.mark.parametrize(
    ("tried", "silent"),
    [
        pytest.param(0.0, {"emqx-0"}, id="tried in vain for long: it is gone"),
        pytest.param(5.0, set(), id="refused at once: it is back in a moment"),
    ],
)
async def test_a_kubelet_that_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, tried: float, silent: set[str]
) -> None:
    monkeypatch.setattr("emqx_autocluster.clients.exec._UNREACHED_SECONDS", tried)

    async def handler(_: web.Request) -> web.StreamResponse:
        answer = {"kind": "Status", "reason": "InternalError", "message": "error dialing backend"}
        return web.json_response(answer, status=500)

    async with executor(handler) as execs:
        with patience(20) as shared, pytest.raises(Unavailable, match="error dialing backend"):
            await execs.run(TARGET, ["emqx_ctl"], 20)
    assert shared.silent == silent
