"""The stand-in's discovery: its one request, and the log line of each failure as in the samples."""

import asyncio
from pathlib import Path

import pytest

from sandbox.emqx.rehearsal import DEAD_ADDRESS, RIGHT_ADDRESS, Stage, StagePod, run, settings
from sandbox.kubelet.container import NameNotFound, Refused, Response, TimedOut, TLSAlert

SAMPLES = Path(__file__).parents[3] / "samples" / "format"
FORBIDDEN = (
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"endpoints \\"emqx\\" is forbidden: '
    'User \\"system:serviceaccount:default:default\\" cannot get resource \\"endpoints\\" in API group \\"\\" in the '
    'namespace \\"default\\"","reason":"Forbidden","details":{"name":"emqx","kind":"endpoints"},"code":403}'
)


def _sample(name: str) -> str:
    return (SAMPLES / f"{name}.txt").read_text().rstrip("\n")


def _log(
    version: str, address: str, *, failure: Exception | None = None, answer: Response | None = None
) -> list[str]:
    async def play() -> StagePod:
        stage = Stage(version)
        stage.failure, stage.answer = failure, answer
        pod = stage.start(settings(version, address))
        await asyncio.sleep(20)
        pod.task.cancel()
        return pod

    return run(play()).world.lines


@pytest.mark.parametrize(
    ("version", "address", "failure", "sample"),
    [
        ("4.4.19", "http://10.110.111.204:8080", Refused(), "log-httpc-econnrefused"),
        ("4.4.19", "http://10.110.111.204:8080", TimedOut(), "log-httpc-timeout"),
        ("5.4.1", RIGHT_ADDRESS, NameNotFound(), "log-httpc-nxdomain"),
        ("5.4.1", RIGHT_ADDRESS, TLSAlert("unknown_ca"), "log-httpc-unknown-ca"),
        ("5.0.3", "kubernetes.default.svc", None, "log-httpc-no-scheme"),
        ("5.4.1", "kubernetes.default.svc:443", None, "log-httpc-bad-scheme-host-port"),
        ("5.8.9", RIGHT_ADDRESS, NameNotFound(), "log-hackney-nxdomain"),
        ("5.8.9", RIGHT_ADDRESS, Refused(), "log-hackney-econnrefused"),
        ("5.8.9", RIGHT_ADDRESS, TimedOut(), "log-hackney-connect-timeout"),
        ("5.8.9", RIGHT_ADDRESS, TLSAlert("unknown_ca"), "log-hackney-unknown-ca"),
    ],
)
def test_log_line(version: str, address: str, failure: Exception | None, sample: str) -> None:
    lines = _log(version, address, failure=failure)
    assert any(line.endswith(f"+00:00 [error] {_sample(sample)}") for line in lines), lines


def test_forbidden_with_the_body_and_without() -> None:
    answer = Response(403, FORBIDDEN)
    assert any(_sample("log-httpc-403") in line for line in _log("4.4.19", RIGHT_ADDRESS, answer=answer))
    hackney = [line for line in _log("5.8.9", RIGHT_ADDRESS, answer=answer) if "Discovery error" in line]
    assert all("{403,#Ref<0." in line for line in hackney)


def test_an_address_without_a_scheme_is_plain_http_to_hackney() -> None:
    async def play() -> list[tuple[str, str]]:
        stage = Stage("5.8.9")
        pod = stage.start(settings("5.8.9", "kubernetes.default.svc:443"))
        await asyncio.sleep(10)
        pod.task.cancel()
        return stage.requests

    assert run(play())[0][0] == "http://kubernetes.default.svc:443/api/v1/namespaces/iot/endpoints/emqx"


@pytest.mark.parametrize(("version", "per_round"), [("4.4.19", 1), ("5.0.3", 2), ("5.4.1", 2), ("5.8.9", 2)])
def test_one_get_per_round_and_a_second_one_on_5x(version: str, per_round: int) -> None:
    async def play() -> list[tuple[str, str]]:
        stage = Stage(version)
        pod = stage.start(settings(version, DEAD_ADDRESS))
        await stage.until(lambda: len(stage.requests) > 0)
        await asyncio.sleep(4)
        pod.task.cancel()
        return stage.requests

    requests = run(play())
    assert requests == [(f"{DEAD_ADDRESS}/api/v1/namespaces/iot/endpoints/emqx", "Bearer t0ken")] * per_round


def test_without_a_token_the_header_is_empty() -> None:
    async def play() -> tuple[list[str], str]:
        stage = Stage("5.8.9")
        pod = stage.start(settings("5.8.9", RIGHT_ADDRESS), files={})
        await asyncio.sleep(20)
        pod.task.cancel()
        return pod.world.lines, stage.requests[0][1]

    lines, header = run(play())
    assert header == "Bearer "
    assert any(line.endswith(f"[error] {_sample('log-token-missing')}") for line in lines)


def test_hostname_type_without_hostnames_in_the_endpoints() -> None:
    hosts = b"10.244.0.11\temqx-11.emqx.iot.svc.cluster.local\n"
    more = {"EMQX_CLUSTER__K8S__ADDRESS_TYPE": "hostname", "EMQX_CLUSTER__K8S__SUFFIX": "svc.cluster.local"}

    async def play() -> list[str]:
        stage = Stage("5.8.9")
        pod = stage.start(settings("5.8.9", RIGHT_ADDRESS) | more, files={"/etc/hosts": hosts})
        await asyncio.sleep(20)
        pod.task.cancel()
        return pod.world.lines

    assert any(_sample("log-hostname-missing-badkey") in line for line in run(play()))


def test_4x_variables_on_5x_are_logged_and_ignored() -> None:
    async def play() -> tuple[list[str], int]:
        stage = Stage("5.8.9")
        pod = stage.start(settings("4.4.19", RIGHT_ADDRESS))
        await asyncio.sleep(20)
        pod.task.cancel()
        return pod.world.lines, len(stage.requests)

    lines, requests = run(play())
    assert any(_sample("log-5.x-unknown-env") in line for line in lines)
    assert requests == 0


def _dns(version: str, stage: Stage, **more: str) -> dict[str, str]:
    old = version.startswith("4.")
    kind = "DNS__TYPE" if old else "DNS__RECORD_TYPE"
    given = {
        "DISCOVERY" if old else "DISCOVERY_STRATEGY": "dns",
        "DNS__NAME": "emqx.iot.svc.cluster.local",
        kind: "a",
        **({"DNS__APP": "emqx"} if old else {}),
    }
    stage.records[("emqx.iot.svc.cluster.local", "A")] = ["10.244.0.11", "10.244.0.12"]
    return {f"EMQX_CLUSTER__{key}": value for key, value in (given | more).items()} | {"EMQX_NAME": "emqx"}


@pytest.mark.parametrize("version", ["4.4.19", "5.0.3", "5.8.9"])
def test_strategy_dns_finds_its_peers_by_a_records(version: str) -> None:
    async def play() -> set[int]:
        stage = Stage(version)
        pods = [stage.start(_dns(version, stage)) for _ in range(2)]
        await asyncio.sleep(40)
        views = {len(pod.node.database.schema.db_nodes) for pod in pods}
        for pod in pods:
            pod.task.cancel()
        return views

    assert run(play()) == {2}


def test_a_short_name_finds_nobody_and_says_nothing() -> None:
    async def play() -> tuple[int, list[str]]:
        stage = Stage("5.8.9")
        pod = stage.start(_dns("5.8.9", stage, DNS__NAME="emqx"))
        await asyncio.sleep(60)
        pod.task.cancel()
        return len(pod.node.database.schema.db_nodes), pod.world.lines

    size, lines = run(play())
    assert size == 1
    assert not [line for line in lines if "AutoCluster" in line]


def test_strategy_static_finds_its_seeds() -> None:
    env = {
        "EMQX_CLUSTER__DISCOVERY_STRATEGY": "static",
        "EMQX_CLUSTER__STATIC__SEEDS": '["emqx@10.244.0.11", "emqx@10.244.0.12"]',
    }

    async def play() -> set[int]:
        stage = Stage("5.8.9")
        pods = [stage.start(env) for _ in range(2)]
        await asyncio.sleep(40)
        views = {len(pod.node.database.schema.db_nodes) for pod in pods}
        for pod in pods:
            pod.task.cancel()
        return views

    assert run(play()) == {2}
