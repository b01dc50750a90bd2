"""A NetworkPolicy keeps the members apart. The sandbox's network enforces none, so its switches do what it says."""

import manifests
from odd import ACCOUNT, create, with_rights
from story import Story

DEVICES_ONLY = "devices-only"


async def test_a_policy_that_lets_only_devices_in_is_named_until_it_is_gone(story: Story) -> None:
    spec = {
        "podSelector": {"matchLabels": {"app": "emqx"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": 1883}]}],
    }
    metadata = {"name": DEVICES_ONLY, "namespace": story.namespace}
    await create(
        story,
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec},
    )
    await story.control.namespace(story.namespace, blocked_ports="4370,5369")
    await with_rights(story)
    workload = manifests.deployment(
        "5.8.9",
        story.namespace,
        manifests.CANONICAL,
        replicas=2,
        pod=ACCOUNT,
        spec={"minReadySeconds": 20},
    )
    await story.apply(workload)
    await story.until_lone(2)
    await story.until_views(1, 1)
    await story.annotate(mode="Observe")

    told = await story.until_condition("DiscoveryReady", "False", "NetworkPolicyBlocks")
    assert told["message"].startswith(f"likely NetworkPolicy {DEVICES_ONLY} keeps the members apart")
    assert "no rule allows their ingress from each other (4370, 5369)" in told["message"]
    assert "{from: [{podSelector: {matchLabels: {app: emqx}}}]" in told["message"]
    assert "API server" not in told["message"]

    await story.shell(f"kubectl delete networkpolicy -n {story.namespace} {DEVICES_ONLY}")
    await story.control.namespace(story.namespace, blocked_ports="")
    await story.until_conditions(
        ("DiscoveryReady", "True", "EndpointsPublished"),
        ("ClusterFormed", "True", "AllMembersClustered"),
        seconds=180,
    )
