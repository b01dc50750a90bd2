"""How stand-ins cluster, by version, on virtual time; a fake World serves one Endpoints object and nothing else."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import pace
from sandbox.emqx.rehearsal import DEAD_ADDRESS, RIGHT_ADDRESS, Stage, StagePod, run, settings
from sandbox.kubelet.container import Refused

SAMPLES = Path(__file__).parents[3] / "samples"
VERSIONS = ["4.4.19", "5.0.3", "5.4.1", "5.8.9"]
SEEDS = range(40)


def play(version: str, scene: Callable[[Stage], Awaitable[None]], seed: int = 0, **switches: str) -> None:
    """Run one scene and end all that it started."""

    async def whole() -> None:
        stage = Stage(version, seed, **switches)
        try:
            await scene(stage)
        finally:
            for pod in stage.pods:
                pod.task.cancel()

    run(whole())


async def three(stage: Stage, address: str, seconds: float = 40) -> list[StagePod]:
    """Three pods started at once."""
    pods = [stage.start(settings(stage.version, address)) for _ in range(3)]
    assert await stage.all_ready()
    await asyncio.sleep(seconds)
    return pods


async def joined(stage: Stage, count: int = 2) -> list[StagePod]:
    """Pods without discovery, gathered to the first."""
    pods = [stage.start({"EMQX_NAME": "emqx"}) for _ in range(count)]
    assert await stage.all_ready()
    await stage.gather()
    assert stage.whole
    return pods


def verdict(stage: Stage) -> str:
    if stage.whole:
        return "one"
    return "half-joined" if stage.half_joined() else "split"


def soak(
    version: str, *, gathered: bool, min_ready_seconds: float, seeds: range = SEEDS, **switches: str
) -> Counter[str]:
    """Rolling updates of three lone nodes to the right address."""
    found: Counter[str] = Counter()

    async def scene(stage: Stage) -> None:
        await three(stage, DEAD_ADDRESS, 20)
        if gathered:
            await stage.gather()
            assert stage.whole
        await stage.roll(settings(version, RIGHT_ADDRESS), min_ready_seconds)
        await asyncio.sleep(60)
        found[verdict(stage)] += 1

    for seed in seeds:
        play(version, scene, seed, **switches)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dead_address_leaves_lone_nodes(version: str) -> None:
    async def scene(stage: Stage) -> None:
        pods = await three(stage, DEAD_ADDRESS)
        assert len(stage.islands()) == 3
        assert all(pod.ready_since is not None for pod in pods)

    play(version, scene)


@pytest.mark.parametrize("version", VERSIONS)
def test_three_at_once_become_one_cluster(version: str) -> None:
    """Fourteen of fourteen did so on real 4.4.19 and 5.8.9; the discovery code allows for a rare exception."""
    found: Counter[str] = Counter()

    async def scene(stage: Stage) -> None:
        await three(stage, RIGHT_ADDRESS)
        found[verdict(stage)] += 1

    for seed in SEEDS:
        play(version, scene, seed)
    assert found["one"] >= 34, found


@pytest.mark.parametrize("version", VERSIONS)
def test_rights_given_later_heal_without_a_restart(version: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.failure = Refused()
        await three(stage, RIGHT_ADDRESS)
        assert len(stage.islands()) == 3
        stage.failure = None
        await asyncio.sleep(30)
        assert stage.whole

    play(version, scene)


@pytest.mark.parametrize("version", ["4.4.19", "5.8.9"])
def test_a_plain_roll_of_lone_nodes_damages_a_good_share(version: str) -> None:
    found = soak(version, gathered=False, min_ready_seconds=0)
    assert found.total() - found["one"] >= 8, found
    if version == "4.4.19":
        assert not found["half-joined"], found


@pytest.mark.parametrize("version", ["4.4.19", "5.8.9"])
def test_waiting_alone_does_not_save_a_roll_of_lone_nodes(version: str) -> None:
    found = soak(version, gathered=False, min_ready_seconds=20)
    assert found["split"] >= 15, found


def test_gathered_alone_does_not_save_a_roll_on_5x() -> None:
    found = soak("5.8.9", gathered=True, min_ready_seconds=0)
    assert found["half-joined"] >= 8, found


@pytest.mark.parametrize("version", VERSIONS)
def test_gathered_and_twenty_seconds_end_in_one_cluster(version: str) -> None:
    assert soak(version, gathered=True, min_ready_seconds=20) == {"one": 40}


@pytest.mark.parametrize("version", VERSIONS)
def test_so_they_do_at_the_pace_of_stories_in_half_the_seconds(version: str) -> None:
    found = soak(
        version, gathered=True, min_ready_seconds=pace.SAFE_SECONDS, seeds=range(10), **pace.STAND_INS
    )
    assert found == {"one": 10}


@pytest.mark.parametrize("version", VERSIONS)
def test_at_the_pace_of_stories_no_chance_decides_whether_members_meet(version: str) -> None:
    """A story that begins with a whole cluster would else, now and then, begin with a split one."""
    found: Counter[str] = Counter()

    async def scene(stage: Stage) -> None:
        await three(stage, RIGHT_ADDRESS)
        found[verdict(stage)] += 1

    for seed in SEEDS:
        play(version, scene, seed, **pace.STAND_INS)
    assert found == {"one": 40}


@pytest.mark.parametrize("version", VERSIONS)
def test_its_own_times_follow_the_pace(version: str) -> None:
    took: list[float] = []

    async def scene(stage: Stage) -> None:
        began = asyncio.get_running_loop().time()
        await three(stage, DEAD_ADDRESS, 0)
        await stage.gather()
        took.append(asyncio.get_running_loop().time() - began)

    for given in ("1", "0.5"):
        play(version, scene, pace=given)
    assert 0.4 < took[1] / took[0] < 0.6


@pytest.mark.parametrize("version", VERSIONS)
def test_a_join_wipes_the_joiner(version: str) -> None:
    async def scene(stage: Stage) -> None:
        first, second = [stage.start({}), stage.start({}, switches={"retained": "7"})]
        await stage.all_ready()
        await first.ctl("admins", "add", "ann", "secret", "x")
        await second.ctl("admins", "add", "bob", "secret", "x")
        assert "retained.count                : 7" in (await second.ctl("broker", "stats"))[1]
        code, out, _ = await second.ctl("cluster", "join", first.node.name)
        assert (code, out.splitlines()[0]) == (0, "Join the cluster successfully.")
        assert second.node.database.schema.tables["dashboard_users"].keys() == {"admin", "ann"}
        assert "retained.count                : 0" in (await second.ctl("broker", "stats"))[1]

    play(version, scene)


def test_joining_elsewhere_leaves_the_name_behind() -> None:
    async def scene(stage: Stage) -> None:
        first, second = await joined(stage)
        third = stage.start({})
        await stage.all_ready()
        await second.ctl("cluster", "join", third.node.name)
        assert first.node.database.view() == ([first.node.name], [second.node.name])
        assert second.node.database.view() == (sorted([second.node.name, third.node.name]), [])

    play("5.8.9", scene)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", ["delete", "kill"])
def test_a_stopped_node_is_seen_at_once_and_can_be_forced_out(version: str, how: str) -> None:
    async def scene(stage: Stage) -> None:
        first, second = await joined(stage)
        getattr(stage, how)(second)
        await asyncio.wait({second.task})
        assert first.node.database.view() == ([first.node.name], [second.node.name])
        code, out, _ = await first.ctl("cluster", "force-leave", second.node.name)
        assert (code, out.splitlines()[0]) == (0, "Remove the node from cluster successfully.")
        code, out, _ = await first.ctl("cluster", "force-leave", second.node.name)
        assert (code, out) == (0, "Failed to remove the node from cluster: node_not_in_cluster\n")

    play(version, scene)


@pytest.mark.parametrize(("version", "back"), [("4.4.19", True), ("5.8.9", False)])
def test_a_live_node_that_is_forced_out_comes_back_on_4x_only(version: str, *, back: bool) -> None:
    async def scene(stage: Stage) -> None:
        first, second, _ = await three(stage, RIGHT_ADDRESS)
        assert stage.whole
        await first.ctl("cluster", "force-leave", second.node.name)
        assert second.node.database.fresh
        await asyncio.sleep(20)
        assert stage.whole == back
        if not back:
            await second.ctl("cluster", "discovery", "enable")
            await asyncio.sleep(12)
            assert stage.whole

    play(version, scene)


def test_leave_disables_discovery_on_5_8() -> None:
    async def scene(stage: Stage) -> None:
        _, second, _ = await three(stage, RIGHT_ADDRESS)
        code, out, _ = await second.ctl("cluster", "leave")
        first_line = (
            (SAMPLES / "format" / "v5.6.1plus-leave-ok-autocluster-disabled.txt").read_text().splitlines()[0]
        )
        assert code == 0
        assert out.splitlines()[0] == first_line.replace("emqx@10.244.1.5", second.node.name)
        assert out.splitlines()[1] == "Leave the cluster successfully."
        await asyncio.sleep(20)
        assert not stage.whole

    play("5.8.9", scene)


def test_first_form_answers_alone_and_discovery_enable_cures_it() -> None:
    async def scene(stage: Stage) -> None:
        await three(stage, RIGHT_ADDRESS)
        switches = {"join": "fail"}
        new = stage.start(settings("5.8.9", RIGHT_ADDRESS), switches=switches)
        await asyncio.sleep(20)
        text = "\n".join(new.world.lines)
        assert "[warning] msg: Stopping mria, reason: join" in text
        assert (
            "Generic server ekka_autocluster terminating. Reason: {bad_return_value,{error,{failed_to_connect"
            in text
        )
        assert not new.node.serving
        assert (await new.ctl("status"))[1] == f"Node '{new.node.name}' 5.8.9 is started\n"
        assert new.node.name in (await new.ctl("cluster", "status"))[1]
        assert (await new.ctl("admins", "add", "a", "b"))[0] == 1
        with pytest.raises(Refused):
            new.program.http(18083, "/status")
        await asyncio.sleep(300)
        assert not new.node.serving
        switches.clear()
        _, out, _ = await new.ctl("cluster", "discovery", "enable")
        assert out == "Automatic cluster discovery enabled.\n"
        assert await stage.until(lambda: stage.whole, 20)

    play("5.8.9", scene)


def test_second_form_is_listed_by_all_and_only_a_new_pod_cures_it() -> None:
    async def scene(stage: Stage) -> None:
        pods = await three(stage, RIGHT_ADDRESS)
        hung = stage.start(settings("5.8.9", RIGHT_ADDRESS), switches={"join": "hang"})
        await asyncio.sleep(30)
        assert not hung.node.serving
        assert all(hung.node.name in pod.node.database.view()[0] for pod in pods)
        assert len(hung.node.database.view()[0]) == 4
        assert (await hung.ctl("cluster", "discovery", "enable"))[0] == 0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(hung.ctl("cluster", "join", pods[0].node.name), 40)
        code, out, _ = await hung.ctl("cluster", "leave")
        assert (code, out) == (1, "")
        assert "ctl_command_crashed" in hung.world.lines[-1]
        assert "reason: timeout" in hung.world.lines[-1]
        waiting = stage.start(settings("5.8.9", RIGHT_ADDRESS))
        await asyncio.sleep(60)
        assert waiting.node.database.fresh
        stage.delete(hung)
        assert await stage.until(lambda: stage.whole, 40)

    play("5.8.9", scene)


def test_4x_restarts_its_applications_for_a_join() -> None:
    async def scene(stage: Stage) -> None:
        first, second = stage.start({}), stage.start({}, switches={"join_seconds": "20"})
        await stage.all_ready()
        task = asyncio.ensure_future(second.ctl("cluster", "join", first.node.name))
        await asyncio.sleep(5)
        code, out, _ = await second.ctl("cluster", "status")
        captured = (SAMPLES / "captured" / "4.4.19-while-joining.txt").read_text()
        body = "".join(line for line in captured.splitlines(keepends=True) if line[0] not in "#$")
        assert code == 1
        assert out.split() == body.replace("emqx@10.244.0.49", second.node.name).split()
        assert (await task)[0] == 0

    play("4.4.19", scene)


def test_a_cut_connection_is_noticed_late_and_heals_later() -> None:
    async def scene(stage: Stage) -> None:
        first, second = await joined(stage)
        stage.cuts.add(frozenset((first.world.ip, second.world.ip)))
        await asyncio.sleep(120)
        assert stage.whole
        await asyncio.sleep(30)
        assert first.node.database.view() == ([first.node.name], [second.node.name])
        assert second.node.database.view() == ([second.node.name], [first.node.name])
        stage.cuts.clear()
        await asyncio.sleep(14)
        assert not stage.whole
        assert await stage.until(lambda: stage.whole, 15)

    for version in ("4.4.19", "5.8.9"):
        play(version, scene)


def test_dead_names_are_forgotten_by_version() -> None:
    async def scene(stage: Stage) -> None:
        first, second = await joined(stage)
        stage.delete(second)
        await asyncio.sleep(290)
        assert first.node.database.in_cluster
        await asyncio.sleep(100)
        assert first.node.database.in_cluster == (stage.version != "4.4.19")
        await asyncio.sleep(86400 * 1.3)
        assert first.node.database.in_cluster == (stage.version == "5.0.3")

    for version in ("4.4.19", "5.0.3", "5.8.9"):
        play(version, scene)


@pytest.mark.parametrize("kept", [True, False])
def test_a_restart_with_data_comes_back_by_itself(*, kept: bool) -> None:
    async def scene(stage: Stage) -> None:
        first = stage.start({})
        volumes: dict[str, object] = {"/opt/emqx/data": {}} if kept else {}
        second = stage.start({}, volumes=volumes)
        await stage.all_ready()
        await stage.gather()
        stage.kill(second)
        await asyncio.sleep(1)
        again = stage.start({}, ip=second.world.ip, volumes=volumes)
        await asyncio.sleep(20)
        assert (again.node.name in first.node.database.view()[0]) == kept
        assert again.node.database.in_cluster == kept

    play("5.8.9", scene)


def test_a_node_waits_for_tables_of_the_last_one_to_go() -> None:
    async def scene(stage: Stage) -> None:
        volumes: list[dict[str, object]] = [{"/opt/emqx/data": {}}, {"/opt/emqx/data": {}}]
        first, second = (stage.start({}, volumes=volume) for volume in volumes)
        await stage.all_ready()
        await stage.gather()
        stage.delete(first)
        await asyncio.sleep(5)
        stage.delete(second)
        await asyncio.sleep(5)
        first = stage.start({}, ip=first.world.ip, volumes=volumes[0])
        await asyncio.sleep(60)
        assert not first.node.serving
        assert any("still waiting for table(s)" in line for line in first.world.lines)
        assert not any("reason: join" in line for line in first.world.lines)
        stage.start({}, ip=second.world.ip, volumes=volumes[1])
        assert await stage.all_ready()
        assert stage.whole

    play("5.8.9", scene)


def test_a_single_node_licence_stops_the_vm_that_joins() -> None:
    async def scene(stage: Stage) -> None:
        for _ in range(2):
            stage.start(settings("5.9.0", RIGHT_ADDRESS))
        await asyncio.sleep(40)
        ended = [pod for pod in stage.pods if pod.task.done()]
        assert [pod.task.result() for pod in ended] == [1]
        assert "SINGLE_NODE_LICENSE" in ended[0].world.lines[-1]

    play("5.9.0", scene)
