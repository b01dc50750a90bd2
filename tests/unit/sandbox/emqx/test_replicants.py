"""How stand-ins with role replicant behave, as real 5.4.1 did."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sandbox.emqx.rehearsal import DEAD_ADDRESS, RIGHT_ADDRESS, Stage, StagePod, run, settings

ROLE = {"EMQX_NODE__ROLE": "replicant"}
VERSION = "5.4.1"


def play(scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        stage = Stage(VERSION)
        try:
            await scene(stage)
        finally:
            for pod in stage.pods:
                pod.task.cancel()

    run(whole())


async def cluster(stage: Stage, address: str = RIGHT_ADDRESS) -> tuple[list[StagePod], list[StagePod]]:
    """Two cores in one cluster, and two replicants that ask at the address."""
    cores = [stage.start(settings(VERSION, RIGHT_ADDRESS)) for _ in range(2)]
    assert await stage.all_ready()
    assert await stage.until(lambda: len(stage.islands()) == 1 and stage.islands()[0] == set(names(cores)))
    replicants = [stage.start(settings(VERSION, address, **ROLE)) for _ in range(2)]
    await asyncio.sleep(30)
    return cores, replicants


def names(pods: list[StagePod]) -> list[str]:
    return [pod.node.name for pod in pods]


def running(pod: StagePod) -> set[str]:
    return set(pod.node.view()[0])


def test_all_list_all() -> None:
    async def scene(stage: Stage) -> None:
        cores, replicants = await cluster(stage)
        everybody = set(names(cores + replicants))
        assert [running(pod) for pod in cores + replicants] == [everybody] * 4
        assert all(pod.node.serving for pod in replicants)
        assert all(not pod.node.database.in_cluster for pod in replicants)

    play(scene)


def test_without_a_core_it_waits_in_its_boot_and_says_why() -> None:
    async def scene(stage: Stage) -> None:
        _, [waiting, _] = await cluster(stage, DEAD_ADDRESS)
        assert running(waiting) == {waiting.node.name}
        assert (waiting.node.serving, waiting.ready_since) == (False, None)
        assert "Core node discovery error" in waiting.world.lines[-1]

    play(scene)


def test_with_all_cores_gone_it_stays_started_and_serves_again_once_one_is_back() -> None:
    async def scene(stage: Stage) -> None:
        cores, replicants = await cluster(stage)
        for core in cores:
            stage.kill(core)
        await asyncio.sleep(10)
        assert [running(pod) for pod in replicants] == [set(names(replicants))] * 2
        assert all(pod.node.serving for pod in replicants)
        back = stage.start(settings(VERSION, RIGHT_ADDRESS))
        assert await stage.until(lambda: back.ready_since is not None)
        await asyncio.sleep(10)
        assert [running(pod) for pod in replicants] == [set(names([*replicants, back]))] * 2

    play(scene)


def test_one_that_ends_leaves_nothing_behind() -> None:
    async def scene(stage: Stage) -> None:
        cores, [gone, _] = await cluster(stage)
        stage.kill(gone)
        await asyncio.sleep(1)
        assert [gone.node.name in {*up, *down} for up, down in (core.node.view() for core in cores)] == [
            False,
            False,
        ]

    play(scene)


def test_a_join_pins_it_until_it_leaves() -> None:
    async def scene(stage: Stage) -> None:
        [first, second], [pinned, _] = await cluster(stage, DEAD_ADDRESS)
        assert (await pinned.ctl("cluster", "join", second.node.name))[
            1
        ] == "Join the cluster successfully.\n"
        await asyncio.sleep(5)
        assert first.node.name in running(pinned)
        stage.failure = None
        stage.kill(second)
        await asyncio.sleep(5)
        assert running(pinned) == {pinned.node.name}
        assert "Leave the cluster successfully." in (await pinned.ctl("cluster", "leave"))[1]
        assert pinned.node.replicant
        assert pinned.node.replicant.pinned == ""

    play(scene)


def test_a_core_joins_no_replicant() -> None:
    async def scene(stage: Stage) -> None:
        [core, _], [replicant, _] = await cluster(stage)
        lone = stage.start(settings(VERSION, DEAD_ADDRESS))
        assert await stage.until(lambda: lone.ready_since is not None)
        said = (await lone.ctl("cluster", "join", replicant.node.name))[1]
        assert "cannot_join_to_replicant" in said
        assert "already_in_cluster" in (await replicant.ctl("cluster", "join", core.node.name))[1]

    play(scene)


@pytest.mark.parametrize(
    ("image", "version", "starts"),
    [
        ("emqx/emqx", "5.8.9", False),
        ("emqx/emqx-enterprise", "5.8.9", True),
        ("emqx/emqx", "5.4.1", True),
        ("emqx/emqx", "5.10.0", True),
    ],
)
def test_the_open_source_edition_refuses_the_role_from_5_8_on(image: str, version: str, starts: bool) -> None:  # noqa: FBT001
    async def scene(stage: Stage) -> None:
        pod = stage.start(settings(version, RIGHT_ADDRESS, **ROLE), image=image, version=version)
        await asyncio.sleep(20)
        assert pod.task.done() != starts
        assert any("only allowed in Enterprise" in line for line in pod.world.lines) != starts

    play(scene)
