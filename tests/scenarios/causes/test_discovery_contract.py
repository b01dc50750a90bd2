"""The contract of k8s discovery: the Service's Endpoints lead to the members, under the names that they have."""

from typing import Any

import manifests
from story import Story, condition, env_of, uids

Object = dict[str, Any]
BY_HAND = "by-hand"


def rights(story: Story) -> tuple[Object, Object]:
    return (
        manifests.role(story.namespace, BY_HAND),
        manifests.role_binding(story.namespace, BY_HAND, "default"),
    )


async def test_a_service_that_selects_one_pod_of_the_workload_keeps_the_others_hidden(story: Story) -> None:
    """Such as a label that somebody put on one pod by hand."""
    await story.apply(
        manifests.custom_resource(story.namespace, verification={"interval": "5s"}),
        manifests.service(story.namespace, app="emqx", active="yes"),
        *rights(story),
        manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=2),
    )
    await story.until_lone(2)
    chosen, hidden = [pod["metadata"]["name"] for pod in await story.pods()]
    await story.annotate(mode="Observe")
    await story.until_condition("DiscoveryReady", "False", "SelectorMismatch")

    await story.patch("Pod", chosen, {"metadata": {"labels": {"active": "yes"}}})
    told = await story.until_condition("DiscoveryReady", "False", "EndpointsDiffer", seconds=180)
    assert f"does not list {hidden}, though Ready" in told["message"]
    assert chosen not in told["message"]
    assert f"kubectl get pods -n {story.namespace} -l active=yes,app=emqx" in told["message"]


async def test_readiness_that_waits_for_the_cluster_is_named_and_its_cure_restarts_nothing(
    story: Story,
) -> None:
    await story.control.namespace(story.namespace, readiness="fail")
    await story.apply(
        manifests.service(story.namespace),
        *rights(story),
        manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL),
    )
    await story.until_views(1, 1, 1)
    await story.annotate(mode="Observe")

    told = await story.until_condition("DiscoveryReady", "False", "NotReadyNotPublished", seconds=240)
    before = uids(await story.pods())
    await story.shell(told["message"].rpartition("restarts nothing): ")[2])
    await story.until_views(3, 3, 3)
    await story.control.namespace(story.namespace, readiness="")
    await story.until_condition("Ready", "True")
    assert uids(await story.pods()) == before


async def test_the_name_that_is_looked_for_and_the_name_that_a_member_has_are_both_told(story: Story) -> None:
    """EMQX 5 fills in one domain for the names that it looks for, and its entrypoint another for its own."""
    await story.apply(
        manifests.service(story.namespace),
        *rights(story),
        manifests.deployment(
            "5.8.9",
            story.namespace,
            manifests.CANONICAL,
            replicas=2,
            EMQX_CLUSTER__K8S__ADDRESS_TYPE="dns",
        ),
    )
    await story.until_lone(2)
    await story.annotate(mode="Observe")
    told = await story.until_condition("DiscoveryReady", "False", "NodeNameMismatch", seconds=180)
    first = (await story.pods())[0]
    host = f"{first['status']['podIP'].replace('.', '-')}.{story.namespace}"
    assert f"discovery looks for emqx@{host}.pod.local" in told["message"]
    assert f"{first['metadata']['name']} calls itself emqx@{host}.pod.cluster.local" in told["message"]


async def test_a_service_that_is_absent_is_made_where_asked_for_in_the_one_rollout_of_the_repair(
    story: Story,
) -> None:
    await story.apply(
        manifests.deployment("5.8.9", story.namespace, manifests.DEAD_PROXY),
        manifests.custom_resource(story.namespace),
    )
    await story.until_lone()
    before = uids(await story.pods())
    await story.annotate(mode="Repair")
    told = await story.until_condition("DiscoveryReady", "False", "ServiceNotFound", seconds=180)
    assert "kubectl apply -f -" in told["message"]
    assert "spec.discovery.createService lets Repair create it" in told["message"]
    assert await story.get("Service") is None

    await story.patch("EMQXAutoCluster", "emqx", {"spec": {"discovery": {"createService": True}}})
    await story.until_repaired()
    service, workload = await story.get("Service"), await story.get("Deployment")
    assert service
    assert workload
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["selector"] == {"app": "emqx"}
    assert service["metadata"]["ownerReferences"][0]["uid"] == workload["metadata"]["uid"]
    assert await story.rollouts() == 1
    assert not uids(await story.pods()) & before
    assert env_of(workload)["EMQX_CLUSTER__K8S__APISERVER"] == manifests.CANONICAL
    await story.one_cluster()
    made = {e["reason"] for e in await story.events("Deployment")}
    assert "CreateService" in made
    assert condition(await story.resource(), "DiscoveryReady")["reason"] == "EndpointsPublished"
