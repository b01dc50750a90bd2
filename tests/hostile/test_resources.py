"""A second resource for somebody's workload, whose name comes first in the alphabet, and as often as asked for."""

import manifests
from story import Story, condition


async def test_a_second_resource_takes_no_workload_over_and_is_told(story: Story) -> None:
    workload = manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=0)
    await story.apply(workload)
    await story.annotate(mode="Observe")
    await story.until_condition("Accepted", "False", "ScaledToZero")
    seized = manifests.custom_resource(
        story.namespace, name="aaa", repair={"seed": "mine"}, healing={"splitPolicy": "LargestWins"}
    )
    seized["spec"]["targetRef"]["name"] = "emqx"
    await story.apply(seized)

    told = await story.until_condition("Accepted", "False", "OlderResourceCounts", name="aaa")

    assert "EMQXAutoCluster emqx is about deployment/emqx as well and is older" in told["message"]
    assert condition(await story.resource(), "Accepted")["reason"] == "ScaledToZero"
    await story.delete("EMQXAutoCluster", "emqx")
    await story.until_condition("Accepted", "False", "ScaledToZero", name="aaa")
