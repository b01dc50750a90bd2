"""The seed's own shape: two old members are a cluster, the third was restarted and stands alone beside them."""

import pytest

import manifests
from emqx_autocluster import __version__
from situations import one_orphan
from story import OPERATOR, Story, env_of, uids

PROXIES = {"4.4.19": "10.9.8.1:8001", "5.8.9": "10.9.8.2:8001"}
INTERRUPTION = ("shutdown for", "Stopping mria", "Stop http:", "stopped.", "Starting emqx", "started.")
"""From what EMQX logs when its applications and listeners stop or start again."""


@pytest.mark.parametrize("version", ["4.4.19", "5.8.9"])
async def test_the_orphan_joins_the_two_old_members_and_nothing_interrupts_them(
    story: Story, version: str
) -> None:
    orphan = await one_orphan(story, version, PROXIES[version])
    before = await story.pods()
    told = {pod: len(await story.log(pod)) for pod in orphan.together}
    await story.annotate(mode="Repair")

    split, invalid = await story.until_conditions(
        ("ClusterFormed", "False", "MembersOrphaned"), ("ConfigurationValid", "False", "APIServerUnreachable")
    )
    assert f": {', '.join(orphan.together)} | {orphan.alone}; " in split["message"]
    assert f"http://{PROXIES[version]}" in invalid["message"]
    await story.until_views(3, 3, 3)
    for pod in orphan.together:
        news = (await story.log(pod))[told[pod] :].splitlines()
        assert not [line for line in news if any(word in line for word in INTERRUPTION)]
    # The rollout may have begun by now, and its first pod have no container yet.
    containers = {p["metadata"]["uid"]: p["status"].get("containerStatuses") for p in await story.pods()}
    for pod in before:
        assert containers[pod["metadata"]["uid"]] == pod["status"]["containerStatuses"]

    await story.until_repaired()

    commands = story.sandbox.audit_entries(user=OPERATOR, namespace=story.namespace)
    joins = [c for c in commands if "command=join" in c.path]
    assert {join.name for join in joins} == {orphan.alone}
    assert {c.agent for c in commands} == {f"emqx-autocluster/{__version__}"}, (
        "the log says which program asked"
    )
    assert await story.rollouts() == 1
    assert not uids(await story.pods()) & uids(before)
    await story.one_cluster()
    workload = await story.get("Deployment")
    assert workload
    assert env_of(workload)["EMQX_CLUSTER__K8S__APISERVER"] == manifests.CANONICAL
