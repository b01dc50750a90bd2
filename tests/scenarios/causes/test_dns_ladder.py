"""Names get lost between a pod and the cluster's DNS: the operator says where. What CoreDNS does is in tests/faults."""

import manifests
from odd import ACCOUNT, the, with_rights
from story import Story

CLUSTER_DNS, NODE_DNS = "10.96.0.10", "10.0.0.2"


async def with_resolver(story: Story, nameserver: str, *searches: str) -> None:
    """One member whose resolver the user wrote; in a pod that just started a name may not be known yet."""
    config = {"nameservers": [nameserver], "searches": list(searches)}
    own = {"dnsPolicy": "None", "dnsConfig": config}
    await with_rights(story)
    await story.apply(
        manifests.custom_resource(story.namespace, dns={"negativeGrace": "2s"}),
        manifests.deployment(
            "5.8.9",
            story.namespace,
            manifests.CANONICAL,
            replicas=1,
            pod=ACCOUNT | own,
            spec={"minReadySeconds": 20},
        ),
    )
    await story.until_lone(1)
    await story.annotate(mode="Repair")


async def test_a_search_list_that_never_makes_the_absolute_name(story: Story) -> None:
    await with_resolver(story, CLUSTER_DNS, "corp.example")
    told = await story.until_condition("DNSHealthy", "False", "SearchListUnsuitable")
    (pod,) = [p["metadata"]["name"] for p in await story.pods()]
    assert (
        f"kubernetes.default.svc does not resolve in pod {pod}: its search list (corp.example)"
        in told["message"]
    )
    assert "have to contain cluster.local" in told["message"]
    absolute = (
        f"kubectl exec -n {story.namespace} {pod} -- getent hosts kubernetes.default.svc.cluster.local."
    )
    assert "10.96.0.1" in await story.shell(absolute)
    assert await story.rollouts() == 0

    config = {"nameservers": [CLUSTER_DNS], "searches": ["cluster.local"]}
    await story.patch("Deployment", "emqx", {"spec": {"template": {"spec": {"dnsConfig": config}}}})
    await story.until_condition("DNSHealthy", "True", "NamesResolve")


async def test_the_nodes_resolver_is_not_the_clusters_dns(story: Story) -> None:
    await with_resolver(story, NODE_DNS, "cluster.local")
    told = await story.until_condition("DNSHealthy", "False", "NameserverNotClusterDNS")
    assert f"its nameserver is {NODE_DNS}, and the cluster's DNS is {CLUSTER_DNS}" in told["message"]
    assert f"its nameservers must be {CLUSTER_DNS}, and its searches contain cluster.local" in told["message"]
    pod = (await the(story))["spec"]["template"]["spec"]
    assert pod["dnsConfig"]["nameservers"] == [NODE_DNS]
    assert await story.rollouts() == 0
