"""A workload that is scaled while it is being repaired: it ends as one cluster of the size that was asked for."""

from phases import Disturbed, in_repair, until_one_cluster
from story import Story, condition


async def scale(disturbed: Disturbed, replicas: int) -> None:
    await disturbed.kubectl(f"scale WORKLOAD --replicas={replicas}")


async def left_alone_at_zero(disturbed: Disturbed) -> None:
    """At zero it is told, and no pod is looked into, not even one that is still ending."""
    story = disturbed.story
    told = await story.until_condition("Accepted", "False", "ScaledToZero")
    assert told["message"] == "replicas is 0: there is no member to look at; scale it up"
    told_beside = await story.condition("RBACReady")
    assert told_beside["message"] == "nothing is looked at while replicas is 0"
    ready = await story.condition("Ready")
    assert (ready["status"], ready["message"]) == ("False", told["message"])
    execs, patches = disturbed.execs(), disturbed.template_patches()
    await disturbed.until_looked_again()
    assert (disturbed.execs(), disturbed.template_patches()) == (execs, patches)


async def test_scaled_to_zero_while_its_members_are_gathered_and_back(story: Story) -> None:
    disturbed = await in_repair(story, "5.8.9")
    await disturbed.until_gathering()
    await scale(disturbed, 0)
    await left_alone_at_zero(disturbed)

    await scale(disturbed, 2)
    await until_one_cluster(disturbed)
    assert await story.rollouts() == 1


async def test_scaled_to_zero_in_the_middle_of_the_rollout_and_back(story: Story) -> None:
    disturbed = await in_repair(story, "5.4.1", kind="StatefulSet")
    await disturbed.until_rolling()
    await scale(disturbed, 0)
    await left_alone_at_zero(disturbed)
    joins = disturbed.joins()

    await scale(disturbed, 2)
    await until_one_cluster(disturbed)
    assert disturbed.joins() == joins, "with the right address and rights they find each other"
    assert await story.rollouts("StatefulSet") == 1


async def test_scaled_up_when_rights_were_just_given(story: Story) -> None:
    disturbed = await in_repair(story, "4.4.19", replicas=1)
    await disturbed.until_granting()
    await scale(disturbed, 2)
    await until_one_cluster(disturbed)
    assert await story.rollouts() == 1
    assert disturbed.template_patches() == 1


async def test_scaled_down_while_the_names_of_old_pods_are_removed(story: Story) -> None:
    disturbed = await in_repair(story, "5.8.9")
    await disturbed.until_clearing()
    await scale(disturbed, 1)
    resource = await until_one_cluster(disturbed, 1)
    assert condition(resource, "Ready")["reason"] == "SingleMember"
    assert await story.rollouts() == 1
    assert disturbed.joins() == 1
