"""An API server address whose name only nodes know: EMQX asks for it in a pod, where DNS answers NXDOMAIN."""

import pytest

import manifests
from situations import NODE_ONLY_HOST, lone_members
from story import Story, StoryError, env_of

ON_THE_NODE = "10.0.0.10"


async def resolved_by_the_node(story: Story) -> str:
    """What a pod finds that asks the node's own resolver."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "node-shell", "namespace": story.namespace},
        "spec": {"dnsPolicy": "Default", "containers": [{"name": "shell", "image": "busybox:1"}]},
    }
    await story.apply(pod)
    await story.shell(f"kubectl wait -n {story.namespace} --for=condition=Ready pod/node-shell")
    return await story.shell(f"kubectl exec -n {story.namespace} node-shell -- getent hosts {NODE_ONLY_HOST}")


@pytest.mark.parametrize("version", ["4.4.19", "5.8.9"])
async def test_a_name_that_only_nodes_know_is_told_in_so_many_words_and_replaced(
    story: Story, version: str
) -> None:
    assert ON_THE_NODE in await resolved_by_the_node(story)
    # In a pod that just started the DNS may not know a name yet; how long that is believed is the user's to say.
    await story.apply(manifests.custom_resource(story.namespace, dns={"negativeGrace": "5s"}))
    await lone_members(story, version, manifests.NODE_ONLY_NAME)
    pods = [pod["metadata"]["name"] for pod in await story.pods()]
    with pytest.raises(StoryError, match="exit code 2"):
        await story.shell(f"kubectl exec -n {story.namespace} {pods[0]} -- getent hosts {NODE_ONLY_HOST}")
    await story.annotate(mode="Repair")

    ready, invalid, dns = await story.until_conditions(
        ("Ready", "False", "APIServerNameNotFound"),
        ("ConfigurationValid", "False", "APIServerNameNotFound"),
        ("DNSHealthy", "False", "NameNotFound"),
    )
    assert ready["message"] == invalid["message"]
    for words in (manifests.NODE_ONLY_NAME, f"{NODE_ONLY_HOST} is unknown in the pods", manifests.CANONICAL):
        assert words in invalid["message"]
    said = dns["message"]
    assert any(f"getent hosts {NODE_ONLY_HOST} finds nothing in pod {pod}" in said for pod in pods)
    assert "nameserver 10.96.0.10" in said
    assert "the cluster's DNS answers NXDOMAIN" in said

    resource = await story.until_repaired()

    assert await story.rollouts() == 1
    await story.one_cluster()
    workload = await story.get("Deployment")
    assert workload
    assert env_of(workload)["EMQX_CLUSTER__K8S__APISERVER"] == manifests.CANONICAL
    assert resource["spec"]["dns"]["negativeGrace"] == "5s"
    await story.annotate(mode=None)
    await story.until_condition("Accepted", "False", "NotEnrolled")
