"""Pods that break while their workload is being repaired: which one, and why, in Kubernetes' own words."""

from typing import Any

from phases import Disturbed, in_repair, not_ready, until_one_cluster
from story import Story, condition, is_ready, uids

Object = dict[str, Any]
NO_SUCH_IMAGE = "no-such-image/emqx"


async def names(story: Story) -> set[str]:
    return {pod["metadata"]["name"] for pod in await story.pods()}


async def test_a_drain_that_evicts_a_new_pod_in_the_middle_of_the_rollout(story: Story) -> None:
    disturbed = await in_repair(story, "5.8.9")
    new = await disturbed.until_rolling()
    name = new["metadata"]["name"]

    async def serves() -> bool:
        return any(p["metadata"]["name"] == name and is_ready(p) for p in await story.pods())

    await story.until(f"{name} to serve", serves)
    await evict(disturbed, name)
    await until_one_cluster(disturbed)
    assert name not in await names(story)
    assert await story.rollouts() == 1
    assert (disturbed.joins(), disturbed.template_patches()) == (1, 1)


async def evict(disturbed: Disturbed, pod: str) -> None:
    """As `kubectl drain` does it: by the Eviction API."""
    namespace = disturbed.story.namespace
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": namespace},
    }
    await disturbed.story.kube.create(f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", body)


async def test_a_new_pod_that_never_becomes_ready_is_named_and_the_old_ones_stay(story: Story) -> None:
    disturbed = await in_repair(story, "4.4.19", progressDeadlineSeconds=30)
    old = await names(story)
    await disturbed.until_granting()
    for name in old:
        await story.control.pod(story.namespace, name, readiness="as the probe says")
    await story.control.namespace(story.namespace, readiness="fail")
    name = (await disturbed.until_rolling())["metadata"]["name"]

    told = await story.until_condition("ClusterFormed", "False", "RolloutStuck", seconds=180)
    assert f"the rollout is stuck (1 of 2 pods updated, 2 available) on {name}" in told["message"]
    assert f"kubectl describe pod -n {story.namespace} {name}" in told["message"]
    assert (await story.condition("Ready"))["message"] == told["message"]
    assert old <= await names(story)
    assert not set(await not_ready(story)) & old

    await story.control.namespace(story.namespace, readiness="")
    await until_one_cluster(disturbed)
    assert await story.rollouts() == 1
    assert disturbed.template_patches() == 1


async def test_an_image_that_cannot_be_pulled_while_members_are_gathered_holds_the_rollout(
    story: Story,
) -> None:
    disturbed = await in_repair(story, "5.4.1", progressDeadlineSeconds=30)
    old = await names(story)
    await disturbed.until_gathering()
    await disturbed.kubectl(f"set image WORKLOAD emqx={NO_SUCH_IMAGE}:5.4.1")

    going = await story.until_condition("ClusterFormed", "Unknown", "TargetProgressing")
    await story.until_condition("ClusterFormed", "False", "RolloutStuck", seconds=180)

    async def held() -> Object | None:
        found = await story.resource()
        steps = (found.get("status") or {}).get("plannedActions") or [{}]
        return found if steps[0].get("action") == "PatchWorkload" else None

    resource = await story.until("gathered, rights given, and the rollout held", held, seconds=180)
    (name,) = await names(story) - old
    for kind in ("ClusterFormed", "ConfigurationValid"):
        assert f"{name}: ImagePullBackOff: Back-off pulling image" in condition(resource, kind)["message"]
    assert name in going["message"] or "0 of 2" in going["message"]
    assert await story.rollouts() == 1, "the person's"
    assert disturbed.template_patches() == 0

    await disturbed.kubectl("rollout undo WORKLOAD")
    await until_one_cluster(disturbed)
    assert disturbed.template_patches() == 1


async def test_an_image_that_cannot_be_pulled_in_the_middle_of_the_rollout_is_named(story: Story) -> None:
    disturbed = await in_repair(story, "5.8.9", kind="StatefulSet", replicas=3)
    await disturbed.until_rolling()
    await disturbed.kubectl(f"set image WORKLOAD emqx={NO_SUCH_IMAGE}:5.8.9")

    async def told() -> str:
        formed = await story.condition("ClusterFormed")
        message = str(formed.get("message", ""))
        return message if "ImagePullBackOff" in message else ""

    message = await story.until("the pod that cannot start to be named", told, seconds=180)
    assert "emqx-2: ImagePullBackOff: Back-off pulling image" in message
    for left in ("emqx-0", "emqx-1"):
        assert len((await story.view(left))[0]) == 2
    ready = await story.condition("Ready")
    assert ready["message"] == message, "the summary says what the rollout waits for, too"
    await disturbed.kubectl("set image WORKLOAD emqx=emqx/emqx:5.8.9")
    await until_one_cluster(disturbed, 3)
    assert disturbed.template_patches() == 1


async def test_one_member_in_a_crash_loop_is_named_and_the_others_are_gathered(story: Story) -> None:
    disturbed = await in_repair(story, "5.8.9", replicas=3)
    broken = min(await names(story))
    await story.control.pod(story.namespace, broken, backoff_seconds="45", crash="1")
    told = await story.until_condition("ClusterFormed", "False", "MembersMissing", seconds=180)
    assert f"2 of 3 members run ({broken}: CrashLoopBackOff: back-off 45s" in told["message"]
    assert f"kubectl logs -n {story.namespace} {broken} -c emqx --previous" in told["message"]
    resource = await until_one_cluster(disturbed, 3)
    assert resource["status"]["members"]["ready"] == 3
    assert await story.rollouts() == 1


async def test_a_new_member_in_a_crash_loop_after_the_rollout_is_named_and_the_others_stay_one_cluster(
    story: Story,
) -> None:
    disturbed = await in_repair(story, "4.4.19")
    await disturbed.until_clearing()
    pods = await story.pods()
    broken = pods[0]["metadata"]["name"]
    await story.control.pod(story.namespace, broken, backoff_seconds="15", crash="137")
    told = await story.until_condition("ClusterFormed", "False", "MembersMissing", seconds=180)
    assert f"1 of 2 members run ({broken}: CrashLoopBackOff: back-off 15s" in told["message"]
    await until_one_cluster(disturbed)
    assert uids(await story.pods()) == uids(pods)
    assert await story.rollouts() == 1
