"""The stand-in's command line: words, exit codes and times as captured."""

import asyncio
from pathlib import Path

import pytest

from sandbox.emqx.rehearsal import Stage, StagePod, run
from sandbox.kubelet.container import CommandNotFound, Refused

SAMPLES = Path(__file__).parents[3] / "samples"


def ask(
    version: str, *args: str, seconds: float = 15, switches: dict[str, str] | None = None
) -> tuple[int, str, str]:
    async def play() -> tuple[int, str, str]:
        pod = await _one(version, seconds, switches)
        answer = await pod.ctl(*args)
        pod.task.cancel()
        return answer

    return run(play())


async def _one(version: str, seconds: float, switches: dict[str, str] | None = None) -> StagePod:
    pod = Stage(version).start({"EMQX_NAME": "emqx"}, ip="10.244.1.5", switches=switches or {})
    await asyncio.sleep(seconds)
    return pod


def _sample(name: str) -> str:
    return (SAMPLES / "format" / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    ("version", "args", "code", "sample"),
    [
        ("4.2.14", "cluster status", 0, "v4.0-one-node"),
        ("4.4.19", "cluster status --json", 0, "v4-json-flag-not-supported"),
        ("5.8.9", "cluster status", 0, "v5.8-one-node"),
        ("5.8.9", "cluster join emqx@10.244.1.5", 0, "all-join-self"),
        ("5.8.9", "cluster join emqx", 0, "all-join-self"),
        ("5.8.9", "cluster force-leave emqx@10.244.1.5", 0, "all-force-leave-self"),
        ("5.8.9", "cluster force-leave emqx@10.9.9.9", 0, "all-force-leave-unknown"),
        ("4.4.19", "cluster leave", 0, "all-leave-failed-not-in-cluster"),
        ("5.9.0", "cluster leave", 1, "all-leave-failed-not-in-cluster"),
        ("4.4.19", "cluster join emqx@10.244.2.7", 0, "v4.3plus-join-failed-node-down"),
        ("5.8.9", "cluster discovery enable", 0, "v5.6.1plus-discovery-enable"),
    ],
)
def test_answer(version: str, args: str, code: int, sample: str) -> None:
    assert ask(version, *args.split()) == (code, _sample(sample), "")


@pytest.mark.parametrize(
    ("version", "sample"),
    [
        ("4.2.14", "v4.0-4.2-node-not-running"),
        ("4.4.19", "v4.3-5.0.17-node-not-running"),
        ("5.0.3", "v4.3-5.0.17-node-not-running"),
        ("5.8.9", "v5-node-not-running"),
    ],
)
def test_while_booting(version: str, sample: str) -> None:
    assert ask(version, "cluster", "status", seconds=1.5) == (1, "", _sample(sample))


def test_before_the_process_exists_5x_names_the_default() -> None:
    assert ask("5.8.9", "status", seconds=0.1)[2] == "Node 'emqx@127.0.0.1' not responding to pings.\n"


@pytest.mark.parametrize(("version", "captured"), [("4.4.19", "4.4.19-manual"), ("5.8.9", "5.8.9-manual")])
def test_usage_as_captured(version: str, captured: str) -> None:
    text = (SAMPLES / "captured" / f"{captured}.txt").read_text()
    code, out, _ = ask(version, "nosuch")
    assert code == 1
    assert out in text
    assert ask(version, "cluster", "nosuch")[1] in text


@pytest.mark.parametrize(("version", "code"), [("4.4.19", 0), ("5.8.9", 1)])
def test_broker_stats_as_captured(version: str, code: int) -> None:
    captured = (SAMPLES / "captured" / f"{version}-in-a-pod.txt").read_text()
    answered, out, _ = ask(version, "broker", "stats", switches={"connections": "12"})
    assert answered == code
    assert "connections.count             : 12\n" in out
    assert [line[:30] for line in out.splitlines()] == [
        line[:30] for line in captured.splitlines() if line[30:32] == ": "
    ]


def test_ulimit_warning_on_stdout() -> None:
    assert ask("4.4.19", "cluster", "status", switches={"ulimit": "256"})[1] == _sample(
        "v4.3-5.0-ulimit-warning-on-stdout"
    )


def test_emqx_ctl_and_emqx_ctl_subcommand() -> None:
    async def play() -> None:
        pod = await _one("5.8.9", 10)
        assert (await pod.ctl("status", command=("/opt/emqx/bin/emqx", "ctl")))[0] == 0
        with pytest.raises(CommandNotFound):
            await pod.ctl("x", command=("cat",))
        start = asyncio.get_running_loop().time()
        await pod.ctl("cluster", "status")
        assert 1.0 <= asyncio.get_running_loop().time() - start <= 1.3
        pod.task.cancel()

    run(play())


@pytest.mark.parametrize(
    ("version", "port", "path"),
    [("4.4.19", 8081, "/status"), ("5.0.3", 18083, "/api/v5/status"), ("5.8.9", 18083, "/status")],
)
def test_status_page_and_ports(version: str, port: int, path: str) -> None:
    async def play() -> None:
        pod = await _one(version, 1)
        with pytest.raises(Refused):
            pod.program.http(port, path)
        await asyncio.sleep(10)
        answer = pod.program.http(port, path)
        assert (answer.status, answer.body) == (200, _sample("v5-http-status-18083"))
        assert pod.program.http(port, "/else").status == 404
        assert pod.program.listens(1883)
        assert pod.program.listens(4370)
        assert not pod.program.listens(4369)
        pod.program.terminate()
        await asyncio.sleep(2)
        assert pod.task.result() == 0
        assert not pod.program.listens(4370)

    run(play())


def test_an_exec_that_is_cut_leaves_the_join_running() -> None:
    async def play() -> None:
        stage = Stage("5.8.9")
        first, second = stage.start({}), stage.start({})
        await stage.all_ready()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(second.ctl("cluster", "join", first.node.name), 1.5)
        assert await stage.until(lambda: stage.whole, 5)
        for pod in stage.pods:
            pod.task.cancel()

    run(play())
