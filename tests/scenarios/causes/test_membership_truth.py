"""What the members' views hide, and what no view says: closed ports, nodes of others, loops that have ended."""

from typing import Any

import pytest

import manifests
from situations import settled
from story import Story

Object = dict[str, Any]


async def healthy(story: Story, version: str = "5.8.9", replicas: int = 3) -> list[str]:
    """One cluster; returns the names of its pods."""
    await story.apply(
        manifests.service(story.namespace),
        manifests.role(story.namespace, "by-hand"),
        manifests.role_binding(story.namespace, "by-hand", "default"),
        manifests.deployment(
            version, story.namespace, manifests.CANONICAL, replicas=replicas, spec={"minReadySeconds": 20}
        ),
    )
    await story.until_lone(replicas)
    await story.until_views(*[replicas] * replicas)
    return [pod["metadata"]["name"] for pod in await story.pods()]


async def command(story: Story, pod: str, *argv: str) -> str:
    return await story.shell(f"kubectl exec -n {story.namespace} {pod} -c emqx -- emqx_ctl {' '.join(argv)}")


async def test_members_that_list_each_other_and_whose_messages_do_not_cross(story: Story) -> None:
    names = await healthy(story)
    await story.control.pod(story.namespace, names[1], blocked_ports="5369")
    await story.annotate(mode="Observe")
    told = await story.until_condition("ClusterFormed", "False", "RPCPortClosed", seconds=180)
    assert (
        f"{names[0]} does not reach the port for messages between nodes (5369) of {names[1]}"
        in told["message"]
    )
    assert "(and 3 more such ways)" in told["message"]
    await story.one_cluster()

    await story.control.pod(story.namespace, names[1], blocked_ports="")
    await story.until_condition("ClusterFormed", "True", "AllMembersClustered")


async def test_nodes_of_another_workload_in_the_cluster_are_named_and_are_no_alarm(story: Story) -> None:
    await healthy(story)
    # It asks for the Service of the others, finds them there, and joins them.
    edge = manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, name="edge", replicas=1)
    await story.apply(edge)
    await story.until_views(4, app="edge")
    await story.annotate(mode="Observe")
    told = await story.until_condition("ClusterFormed", "True", "ForeignNodesPresent", seconds=180)
    (pod,) = await story.pods("edge")
    name = pod["metadata"]["name"]
    assert f"emqx@{pod['status']['podIP']} (pod {name} of Deployment edge)" in told["message"]
    assert (await story.condition("Ready"))["status"] == "True"


@pytest.mark.parametrize("version", ["5.4.1", "5.8.9"])
async def test_whether_a_member_whose_loop_has_ended_is_helped_depends_on_the_version(
    story: Story, version: str
) -> None:
    names = await healthy(story, version)
    await settled(story)
    await command(story, names[0], "cluster", "leave")
    await story.until_views(1, 2, 2)
    await story.annotate(mode="Observe")
    told = await story.until_condition("ClusterFormed", "False", "MembersOrphaned", seconds=180)
    assert f"EMQX {version} looks no more once it has found only itself" in told["message"]
    again = told["message"].rpartition("what makes it look again: ")[2]
    if version == "5.4.1":
        assert again == "restart it, or join it to the others"
        return
    await story.shell(again.partition(", or")[0])
    await story.until_condition("ClusterFormed", "True", seconds=180)


async def test_two_autonomous_clusters_do_not_come_together(story: Story) -> None:
    names = await healthy(story, replicas=4)
    await settled(story)
    for name in names[2:]:
        await command(story, name, "cluster", "leave")
    target = next(pod for pod in await story.pods() if pod["metadata"]["name"] == names[3])
    await command(story, names[2], "cluster", "join", f"emqx@{target['status']['podIP']}")
    await story.until_views(2, 2, 2, 2)
    await story.annotate(mode="Observe")
    told = await story.until_condition("ClusterFormed", "False", "SplitBrain", seconds=180)
    first, second = ", ".join(names[:2]), ", ".join(names[2:])
    assert f"{first} | {second}" in told["message"] or f"{second} | {first}" in told["message"]
    assert "clusters of two or more do not come together by themselves" in told["message"]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("4.4.19", 'Discovery error: {403, endpoints "emqx" is forbidden: User "system:serviceaccount:'),
        ("5.8.9", "Discovery error: {403,…}"),
    ],
)
async def test_why_members_stay_alone_is_quoted_from_their_own_log_and_does_not_change_with_each_line(
    story: Story, version: str, said: str
) -> None:
    await story.apply(
        manifests.service(story.namespace),
        manifests.deployment(version, story.namespace, manifests.CANONICAL, replicas=2),
    )
    await story.until_lone(2)
    await story.annotate(mode="Observe")

    async def quoted() -> Object | None:
        found = await story.condition("ClusterFormed")
        return found if "its log" in found.get("message", "") else None

    told = await story.until("its log to be quoted", quoted, seconds=180)
    assert told["reason"] == "NotFormed"
    assert said in told["message"]
    assert "goes on looking" in told["message"]
    writes = len(story.operator_writes())
    resource = await story.resource()
    await story.patch("EMQXAutoCluster", "emqx", {"spec": {"verification": {"suspiciousInterval": "5s"}}})

    async def looked_again() -> bool:
        status = (await story.resource())["status"]
        return bool(status["observedGeneration"] > resource["status"]["observedGeneration"])

    await story.until("another look", looked_again)
    assert (await story.condition("ClusterFormed"))["message"] == told["message"]
    assert len(story.operator_writes()) <= writes + 2  # the generation that was seen, and perhaps one event
