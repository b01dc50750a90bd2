"""The way back: `emqx-autocluster revert`, and what happens when a person rolls back with kubectl."""

from typing import Any

import pytest

import manifests
from pace import SAFE_SECONDS
from story import Story, StoryError, env_of

Object = dict[str, Any]
APISERVER = "EMQX_CLUSTER__K8S__APISERVER"
ORIGINAL = "emqx-autocluster.io/original"
MODE = "emqx-autocluster.io/mode"
NO_SCHEME = "kubernetes.default.svc:443"


async def deployment(story: Story) -> Object:
    found = await story.get("Deployment")
    assert found
    return found


async def revert(story: Story) -> str:
    return await story.shell(f"emqx-autocluster revert deployment/emqx -n {story.namespace} --yes")


async def until_rolled(story: Story) -> None:
    await story.shell(f"kubectl rollout status deployment/emqx -n {story.namespace} --timeout=90s")


async def test_revert_puts_every_field_back_and_sets_observe(story: Story) -> None:
    metadata = {"name": "address", "namespace": story.namespace}
    data = {"apiserver": manifests.DEAD_PROXY}
    pod = {"dnsPolicy": "Default", "automountServiceAccountToken": False}
    workload = manifests.deployment("5.8.9", story.namespace, None, replicas=2, pod=pod)
    reference = {"configMapKeyRef": {"name": "address", "key": "apiserver"}}
    env = workload["spec"]["template"]["spec"]["containers"][0]["env"]
    env.append({"name": APISERVER, "valueFrom": reference})
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    await story.apply(config_map, manifests.service(story.namespace), workload)
    await story.until_lone(2)
    before = await deployment(story)
    await story.annotate(mode="Repair")
    await story.until_repaired()
    repaired = await deployment(story)
    template = repaired["spec"]["template"]["spec"]
    assert env_of(repaired)[APISERVER] == manifests.CANONICAL
    assert (template["dnsPolicy"], template["automountServiceAccountToken"]) == ("ClusterFirst", True)
    assert template["serviceAccountName"] == "emqx-discovery"
    assert await story.rollouts() == 1

    said = await revert(story)
    for line in (
        f'{APISERVER}: {manifests.CANONICAL} -> valueFrom {{"configMapKeyRef"',
        "automountServiceAccountToken: true -> false",
        "dnsPolicy: ClusterFirst -> Default",
        "serviceAccountName: emqx-discovery -> (unset)",
        f"minReadySeconds: {SAFE_SECONDS} -> 0",
        "every device reconnects",
        "deployment/emqx: reverted; mode is Observe now",
    ):
        assert line in said
    now = await deployment(story)
    assert now["spec"] == before["spec"]
    assert now["metadata"]["annotations"][MODE] == "Observe"
    assert ORIGINAL not in now["metadata"]["annotations"]
    await until_rolled(story)
    assert await story.rollouts() == 1, "the old ReplicaSet serves again"

    told = await story.until_condition("ConfigurationValid", "False", "APIServerUnreachable", seconds=180)
    assert "somebody rolled back" not in told["message"]
    assert "original" not in (await story.resource())["status"]
    with pytest.raises(StoryError, match="nothing to put back"):
        await revert(story)
    assert (await deployment(story))["spec"] == before["spec"]


async def test_a_rollback_with_kubectl_is_left_alone_and_revert_still_knows_the_originals(
    story: Story,
) -> None:
    await story.apply(
        manifests.service(story.namespace),
        manifests.role(story.namespace, "by-hand"),
        manifests.role_binding(story.namespace, "by-hand", "default"),
        manifests.deployment("5.8.9", story.namespace, NO_SCHEME, replicas=2),
    )
    await story.until_lone(2)
    await story.annotate(mode="Repair")
    await story.until_repaired()
    await story.shell(f"kubectl rollout undo deployment/emqx -n {story.namespace}")
    undone = await deployment(story)
    assert env_of(undone)[APISERVER] == NO_SCHEME
    assert ORIGINAL not in undone["metadata"]["annotations"]

    told = await story.until_condition("ConfigurationValid", "False", "ExternalRevert", seconds=240)
    assert f"somebody rolled back to {NO_SCHEME}" in told["message"]
    assert "emqx-autocluster.io/roll=now" in told["message"]
    await until_rolled(story)
    left = await deployment(story)
    assert left["spec"] == undone["spec"], "a rollback is a person's decision"
    assert left["spec"]["minReadySeconds"] == SAFE_SECONDS

    said = await revert(story)
    assert f"minReadySeconds: {SAFE_SECONDS} -> 0" in said
    assert f"{APISERVER}: left as it is ({NO_SCHEME})" in said
    now = await deployment(story)
    assert now["spec"].get("minReadySeconds", 0) == 0
    assert env_of(now)[APISERVER] == NO_SCHEME
    assert now["metadata"]["annotations"][MODE] == "Observe"

    await story.until_condition("RolloutSafe", "False", "MinReadySecondsTooLow")
    await story.annotate(mode="Repair")

    async def repaired_again() -> bool:
        return env_of(await deployment(story))[APISERVER] == manifests.CANONICAL

    await story.until("a repair that is asked for anew", repaired_again)


async def test_revert_leaves_what_somebody_else_changed_since(story: Story) -> None:
    await story.apply(
        manifests.service(story.namespace),
        manifests.service_account(story.namespace, "iot"),
        manifests.role(story.namespace, "by-hand"),
        manifests.role_binding(story.namespace, "by-hand", "iot"),
        manifests.deployment(
            "5.8.9",
            story.namespace,
            manifests.CANONICAL,
            replicas=2,
            pod={"serviceAccountName": "iot"},
        ),
    )
    await story.until_lone(2)
    await story.annotate(mode="Repair")
    await story.until_condition("RolloutSafe", "True", "MinReadySecondsSufficient")
    await story.patch("Deployment", "emqx", {"spec": {"minReadySeconds": 40}})
    said = await revert(story)
    assert "minReadySeconds: left as it is (40), somebody else changed it since" in said
    assert "every device reconnects" not in said
    assert (await deployment(story))["spec"]["minReadySeconds"] == 40
