"""Settings as people really write them: from Secrets and fields, twice, and addresses of proxies that work."""

from typing import Any

import pytest

import manifests
from odd import ACCOUNT, APISERVER, NO_SCHEME, container, create, the, until_planned, with_rights
from requests_seen import RequestsSeen
from story import Story, uids

Object = dict[str, Any]
NAMESPACE, SERVICE = "EMQX_CLUSTER__K8S__NAMESPACE", "EMQX_CLUSTER__K8S__SERVICE_NAME"
OWN_NAMESPACE = {"name": NAMESPACE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}
NO_MATTER: Object = {NAMESPACE: "", SERVICE: ""}
"""Left out of the plain values, to be set in another way."""


def the_service_of(config_map: str) -> Object:
    return {"name": SERVICE, "valueFrom": {"configMapKeyRef": {"name": config_map, "key": "service"}}}


async def with_config_map(story: Story) -> None:
    metadata = {"name": "emqx-settings", "namespace": story.namespace}
    data = {"service": "emqx"}
    await story.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


async def test_an_address_from_a_secret_is_replaced_and_the_secret_is_never_read(story: Story) -> None:
    metadata = {"name": "emqx-address", "namespace": story.namespace}
    await create(
        story,
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"url": NO_SCHEME}},
    )
    await with_config_map(story)
    await with_rights(story)
    workload = manifests.deployment("5.8.9", story.namespace, None, replicas=1, pod=ACCOUNT, **NO_MATTER)
    of_secret = {"name": APISERVER, "valueFrom": {"secretKeyRef": {"name": "emqx-address", "key": "url"}}}
    others = [OWN_NAMESPACE, the_service_of("emqx-settings")]
    container(workload)["env"] += [of_secret, *others]
    await story.apply(workload)
    await story.until_lone(1)
    requests = RequestsSeen.from_now(story)
    await story.annotate(mode="Repair")
    told = await story.until_condition("ConfigurationValid", "False", "APIServerMalformed")
    assert f'{APISERVER} is "{NO_SCHEME}"' in told["message"]
    assert '"valueFrom":null' in (await until_planned(story, "PatchWorkload"))["command"]

    resource = await story.until_repaired()

    env = {e["name"]: e for e in container(await the(story))["env"]}
    assert env[APISERVER] == {"name": APISERVER, "value": manifests.CANONICAL}
    for other in others:
        reference = env[other["name"]]["valueFrom"]
        assert next(iter(other["valueFrom"])) in reference, "other references are none of our business"
    discovery = resource["status"]["discovery"]
    assert (discovery["namespace"], discovery["serviceName"]) == (story.namespace, "emqx")
    requests.read_on()
    assert any(e.resource == "deployments" for e in requests.writes)
    assert [e.path for e in requests.entries if e.resource == "secrets"] == []


async def test_references_are_followed_also_where_no_pod_ever_ran(story: Story) -> None:
    """Its ServiceAccount is missing, so no process can tell what the namespace and the Service became."""
    await with_config_map(story)
    await story.apply(manifests.service(story.namespace))
    workload = manifests.deployment(
        "5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod=ACCOUNT, **NO_MATTER
    )
    container(workload)["env"] += [OWN_NAMESPACE, the_service_of("emqx-settings")]
    await story.apply(workload)
    await story.annotate(mode="Observe")
    await story.until_condition("Ready", "False", "ServiceAccountMissing")

    await story.patch("EMQXAutoCluster", "emqx", {"spec": {"repair": {"createServiceAccount": True}}})
    await story.annotate(mode="Repair")
    await story.until_repaired()

    await story.one_cluster(1)
    role = await story.get("Role", "emqx-discovery")
    assert role
    assert role["rules"][0]["resourceNames"] == ["emqx"]


async def test_of_two_entries_of_one_name_the_last_counts_before_and_after_the_repair(story: Story) -> None:
    """Kubernetes takes the last; a patch by name changes the first and would be without effect."""
    await with_rights(story)
    workload = manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod=ACCOUNT)
    container(workload)["env"].append({"name": APISERVER, "value": NO_SCHEME})
    others = [e for e in container(workload)["env"] if e["name"] != APISERVER]
    await story.apply(workload)
    await story.annotate(mode="Observe")
    told = await story.until_condition("ConfigurationValid", "False", "APIServerMalformed")
    assert f'{APISERVER} is "{NO_SCHEME}"' in told["message"]
    by_hand = (await until_planned(story, "PatchWorkload"))["command"]

    await story.annotate(mode="Repair")
    await story.until_repaired()

    env = container(await the(story))["env"]
    assert [e["value"] for e in env if e["name"] == APISERVER][-1] == manifests.CANONICAL
    assert [e for e in env if e["name"] != APISERVER] == others
    assert await story.rollouts() == 1
    said = await story.shell(f"emqx-autocluster revert deployment/emqx -n {story.namespace} --yes")
    assert f"{APISERVER}: {manifests.CANONICAL} -> {NO_SCHEME}" in said
    await story.shell(by_hand)
    env = container(await the(story))["env"]
    assert [e["value"] for e in env if e["name"] == APISERVER][-1] == manifests.CANONICAL


@pytest.mark.parametrize(
    ("proxy", "verdict"),
    [
        pytest.param("10.9.8.41:8001", ("False", "PlainHTTPAPIServer"), id="beside"),
        pytest.param("127.0.0.1:8041", ("True", "ConfigurationAccepted"), id="sidecar"),
    ],
)
async def test_a_plain_http_proxy_that_works_is_reported_at_most(
    story: Story, proxy: str, verdict: tuple[str, str]
) -> None:
    await story.control.addresses({proxy: "apiserver"})
    await with_rights(story)
    workload = manifests.deployment("5.8.9", story.namespace, f"http://{proxy}", replicas=2, pod=ACCOUNT)
    await story.apply(workload)
    await story.until_lone(2)
    await story.until_views(2, 2)
    pods, before = uids(await story.pods()), await the(story)
    await story.annotate(mode="Repair")

    told, *_ = await story.until_conditions(
        ("ConfigurationValid", *verdict),
        ("RBACReady", "True", "NotApplicable"),
        ("ClusterFormed", "True", "AllMembersClustered"),
        ("RolloutSafe", "True", "MinReadySecondsSufficient"),
    )
    assert f"http://{proxy}" in told["message"]
    if verdict[0] == "False":
        assert "left alone while the cluster is whole" in told["message"]
    now = await the(story)
    assert now["spec"]["template"] == before["spec"]["template"]
    assert uids(await story.pods()) == pods
    assert {w.resource for w in story.operator_writes()} == {"deployments", "emqxautoclusters", "events"}
