"""minReadySeconds: the one change that a healthy workload sees, and it restarts nothing."""

from typing import Any

import pytest

import manifests
from pace import REAL_TIME, SAFE_SECONDS
from story import Story, uids

Object = dict[str, Any]


async def healthy(story: Story, kind: str, **spec: Any) -> None:
    build = manifests.deployment if kind == "Deployment" else manifests.stateful_set
    await story.apply(
        manifests.service(story.namespace),
        manifests.role(story.namespace, "by-hand"),
        manifests.role_binding(story.namespace, "by-hand", "default"),
        build("5.8.9", story.namespace, manifests.CANONICAL, replicas=2, spec=spec),
        manifests.custom_resource(story.namespace, kind=kind, repair=REAL_TIME),
    )
    await story.until_lone(spec.get("replicas", 2))


async def min_ready_seconds(story: Story, kind: str) -> int:
    workload = await story.get(kind)
    assert workload
    return int(workload["spec"].get("minReadySeconds", 0))


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
async def test_min_ready_seconds_is_set_without_a_rollout_and_put_back_by_revert(
    story: Story, kind: str
) -> None:
    await healthy(story, kind, minReadySeconds=5)
    pods = uids(await story.pods())
    await story.annotate(kind=kind, mode="Observe")
    told = await story.until_condition("RolloutSafe", "False", "MinReadySecondsTooLow")
    assert f"minReadySeconds is 5, it should be at least {SAFE_SECONDS}" in told["message"]
    await story.until_condition("Ready", "True", "AllMembersClustered")
    (planned,) = (await story.resource())["status"]["plannedActions"]
    assert "minReadySeconds=20 (restarts nothing)" in planned["message"]

    await story.annotate(kind=kind, mode="Repair")
    await story.until_condition("RolloutSafe", "True", "MinReadySecondsSufficient")
    await story.until_repaired()
    assert await min_ready_seconds(story, kind) == 20
    assert uids(await story.pods()) == pods
    assert await story.rollouts(kind) == 0

    said = await story.shell(f"emqx-autocluster revert {kind.lower()}/emqx -n {story.namespace} --yes")
    assert "minReadySeconds: 20 -> 5" in said
    assert "mode is Observe now" in said
    await story.until_condition("RolloutSafe", "False", "MinReadySecondsTooLow")
    assert await min_ready_seconds(story, kind) == 5
    assert uids(await story.pods()) == pods
    assert await story.rollouts(kind) == 0


async def test_min_ready_seconds_stays_where_the_progress_deadline_leaves_no_room(story: Story) -> None:
    await healthy(story, "Deployment", progressDeadlineSeconds=15)
    await story.annotate(mode="Repair")
    told = await story.until_condition("RolloutSafe", "False", "MinReadySecondsTooLow")
    assert "progressDeadlineSeconds is 15 and must be raised first" in told["message"]
    await story.until_condition("Ready", "True", "AllMembersClustered")
    assert await min_ready_seconds(story, "Deployment") == 0

    await story.patch("Deployment", "emqx", {"spec": {"progressDeadlineSeconds": 600}})
    await story.until_condition("RolloutSafe", "True", "MinReadySecondsSufficient")
    assert await min_ready_seconds(story, "Deployment") == 20


async def test_min_ready_seconds_does_not_matter_for_one_replica(story: Story) -> None:
    await healthy(story, "Deployment", replicas=1)
    await story.annotate(mode="Repair")
    told = await story.until_condition("RolloutSafe", "True", "NotApplicable")
    assert "one replica has nobody to join" in told["message"]
    await story.until_condition("Ready", "True", "SingleMember")
    assert await min_ready_seconds(story, "Deployment") == 0
