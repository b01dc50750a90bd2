"""A pod that says it is a member, by labels and an ownerReference that anybody may write who may create pods."""

import manifests
from emqx_autocluster.clients import paths
from story import OPERATOR, Object, Story


async def forged(story: Story, workload: Object) -> str:
    """A copy of the pod template under a name of its own choice, "owned" by the live ReplicaSet."""
    replica_set = (await story.kube.list(paths.replicasets(story.namespace)))[0]
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": replica_set["metadata"]["name"],
        "uid": replica_set["metadata"]["uid"],
    }
    metadata = {
        "name": "emqx-0-forged",
        "namespace": story.namespace,
        "labels": {"app": "emqx"},
        "ownerReferences": [owner],
    }
    template = workload["spec"]["template"]
    await story.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
    return str(metadata["name"])


async def test_a_forged_member_is_named_and_neither_asked_nor_joined(story: Story) -> None:
    workload = manifests.deployment("5.8.9", story.namespace, manifests.DEAD_PROXY, replicas=2)
    await story.apply(manifests.service(story.namespace), workload)
    await story.until_lone(2)
    name = await forged(story, workload)
    await story.until_lone(3)
    await story.annotate(mode="Observe")
    found = await story.until_condition("ClusterFormed", "False", "NotFormed")
    clusters, *further = found["message"].split("; ")
    assert "2 clusters instead of one" in clusters
    assert name not in clusters
    assert any(f"pod {name} says that it belongs to this workload and does not" in each for each in further)
    steps = [
        str(step)
        for step in (await story.resource())["status"]["plannedActions"]
        if step["action"] == "JoinCluster"
    ]
    pods = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in await story.pods()}
    assert len(steps) == 1
    assert name not in steps[0]
    assert pods[name] not in steps[0]
    asked = {
        e.name
        for e in story.sandbox.audit_entries(user=OPERATOR, namespace=story.namespace)
        if e.subresource == "exec"
    }
    assert name not in asked
    assert asked == pods.keys() - {name}
