"""Which sockets a stand-in has: as real brokers were seen to, whether they are one cluster or not."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sandbox.emqx.rehearsal import RIGHT_ADDRESS, Stage, StagePod, run, settings

APPLICATIONS = {1883, 5369, 18083}


def play(version: str, scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        stage = Stage(version, 0)
        try:
            await scene(stage)
        finally:
            for pod in stage.pods:
                pod.task.cancel()

    run(whole())


async def joined(stage: Stage, count: int = 2) -> list[StagePod]:
    """Pods without discovery, gathered to the first."""
    pods = [stage.start({"EMQX_NAME": "emqx"}) for _ in range(count)]
    assert await stage.all_ready()
    await stage.gather()
    assert stage.whole
    return pods


def peers(pod: StagePod, port: int = 4370) -> set[str]:
    """Addresses with a connection that has this port at either end."""
    return {s.remote for s in pod.program.sockets() if not s.listens and port in (s.port, s.remote_port)}


def listening(pod: StagePod) -> set[int]:
    return {s.port for s in pod.program.sockets() if s.listens}


def others(pod: StagePod) -> set[str]:
    return {other.world.ip for other in pod.world.stage.live} - {pod.world.ip}


@pytest.mark.parametrize("version", ["4.4.19", "5.8.9"])
def test_each_of_a_cluster_is_connected_with_each_other_and_both_ends_show_it(version: str) -> None:
    async def scene(stage: Stage) -> None:
        pods = [stage.start(settings(stage.version, RIGHT_ADDRESS)) for _ in range(3)]
        assert await stage.all_ready()
        assert await stage.until(lambda: stage.whole)
        for pod in pods:
            assert peers(pod) == others(pod)
            assert listening(pod) >= APPLICATIONS | {4370}
        ends = [(s.local, s.port, s.remote, s.remote_port) for p in pods for s in p.program.sockets()]
        connections = [end for end in ends if end[2]]
        assert {(c, d, a, b) for a, b, c, d in connections} == set(connections)
        assert len(set(connections)) == len(connections)

    play(version, scene)


@pytest.mark.parametrize(("version", "expected"), [("4.4.19", True), ("5.8.9", False)])
def test_messages_have_a_connection_of_their_own_from_the_start_or_once_used(
    version: str, *, expected: bool
) -> None:
    async def scene(stage: Stage) -> None:
        one, other = await joined(stage)
        assert (peers(one, 5369) == {other.world.ip}) == expected
        one.world.switches["rpc"] = "used"
        assert [s for s in one.program.sockets() if s.remote_port == 5369]

    play(version, scene)


def test_a_lone_node_is_connected_with_nobody() -> None:
    async def scene(stage: Stage) -> None:
        pods = [stage.start({"EMQX_NAME": "emqx"}) for _ in range(2)]
        assert await stage.all_ready()
        assert [peers(pod) for pod in pods] == [set(), set()]

    play("5.8.9", scene)


def test_one_that_leaves_keeps_its_connections_so_that_they_are_no_membership() -> None:
    async def scene(stage: Stage) -> None:
        one, other = await joined(stage)
        await one.ctl("cluster", "leave")
        assert len(stage.islands()) == 2
        assert peers(one) == {other.world.ip}

    play("5.8.9", scene)


def test_while_the_applications_are_stopped_only_the_distribution_listens() -> None:
    async def scene(stage: Stage) -> None:
        one, other = [stage.start({"EMQX_NAME": "emqx"}, switches={"join": "hang"}) for _ in range(2)]
        assert await stage.all_ready()
        join = asyncio.ensure_future(one.ctl("cluster", "join", other.node.name))
        assert await stage.until(lambda: not one.node.serving)
        await asyncio.sleep(10)
        assert listening(one) == {4370}
        join.cancel()

    play("5.8.9", scene)


def test_a_listener_that_was_stopped_is_missing() -> None:
    async def scene(stage: Stage) -> None:
        (pod,) = [stage.start(settings(stage.version, RIGHT_ADDRESS), switches={"closed_ports": "1883"})]
        assert await stage.all_ready()
        assert 1883 not in listening(pod)
        assert 8883 in listening(pod)

    play("5.8.9", scene)


def test_a_peer_that_ends_is_lost_and_one_that_is_cut_off_only_after_a_while() -> None:
    async def scene(stage: Stage) -> None:
        one, cut, ended = await joined(stage, 3)
        stage.kill(ended)
        await asyncio.sleep(0.1)
        assert peers(one) == {cut.world.ip}
        stage.cuts.add(frozenset((one.world.ip, cut.world.ip)))
        await asyncio.sleep(60)
        assert peers(one) == {cut.world.ip}
        await asyncio.sleep(120)
        assert peers(one) == set()

    play("5.8.9", scene)
