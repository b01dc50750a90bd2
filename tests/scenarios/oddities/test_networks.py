"""How pods find names: on the host's network, and with a resolver that the user wrote."""

from typing import Any

import manifests
from odd import ACCOUNT, NO_SCHEME, address, the, with_rights
from story import Story, uids

Object = dict[str, Any]
CLUSTER_DNS, NOBODYS_DNS = "10.96.0.10", "10.9.9.9"


async def one_member(story: Story, api_server: str, replicas: int = 1, **pod: Any) -> None:
    await with_rights(story)
    # A pod on the host's network holds its port, so that the new one cannot come before the old one is gone.
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    workload = manifests.deployment(
        "5.8.9",
        story.namespace,
        api_server,
        replicas=replicas,
        spec={"strategy": strategy},
        pod=ACCOUNT | pod,
    )
    await story.apply(workload)
    await story.until_lone(replicas)


def resolver(*nameservers: str, searches: tuple[str, ...] = ()) -> Object:
    return {"dnsPolicy": "None", "dnsConfig": {"nameservers": list(nameservers), "searches": list(searches)}}


async def test_pods_on_the_hosts_network_get_the_policy_that_asks_the_clusters_dns(story: Story) -> None:
    """ClusterFirst, the default, means the node's resolver there, which does not know the API server's Service."""
    await one_member(story, manifests.CANONICAL, hostNetwork=True)
    pods = uids(await story.pods())
    await story.annotate(mode="Observe")
    told = await story.until_condition("DNSHealthy", "False", "DNSPolicyUnsuitable")
    assert "dnsPolicy is ClusterFirst with hostNetwork" in told["message"]
    assert "it should be ClusterFirstWithHostNet" in told["message"]

    await story.annotate(mode="Repair")
    await story.until_repaired()

    pod = (await the(story))["spec"]["template"]["spec"]
    assert (pod["dnsPolicy"], pod["hostNetwork"]) == ("ClusterFirstWithHostNet", True)
    assert not uids(await story.pods()) & pods
    assert await story.rollouts() == 1
    (name,) = [p["metadata"]["name"] for p in await story.pods()]
    said = await story.shell(
        f"kubectl exec -n {story.namespace} {name} -- getent hosts kubernetes.default.svc"
    )
    assert "10.96.0.1" in said


async def test_a_resolver_of_the_users_own_that_asks_the_clusters_dns_is_fine(story: Story) -> None:
    own = resolver(CLUSTER_DNS, searches=("svc.cluster.local", "cluster.local"))
    await one_member(story, manifests.CANONICAL, replicas=2, **own)
    await story.until_views(2, 2)
    await story.annotate(mode="Repair")
    told, *_ = await story.until_conditions(
        ("DNSHealthy", "True", "NamesResolve"),
        ("Ready", "True", "AllMembersClustered"),
        ("RolloutSafe", "True", "MinReadySecondsSufficient"),
    )
    assert "the pods resolve kubernetes.default.svc" in told["message"]
    pod = (await the(story))["spec"]["template"]["spec"]
    assert {key: pod[key] for key in own} == own
    assert await story.rollouts() == 0


async def test_a_resolver_of_the_users_own_that_leads_nowhere_is_told_and_never_changed(story: Story) -> None:
    own = resolver(NOBODYS_DNS)
    await story.apply(manifests.custom_resource(story.namespace, dns={"negativeGrace": "5s"}))
    await one_member(story, NO_SCHEME, **own)
    await story.annotate(mode="Repair")
    told, address_told = await story.until_conditions(
        ("DNSHealthy", "False", "NameserverNotClusterDNS"),
        ("ConfigurationValid", "False", "APIServerMalformed"),
        seconds=240,
    )
    for words in (
        f"its nameserver is {NOBODYS_DNS}",
        f"the cluster's DNS is {CLUSTER_DNS}",
        "dnsPolicy is None with a dnsConfig of yours, which is not changed",
    ):
        assert words in told["message"]
    assert "a restart would not help while DNSHealthy is False" in address_told["message"]
    assert await address(story) == NO_SCHEME
    pod = (await the(story))["spec"]["template"]["spec"]
    assert {key: pod[key]["nameservers"] if key == "dnsConfig" else pod[key] for key in own} == {
        "dnsPolicy": "None",
        "dnsConfig": [NOBODYS_DNS],
    }
    assert await story.rollouts() == 0
    await story.annotate(mode=None)
