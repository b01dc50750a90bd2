"""Whose an object is: workloads that come back under their name, and two that share one."""

import json
from pathlib import Path
from typing import Any

import pytest

import manifests
from odd import ACCOUNT
from story import Story, condition, env_of, uids

Object = dict[str, Any]
SECONDS = 90
"""Within which all is there again; the operator is told by watches, so that it need not look by itself."""


def uid(found: Object | None) -> str:
    return str(found["metadata"]["uid"]) if found else ""


def owners(found: Object | None) -> list[str]:
    references = found["metadata"].get("ownerReferences") or [] if found else []
    return [owner["uid"] for owner in references]


@pytest.mark.parametrize("cascade", ["background", "orphan"])
async def test_a_workload_made_again_under_its_name_has_its_rights_back_within_seconds(
    story: Story, cascade: str
) -> None:
    """What belonged to the former one goes with it, or is left without an owner."""
    await story.apply(manifests.service_account(story.namespace, "iot"), manifests.service(story.namespace))
    workload = manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod=ACCOUNT)
    workload["metadata"]["annotations"] = {"emqx-autocluster.io/mode": "Repair"}
    await story.apply(workload)
    former = await story.until_repaired()
    pods = uids(await story.pods())
    await story.shell(f"kubectl delete deployment emqx -n {story.namespace} --cascade={cascade}")
    await story.apply(workload)
    owner = uid(await story.get("Deployment"))

    async def all_is_back() -> bool:
        role, binding = [await story.get(kind, "emqx-discovery") for kind in ("Role", "RoleBinding")]
        resource = await story.resource()
        new = bool(resource) and uid(resource) != uid(former)
        granted = condition(resource, "RBACReady").get("reason") == "AccessGranted"
        return new and granted and owners(role) == owners(binding) == owners(resource) == [owner]

    await story.until("rights and resource of the new workload", all_is_back, seconds=SECONDS)
    await story.until_repaired(seconds=180)
    assert await all_is_back(), "the garbage collector took none of the new ones"
    kept = uids(await story.pods()) == pods
    assert kept == (cascade == "orphan"), "pods left behind are adopted, and nothing restarts them"


async def test_a_resource_that_lost_its_owner_is_made_anew_and_keeps_what_the_user_tuned(
    story: Story,
) -> None:
    """As after a deletion that leaves orphans, or from a backup: it remembers another workload, and none owns it."""
    await story.apply(manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=0))
    await story.annotate(mode="Repair")
    await story.until_condition("Accepted", "False", "ScaledToZero")
    former = await story.resource()
    lost = {"metadata": {"ownerReferences": None}, "spec": {"verification": {"interval": "7m"}}}
    await story.patch("EMQXAutoCluster", "emqx", lost)

    async def made_anew() -> Object | None:
        now = await story.resource()
        return now if now and uid(now) != uid(former) else None

    anew = await story.until("another resource", made_anew, seconds=SECONDS)
    assert owners(anew) == [uid(await story.get("Deployment"))]
    assert anew["spec"] == former["spec"] | {
        "verification": {"pulse": "30s", "interval": "7m", "suspiciousInterval": "15s"}
    }
    await story.until_condition("Accepted", "False", "ScaledToZero")
    assert uid(await story.resource()) == uid(anew), "once is enough"


async def test_a_deployment_and_a_stateful_set_of_one_name_are_looked_after_apart(story: Story) -> None:
    """The second gets a resource, and with it a Role, that says its kind in its name."""
    await story.apply(
        manifests.service_account(story.namespace, "iot"),
        manifests.service(story.namespace, tier="core"),
        manifests.service(story.namespace, name="edge", headless=True, tier="edge"),
    )
    core = manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod=ACCOUNT)
    edge = manifests.stateful_set(
        "5.8.9",
        story.namespace,
        manifests.CANONICAL,
        replicas=1,
        pod=ACCOUNT,
        EMQX_CLUSTER__K8S__SERVICE_NAME="edge",
    )
    await story.apply(tiered(core, "core"))
    await story.annotate(mode="Repair")
    await story.until_repaired()
    first = await story.resource()
    await story.apply(tiered(edge, "edge"))
    await story.annotate(kind="StatefulSet", mode="Repair")

    second = await story.until_repaired(name="emqx-statefulset", seconds=180)

    assert second["spec"]["targetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "emqx"}
    assert second["status"]["discovery"]["serviceName"] == "edge"
    assert owners(second) == [uid(await story.get("StatefulSet"))]
    role = await story.get("Role", "emqx-statefulset-discovery")
    assert role
    assert role["rules"][0]["resourceNames"] == ["edge"]
    assert (await story.resource())["status"]["conditions"] == first["status"]["conditions"]

    await story.annotate(mode=None)

    async def only_the_second() -> bool:
        return not await story.resource() and uid(await story.resource("emqx-statefulset")) == uid(second)

    await story.until("no resource of the Deployment", only_the_second)
    await story.annotate(kind="StatefulSet", mode="Observe")

    async def observed() -> bool:
        accepted = await story.condition("Accepted", "emqx-statefulset")
        return "statefulset/emqx is looked after in mode Observe" in accepted["message"]

    await story.until("mode Observe in the status", observed)
    assert not await story.resource(), "who has a resource keeps it, though the shorter name is free now"


def tiered(workload: Object, tier: str) -> Object:
    """Pods of its own: both are `app: emqx`, as people write it."""
    workload["spec"]["selector"]["matchLabels"]["tier"] = tier
    workload["spec"]["template"]["metadata"]["labels"] = {"app": "emqx", "tier": tier}
    return workload


async def test_a_workload_replaced_by_its_old_manifest_is_not_taken_for_a_rollback(
    story: Story, tmp_path: Path
) -> None:
    """`kubectl replace --force` is over before anybody looks, and a resource of the user's own outlives it."""
    target = {"kind": "Deployment", "name": "emqx"}
    resource = {"apiVersion": "emqx-autocluster.io/v1alpha1", "kind": "EMQXAutoCluster"}
    metadata = {"name": "emqx", "namespace": story.namespace}
    workload = manifests.deployment("5.8.9", story.namespace, "nonsense", replicas=1, pod=ACCOUNT)
    workload["metadata"]["annotations"] = {"emqx-autocluster.io/mode": "Repair"}
    await story.apply(
        resource | {"metadata": metadata, "spec": {"targetRef": target}},
        manifests.service_account(story.namespace, "iot"),
        manifests.service(story.namespace),
        workload,
    )
    await story.until_repaired()
    manifest = tmp_path / "emqx.json"
    manifest.write_text(json.dumps(workload))
    await story.shell(f"kubectl replace --force --grace-period=1 -f {manifest}")
    owner = uid(await story.get("Deployment"))

    async def looked_after() -> bool:
        return bool(((await story.resource()).get("status") or {}).get("workloadUID") == owner)

    await story.until("a status about the new workload", looked_after, seconds=SECONDS)
    await story.until_repaired()
    replaced = await story.get("Deployment")
    assert replaced
    assert env_of(replaced)["EMQX_CLUSTER__K8S__APISERVER"] == manifests.CANONICAL
