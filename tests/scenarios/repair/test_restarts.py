"""A workload that was repaired is rolled by its user for a reason of their own: it has to stay one cluster.

On real EMQX 5.8.9 four of five plain `kubectl rollout restart` of a healthy cluster left a member that serves nothing.
Repair sets minReadySeconds, so that each new member has joined before the next old one ends.
"""

import pytest

import manifests
from pace import REAL_TIME
from story import Story, is_ready, uids


async def repaired(story: Story, version: str) -> None:
    """Three lone members with the right address; the operator gave them rights, and gathered them without a restart."""
    workload = manifests.deployment(
        version, story.namespace, manifests.CANONICAL, pod={"serviceAccountName": "iot"}
    )
    account = manifests.service_account(story.namespace, "iot")
    tuned = manifests.custom_resource(story.namespace, repair=REAL_TIME)
    await story.apply(account, manifests.service(story.namespace), workload, tuned)
    await story.until_lone()
    await story.annotate(mode="Repair")
    await story.until_repaired()
    assert await story.rollouts() == 0


pytestmark = pytest.mark.real_time

RESTART = "kubectl rollout restart deployment/emqx -n {}"
UPGRADE = "kubectl set image deployment/emqx -n {} emqx=emqx/emqx:4.4.19"


@pytest.mark.parametrize(
    ("version", "command"),
    [
        pytest.param("5.8.9", RESTART, id="kubectl rollout restart of 5.8.9"),
        pytest.param("4.4.18", UPGRADE, id="kubectl set image from 4.4.18 to 4.4.19"),
    ],
)
async def test_a_repaired_workload_that_its_user_rolls_stays_one_cluster_with_all_serving(
    story: Story, version: str, command: str
) -> None:
    await repaired(story, version)
    before = uids(await story.pods())
    await story.shell(command.format(story.namespace))

    async def all_new() -> bool:
        pods = await story.pods()
        return len(pods) == 3 and not uids(pods) & before and all(map(is_ready, pods))

    await story.until("three new pods, Ready, and no old one", all_new, seconds=180)
    formed = await story.until_condition("ClusterFormed", "True", "AllMembersClustered")
    assert formed["message"] == "all 3 members see each other and serve"
    live = {f"emqx@{pod['status']['podIP']}" for pod in await story.pods()}
    assert [running for running, _ in await story.views()] == [live] * 3
    assert await story.rollouts() == 1, "the user's, and none by the operator"
    safe = await story.condition("RolloutSafe")
    assert safe["message"] == "minReadySeconds is 20: a new member has joined before the next old one ends"
