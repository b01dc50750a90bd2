"""Everything is wrong at once: the address, the rights, the ServiceAccount, the token and the DNS policy."""

import pytest

import manifests
from situations import NOBODYS_NAME, lone_members
from story import Story, env_of, uids

WRONG_POD = {"dnsPolicy": "Default", "automountServiceAccountToken": False}


@pytest.mark.parametrize(
    ("version", "api_server", "reason"),
    [
        ("4.4.19", manifests.DEAD_PROXY, "APIServerUnreachable"),
        ("5.8.9", NOBODYS_NAME, "APIServerNameNotFound"),
        ("5.8.9", manifests.NODE_ONLY_NAME, "APIServerNotInCertificate"),
    ],
    ids=["dead-proxy-4.4.19", "unknown-name-5.8.9", "nodes-name-5.8.9"],
)
async def test_everything_wrong_at_once_is_put_right_in_one_rollout(
    story: Story, version: str, api_server: str, reason: str
) -> None:
    await story.apply(manifests.custom_resource(story.namespace, dns={"negativeGrace": "5s"}))
    await lone_members(story, version, api_server, **WRONG_POD)
    before = uids(await story.pods())
    await story.annotate(mode="Repair")
    await story.until_conditions(
        ("ConfigurationValid", "False", reason),
        ("RBACReady", "False", "PermissionDenied"),
        ("DNSHealthy", "False", "DNSPolicyUnsuitable"),
    )

    resource = await story.until_repaired()

    assert await story.rollouts() == 1
    assert not uids(await story.pods()) & before
    await story.one_cluster()
    assert {c["type"]: c["status"] for c in resource["status"]["conditions"]} == {
        "Ready": "True",
        "Accepted": "True",
        "ConfigurationValid": "True",
        "RBACReady": "True",
        "DiscoveryReady": "True",
        "DNSHealthy": "True",
        "ClusterFormed": "True",
        "RolloutSafe": "True",
        "StaleNodesPresent": "False",
        "Paused": "False",
    }
    workload = await story.get("Deployment")
    assert workload
    pod = workload["spec"]["template"]["spec"]
    assert env_of(workload)["EMQX_CLUSTER__K8S__APISERVER"] == manifests.CANONICAL
    assert (pod["dnsPolicy"], pod["serviceAccountName"]) == ("ClusterFirst", "emqx-discovery")
    assert pod["automountServiceAccountToken"] is True


async def test_an_address_that_works_through_the_nodes_resolver_is_kept_with_that_resolver(
    story: Story,
) -> None:
    """EMQX 4.4 does not verify the certificate, so such pods need nothing but rights and a token."""
    await lone_members(story, "4.4.19", manifests.NODE_ONLY_NAME, **WRONG_POD)
    await story.annotate(mode="Repair")
    await story.until_condition("RBACReady", "False", "PermissionDenied")

    await story.until_repaired()

    assert await story.rollouts() == 1
    await story.one_cluster()
    workload = await story.get("Deployment")
    assert workload
    assert workload["spec"]["template"]["spec"]["dnsPolicy"] == "Default"
    assert env_of(workload)["EMQX_CLUSTER__K8S__APISERVER"] == manifests.NODE_ONLY_NAME
