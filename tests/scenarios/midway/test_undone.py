"""`kubectl rollout undo` of a repair that is under way: a person's decision, so the operator stops and says so."""

import manifests
from phases import Disturbed, in_repair, until_one_cluster
from requests_seen import RequestsSeen
from story import Story, condition, env_of

APISERVER = "EMQX_CLUSTER__K8S__APISERVER"
DEAD_PROXY = "http://192.168.1.31:8888"


async def undo(disturbed: Disturbed) -> None:
    await disturbed.kubectl("rollout undo WORKLOAD")


async def stopped(disturbed: Disturbed, address: str) -> None:
    """It says who stopped it and how to go on, and touches neither the workload nor its members."""
    story = disturbed.story
    told = await story.until_condition("ConfigurationValid", "False", "ExternalRevert", seconds=180)
    assert f"somebody rolled back to {address}, so it is left alone" in told["message"]
    assert (
        f"kubectl annotate {disturbed.kind.lower()}/emqx emqx-autocluster.io/roll=now -n {story.namespace}"
        in told["message"]
    )
    joins, patches = disturbed.joins(), disturbed.template_patches()
    await disturbed.kubectl("rollout status WORKLOAD --timeout=90s")
    await disturbed.until_looked_again()
    resource = await story.resource()
    assert condition(resource, "ConfigurationValid")["reason"] == "ExternalRevert"
    assert condition(resource, "Ready")["reason"] == "ExternalRevert"
    assert (disturbed.joins(), disturbed.template_patches()) == (joins, patches)
    workload = await story.get(disturbed.kind)
    assert workload
    assert env_of(workload)[APISERVER] == address


async def go_on(disturbed: Disturbed) -> None:
    await disturbed.kubectl("annotate WORKLOAD emqx-autocluster.io/roll=now")


async def test_undone_in_the_middle_of_the_rollout_it_stops_until_told_to_go_on(story: Story) -> None:
    await story.apply(
        manifests.service(story.namespace),
        manifests.deployment("5.8.9", story.namespace, DEAD_PROXY, replicas=2),
    )
    await story.until_lone(2)
    disturbed = Disturbed(story, "Deployment", RequestsSeen.from_now(story))
    await story.annotate(mode="Repair")
    await disturbed.until_rolling()
    await undo(disturbed)
    await stopped(disturbed, DEAD_PROXY)

    await go_on(disturbed)
    await until_one_cluster(disturbed)
    workload = await story.get("Deployment")
    assert workload
    assert env_of(workload)[APISERVER] == manifests.CANONICAL
    assert disturbed.template_patches() == 2


async def test_undone_in_the_middle_of_the_rollout_of_a_stateful_set(story: Story) -> None:
    """Its annotations stay as they are; that it was a rollback shows by who wrote the old value."""
    disturbed = await in_repair(story, "4.4.19", kind="StatefulSet")
    await disturbed.until_rolling()
    await undo(disturbed)
    await stopped(disturbed, "kubernetes.default.svc:443")
    assert await story.rollouts("StatefulSet") == 1, "the old revision again"
    formed = await story.until_condition("ClusterFormed", "False", seconds=180)
    assert "2 clusters instead of one" in formed["message"]
    await disturbed.until_looked_again()
    assert disturbed.joins() == 1, "the one from before"
