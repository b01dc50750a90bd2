"""Opting in and out, pausing, deleting, editing: what a user does with a workload that is looked after."""

from functools import partial
from typing import Any

import pytest

import manifests
from story import OPERATOR, Story, condition, uids

Object = dict[str, Any]
ROLE = "emqx-discovery"
REPORTS = {("emqxautoclusters", "status"), ("events", "")}


def changes(story: Story) -> set[tuple[str, str]]:
    """What the operator wrote beside its EMQXAutoCluster and events."""
    written = {(w.resource, w.subresource) for w in story.operator_writes() if w.user == OPERATOR}
    return written - REPORTS - {("emqxautoclusters", "")}


async def without_rights(story: Story, *, replicas: int) -> None:
    """The right address and a ServiceAccount that may not ask: to be repaired without a rollout."""
    workload = manifests.deployment(
        "5.8.9",
        story.namespace,
        manifests.CANONICAL,
        replicas=replicas,
        pod={"serviceAccountName": "iot"},
    )
    account = manifests.service_account(story.namespace, "iot")
    await story.apply(account, manifests.service(story.namespace), workload)
    await story.until_lone(replicas)


async def one_member_well(story: Story) -> Object:
    """One EMQX, to which the operator gave its rights; returns the EMQXAutoCluster."""
    await without_rights(story, replicas=1)
    await story.annotate(mode="Repair")
    return await story.until_repaired()


async def is_gone(story: Story, kind: str, name: str = "emqx") -> bool:
    return await story.get(kind, name) is None


async def planned(story: Story) -> list[str]:
    actions = (await story.resource()).get("status", {}).get("plannedActions") or []
    return [action["action"] for action in actions]


async def test_paused_shows_what_is_wrong_and_planned_and_resumed_it_goes_on(story: Story) -> None:
    await without_rights(story, replicas=2)
    await story.annotate(mode="Repair", paused="TRUE")
    told = await story.until_condition("Paused", "True", "AnnotationSet")
    assert "emqx-autocluster.io/paused is set: nothing is changed, status stays fresh" in told["message"]
    await story.until_condition("ClusterFormed", "False", "NotFormed")
    assert await planned(story) == ["JoinCluster", "CreateRole", "CreateRoleBinding", "PatchWorkload"]
    assert changes(story) == set()

    pods = uids(await story.pods())
    await story.annotate(paused=None)
    await story.until_condition("Paused", "False", "NotPaused")
    await story.until_repaired()
    assert uids(await story.pods()) == pods
    await story.one_cluster(2)


async def test_paused_in_the_middle_of_a_rollout_leaves_the_old_names_until_resumed(story: Story) -> None:
    await story.apply(
        manifests.service(story.namespace),
        manifests.role(story.namespace, "by-hand"),
        manifests.role_binding(story.namespace, "by-hand", "default"),
        manifests.deployment("5.8.9", story.namespace, "kubernetes.default.svc:443", replicas=2),
    )
    await story.until_lone(2)
    old = {f"emqx@{p['status']['podIP']}" for p in await story.pods()}
    await story.annotate(mode="Repair")

    async def rolls() -> bool:
        return await story.rollouts() == 1

    await story.until("the rollout", rolls, seconds=180)
    await story.annotate(paused="true")

    async def both_told() -> bool:
        stale = await story.condition("StaleNodesPresent")
        return stale.get("reason") == "AutohealInhibited" and all(name in stale["message"] for name in old)

    await story.until("both old names in StaleNodesPresent", both_told, seconds=240)
    await story.until_condition("Ready", "True", "AllMembersClustered")

    async def both_planned() -> bool:
        return await planned(story) == ["ForceLeave"] * 2

    await story.until("both old names to be removed, once their pods are gone", both_planned)
    assert set((await story.resource())["status"]["staleNodes"]) == old

    await story.annotate(paused="false")
    await story.until_repaired()
    assert await story.rollouts() == 1
    await story.one_cluster(2)


async def test_opting_out_takes_the_custom_resource_and_nothing_else_and_opting_in_again_changes_nothing(
    story: Story,
) -> None:
    await without_rights(story, replicas=2)
    await story.annotate(mode="Repair")
    await story.until_repaired()
    before = {kind: await story.get(kind, ROLE) for kind in ("Role", "RoleBinding")}
    workload, pods = await story.get("Deployment"), uids(await story.pods())
    assert workload
    assert all(before.values())

    await story.annotate(mode=None)
    await story.until("no EMQXAutoCluster", lambda: is_gone(story, "EMQXAutoCluster"))
    assert {kind: await story.get(kind, ROLE) for kind in before} == before
    left = await story.get("Deployment")
    assert left
    assert left["spec"] == workload["spec"]
    assert uids(await story.pods()) == pods
    await story.one_cluster(2)

    await story.annotate(mode="Repair")
    await story.until_condition("Ready", "True", "AllMembersClustered")
    assert await planned(story) == []
    assert {kind: await story.get(kind, ROLE) for kind in before} == before
    again = await story.get("Deployment")
    assert again
    assert again["spec"] == workload["spec"]
    assert uids(await story.pods()) == pods


async def test_a_deleted_workload_takes_role_and_resource_with_it_and_leaves_the_service_account(
    story: Story,
) -> None:
    await story.apply(
        manifests.service(story.namespace),
        manifests.deployment(
            "5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod={"serviceAccountName": "gone"}
        ),
    )
    await story.annotate(mode="Repair")
    await story.until_condition("RBACReady", "False", "ServiceAccountMissing")
    assert await story.get("ServiceAccount", "gone") is None, "it may have bindings of old"
    await story.patch("EMQXAutoCluster", "emqx", {"spec": {"repair": {"createServiceAccount": True}}})
    await story.until_repaired()
    account = await story.get("ServiceAccount", "gone")
    assert account, "the operator creates a missing ServiceAccount"
    await story.shell(f"kubectl delete deployment emqx -n {story.namespace} --wait=false")
    for kind, name in (("EMQXAutoCluster", "emqx"), ("Role", ROLE), ("RoleBinding", ROLE)):
        await story.until(f"no {kind}", partial(is_gone, story, kind, name))
    assert await story.get("ServiceAccount", "gone") == account


async def test_a_resource_that_the_user_made_outlives_workload_and_opting_out(story: Story) -> None:
    target = {"kind": "Deployment", "name": "emqx"}
    await story.apply(
        {
            "apiVersion": "emqx-autocluster.io/v1alpha1",
            "kind": "EMQXAutoCluster",
            "metadata": {"name": "emqx", "namespace": story.namespace},
            "spec": {"targetRef": target},
        }
    )
    absent = await story.until_condition("Accepted", "False", "TargetNotFound")
    assert f"deployment/emqx does not exist in namespace {story.namespace}" in absent["message"]
    await one_member_well(story)
    await story.annotate(mode=None)
    await story.until_condition("Ready", "False", "NotEnrolled")
    await story.delete("Deployment", "emqx")
    await story.until_condition("Ready", "False", "TargetNotFound")


async def test_a_resource_deleted_by_hand_comes_back_and_says_the_same(story: Story) -> None:
    resource = await one_member_well(story)
    await story.delete("EMQXAutoCluster", "emqx")

    async def came_back() -> Object | None:
        now = await story.resource()
        new = now and now["metadata"]["uid"] != resource["metadata"]["uid"]
        return now if new and condition(now, "Ready").get("status") == "True" else None

    again = await story.until("a new EMQXAutoCluster", came_back, seconds=60)
    assert again["metadata"]["ownerReferences"] == resource["metadata"]["ownerReferences"]
    told = {c["type"]: (c["status"], c["reason"]) for c in again["status"]["conditions"]}
    assert told == {c["type"]: (c["status"], c["reason"]) for c in resource["status"]["conditions"]}
    assert await story.rollouts() == 0


async def test_an_edited_spec_is_seen_and_never_written_over(story: Story) -> None:
    resource = await one_member_well(story)
    generation = resource["metadata"]["generation"]
    edited = {
        "verification": {"interval": "7m"},
        "repair": {"minReadySeconds": 45, "seed": "emqx-0"},
    }
    await story.patch("EMQXAutoCluster", "emqx", {"spec": edited})

    async def seen() -> Object | None:
        now = await story.resource()
        status = now["status"]
        generations = {c["observedGeneration"] for c in status["conditions"]} | {status["observedGeneration"]}
        return now if generations == {generation + 1} else None

    now = await story.until("the new generation in status", seen, seconds=60)
    assert now["metadata"]["generation"] == generation + 1
    assert now["spec"]["verification"] == {"pulse": "30s", "interval": "7m", "suspiciousInterval": "15s"}
    assert now["spec"]["repair"]["seed"] == "emqx-0"
    assert condition(now, "Ready")["status"] == "True"
    refused = await story.shell(
        f"kubectl patch eac emqx -n {story.namespace} --type=merge"
        """ -p '{"spec":{"targetRef":{"name":"other"}}}' 2>&1 || true"""
    )
    assert "targetRef cannot be changed; make another EMQXAutoCluster instead" in refused


@pytest.mark.parametrize(
    ("mark", "value", "expected"),
    [
        ("mode", "Repiar", 'emqx-autocluster.io/mode is "Repiar"; expected Observe, Repair, Heal'),
        ("paused", "yes", 'emqx-autocluster.io/paused is "yes"; expected true, false'),
    ],
)
async def test_a_broken_annotation_value_is_told_and_nothing_is_changed(
    story: Story, mark: str, value: str, expected: str
) -> None:
    await without_rights(story, replicas=1)
    await story.annotate(**({"mode": "repair"} | {mark: value}))
    told = await story.until_condition("Accepted", "False", "InvalidAnnotation")
    assert expected in told["message"]
    assert "nothing is changed until this is corrected" in told["message"]
    ready = await story.condition("Ready")
    assert (ready["status"], ready["message"]) == ("False", told["message"])
    await story.until_condition("RBACReady", "False", "PermissionDenied")

    async def both_planned() -> bool:
        return await planned(story) == ["CreateRole", "CreateRoleBinding"]

    await story.until("what it would do, once the member has told its view", both_planned)
    assert changes(story) == set()

    await story.annotate(mode=" rEPAIR ", paused=None)
    await story.until_condition("RBACReady", "True", "AccessGranted")


async def test_the_annotation_on_the_pod_template_alone_is_told_with_the_command_that_helps(
    story: Story,
) -> None:
    workload = manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1)
    workload["spec"]["template"]["metadata"]["annotations"] = {"emqx-autocluster.io/mode": "Repair"}
    await story.apply(manifests.service(story.namespace), workload)
    told = await story.until_condition("Accepted", "False", "AnnotationOnPodTemplate")
    assert "is on the pod template, where it has no effect" in told["message"]
    command = f"kubectl annotate -n {story.namespace} deployment/emqx emqx-autocluster.io/mode=Observe"
    assert command in told["message"]
    assert changes(story) == set()

    await story.shell(command)
    await story.until_condition("Accepted", "True", "TargetFound")
    assert changes(story) == set()
