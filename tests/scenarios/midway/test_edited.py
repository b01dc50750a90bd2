"""A workload whose template a person changes while it is being repaired: theirs goes first, and both arrive."""

import manifests
from phases import NO_SCHEME, Disturbed, in_repair, lone_members, slowed, until_one_cluster
from story import Story, env_of

APISERVER = "EMQX_CLUSTER__K8S__APISERVER"


async def edit(disturbed: Disturbed, value: str = "debug") -> None:
    await disturbed.kubectl(f"set env WORKLOAD EMQX_LOG__CONSOLE__LEVEL={value}")


async def settings(disturbed: Disturbed) -> tuple[str | None, str | None]:
    workload = await disturbed.story.get(disturbed.kind)
    assert workload
    env = env_of(workload)
    return env.get(APISERVER), env.get("EMQX_LOG__CONSOLE__LEVEL")


async def test_asked_for_in_the_middle_of_a_persons_rollout_the_repair_waits_for_its_end(
    story: Story,
) -> None:
    disturbed = await lone_members(story, "4.4.19", kind="StatefulSet")
    await edit(disturbed)
    await story.annotate(kind="StatefulSet", mode="Repair")

    async def told() -> bool:
        formed = await story.condition("ClusterFormed")
        words = "a rollout goes on: ", "of 2 pods updated"
        return formed.get("reason") == "TargetProgressing" and all(w in formed["message"] for w in words)

    await story.until("that a rollout goes on, and how far it is", told)
    await disturbed.kubectl("rollout status WORKLOAD --timeout=180s")
    assert disturbed.joins() == disturbed.template_patches() == 0, "nothing while a rollout goes on"

    await until_one_cluster(disturbed)
    assert await settings(disturbed) == (manifests.CANONICAL, "debug")
    assert await story.rollouts("StatefulSet") == 2, "the person's and the repair's"


async def test_rolled_back_to_before_it_was_enrolled_it_is_left_and_that_is_told(story: Story) -> None:
    """`kubectl rollout undo` brings a Deployment's old annotations back as well: the mode is gone with it."""
    disturbed = await lone_members(story, "5.4.1")
    await edit(disturbed)
    await disturbed.kubectl("rollout status WORKLOAD --timeout=180s")
    await slowed(story)
    await story.annotate(mode="Repair")
    await disturbed.until_gathering()
    await disturbed.kubectl("rollout undo WORKLOAD")
    assert await settings(disturbed) == (NO_SCHEME, None)

    async def told() -> list[str]:
        return [e["note"] for e in await story.events("Deployment") if e["reason"] == "NotEnrolled"]

    (note,) = await story.until("an event on the workload", told)
    assert "the annotation emqx-autocluster.io/mode is gone in the middle of a repair" in note
    assert "open: JoinCluster Pod/emqx-" in note
    go_on = f"kubectl annotate -n {story.namespace} deployment/emqx emqx-autocluster.io/mode=Repair"
    assert go_on in note
    await story.shell(go_on)
    await until_one_cluster(disturbed)
    assert await settings(disturbed) == (manifests.CANONICAL, None), (
        "they undid their own change, not a repair"
    )
    assert disturbed.template_patches() == 1


async def test_edited_in_the_middle_of_the_rollout(story: Story) -> None:
    disturbed = await in_repair(story, "5.8.9")
    await disturbed.until_rolling()
    joins = disturbed.joins()
    await edit(disturbed)
    await until_one_cluster(disturbed)
    assert await settings(disturbed) == (manifests.CANONICAL, "debug")
    assert await story.rollouts() == 2
    assert (disturbed.joins(), disturbed.template_patches()) == (joins, 1)


async def test_asked_for_no_more_while_its_rollout_is_held_it_is_let_go(story: Story) -> None:
    """Else it would stay held for ever: nobody looks after it any more."""
    disturbed = await in_repair(story, "5.8.9", kind="StatefulSet")
    await disturbed.until_rolling()
    assert await partition(disturbed) > 0
    await story.annotate(kind="StatefulSet", mode=None)

    async def let_go() -> bool:
        return await partition(disturbed) == 0 and await story.get("EMQXAutoCluster") is None

    await story.until("the partition put back, and the resource gone", let_go, seconds=60, watched=True)
    await disturbed.kubectl("rollout status WORKLOAD --timeout=240s")


async def partition(disturbed: Disturbed) -> int:
    workload = await disturbed.story.get(disturbed.kind)
    assert workload
    return int((workload["spec"]["updateStrategy"].get("rollingUpdate") or {}).get("partition") or 0)
