"""The official chart's layout with strategy dns, but for the name of its Service, which is short."""

from typing import Any

import manifests
from story import Story, env_of

VERSION = "5.8.9"
NAME = "EMQX_CLUSTER__DNS__NAME"


def the_charts(story: Story) -> dict[str, Any]:
    """But for the name of the Service, which is short."""
    full = f"emqx.{story.namespace}.svc.cluster.local"
    settings = {
        "EMQX_CLUSTER__DISCOVERY_STRATEGY": "dns",
        "EMQX_CLUSTER__K8S__SERVICE_NAME": "",
        "EMQX_CLUSTER__K8S__NAMESPACE": "",
        "EMQX_CLUSTER__K8S__ADDRESS_TYPE": "",
        NAME: "emqx",
        "EMQX_CLUSTER__DNS__RECORD_TYPE": "srv",
        "EMQX_HOST": f"$(POD_NAME).{full}",
    }
    body = manifests.stateful_set(VERSION, story.namespace, None, **settings)
    pod_name = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    body["spec"]["template"]["spec"]["containers"][0]["env"].insert(0, pod_name)
    return body


async def whole(story: Story) -> None:
    """Every member, asked itself, sees all three by their host names, and nobody as stopped."""
    names = {f"emqx@emqx-{n}.emqx.{story.namespace}.svc.cluster.local" for n in range(3)}
    assert [view for view in await story.views() if view != (names, set())] == []


async def test_a_short_name_is_found_by_nobody_and_put_right_in_one_rollout(story: Story) -> None:
    await story.apply(manifests.service(story.namespace, headless=True), the_charts(story))
    await story.until_lone(3)
    for pod in await story.pods():
        assert "AutoCluster" not in await story.log(pod["metadata"]["name"])

    await story.annotate(kind="StatefulSet", mode="Observe")
    told, *_ = await story.until_conditions(
        ("ConfigurationValid", "False", "DNSNameNotQualified"),
        ("RBACReady", "True", "NotApplicable"),
        ("DiscoveryReady", "True", "EndpointsPublished"),
        ("DNSHealthy", "True", "NamesResolve"),
        ("RolloutSafe", "False", "MinReadySecondsTooLow"),
        ("Ready", "False", "DNSNameNotQualified"),
    )
    right = f"emqx.{story.namespace}.svc.cluster.local"
    assert f"set {NAME}={right}" in told["message"]
    seen = (await story.resource())["status"]["discovery"]
    assert (seen["strategy"], seen["dnsName"], seen["recordType"]) == ("dns", "emqx", "srv")

    await story.annotate(kind="StatefulSet", mode="Repair")
    await story.until_repaired()
    assert await story.rollouts("StatefulSet") == 1
    await whole(story)
    workload = await story.get("StatefulSet")
    assert workload
    assert env_of(workload)[NAME] == right
    assert (await story.resource())["status"].get("staleNodes") is None

    await story.shell(f"kubectl rollout restart -n {story.namespace} statefulset/emqx")
    await story.shell(f"kubectl rollout status -n {story.namespace} statefulset/emqx --timeout=240s")
    await story.until_views(3, 3, 3)
    await whole(story)
    await story.until_condition("Ready", "True", "AllMembersClustered", seconds=120)
