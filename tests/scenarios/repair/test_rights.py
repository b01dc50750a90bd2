"""The address is right and nobody may ask: rights are given, and nothing restarts that does not have to."""

from typing import Any

import pytest

import manifests
from story import Story, condition, uids

Object = dict[str, Any]
ROLE = "emqx-discovery"


async def template_of(story: Story) -> Object:
    workload = await story.get("Deployment")
    assert workload
    spec: Object = workload["spec"]["template"]["spec"]
    return spec


async def until_told(story: Story, *actions: str) -> None:
    """Until the events on the workload say that exactly this was done, in this order; nothing waits for an event.

    Names leave together if their pods are gone by then, and else one after the other.
    """

    async def told() -> bool:
        events = sorted(await story.events("Deployment"), key=lambda event: str(event["eventTime"]))
        done = [e["reason"] for e in events if e.get("action") == "Repair"]
        leaving = [reason for reason in done if reason == "ForceLeave"]
        return done in (list(actions), [*actions, *leaving[1:]])

    await story.until(f"events of {', '.join(actions)}", told, seconds=60)


@pytest.mark.parametrize("version", ["4.4.19", "5.8.9"])
async def test_pods_with_a_service_account_of_their_own_are_gathered_and_get_rights_and_no_rollout(
    story: Story, version: str
) -> None:
    account = manifests.service_account(story.namespace, "iot")
    workload = manifests.deployment(
        version, story.namespace, manifests.CANONICAL, pod={"serviceAccountName": "iot"}
    )
    await story.apply(account, manifests.service(story.namespace), workload)
    await story.until_lone()
    before, template = uids(await story.pods()), await template_of(story)
    await story.annotate(mode="Observe")
    denied = await story.until_condition("RBACReady", "False", "PermissionDenied")
    assert (
        f"ServiceAccount iot may not get endpoints/emqx in namespace {story.namespace}" in denied["message"]
    )
    assert await story.get("Role", ROLE) is None

    await story.annotate(mode="Repair")
    await story.until_repaired()

    await until_told(
        story,
        "JoinCluster",
        "JoinCluster",
        "CreateRole",
        "CreateRoleBinding",
        "PatchWorkload",
    )
    assert uids(await story.pods()) == before
    assert await story.rollouts() == 0
    assert await template_of(story) == template
    await story.one_cluster()
    granted = await story.condition("RBACReady")
    assert granted["reason"] == "AccessGranted"
    assert f"ServiceAccount iot may get endpoints/emqx in namespace {story.namespace}" in granted["message"]
    await allows_one_get_and_belongs_to_the_workload(story)


async def allows_one_get_and_belongs_to_the_workload(story: Story) -> None:
    role, binding, owner = (
        await story.get("Role", ROLE),
        await story.get("RoleBinding", ROLE),
        await story.get("Deployment"),
    )
    assert role
    assert binding
    assert owner
    assert role["rules"] == manifests.role(story.namespace, ROLE)["rules"]
    assert binding["roleRef"]["name"] == ROLE
    assert [(s["kind"], s["name"]) for s in binding["subjects"]] == [("ServiceAccount", "iot")]
    reference = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "emqx",
        "uid": owner["metadata"]["uid"],
    }
    assert role["metadata"]["ownerReferences"] == binding["metadata"]["ownerReferences"] == [reference]
    may = f"kubectl auth can-i -n {story.namespace} --as system:serviceaccount:{story.namespace}:iot"
    assert (await story.shell(f"{may} get endpoints/emqx")).strip() == "yes"
    for forbidden in ("list endpoints", "get endpoints/other", "get secrets", "get pods"):
        assert (await story.shell(f"{may} {forbidden} || true")).strip() == "no"


async def test_pods_of_default_are_moved_to_an_account_of_their_own_in_one_rollout(story: Story) -> None:
    await story.apply(manifests.service(story.namespace))
    await story.until("ServiceAccount default", lambda: story.get("ServiceAccount", "default"))
    await story.patch("ServiceAccount", "default", {"imagePullSecrets": [{"name": "registry"}]})
    await story.apply(manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=2))
    await story.until_lone(2)
    before = uids(await story.pods())
    await story.annotate(mode="Repair")
    await story.until_repaired()

    await until_told(
        story,
        "JoinCluster",
        "CreateServiceAccount",
        "CreateRole",
        "CreateRoleBinding",
        "PatchWorkload",
        "ForceLeave",
    )
    assert await story.rollouts() == 1
    assert not uids(await story.pods()) & before
    template = await template_of(story)
    assert template["serviceAccountName"] == template["serviceAccount"] == ROLE
    await story.one_cluster(2)
    account = await story.get("ServiceAccount", ROLE)
    assert account
    assert account["imagePullSecrets"] == [{"name": "registry"}]
    assert "ownerReferences" not in account["metadata"]


async def test_pods_are_not_moved_off_a_default_account_that_a_cloud_or_another_binding_knows(
    story: Story,
) -> None:
    await story.until("ServiceAccount default", lambda: story.get("ServiceAccount", "default"))
    await story.apply(
        manifests.service(story.namespace),
        manifests.role(story.namespace, "vault", "vault"),
        manifests.role_binding(story.namespace, "vault", "default"),
        manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1),
    )
    await story.annotate(mode="Repair")
    told = await story.until_condition("RBACReady", "False", "PermissionDenied")
    assert "default has other rights that the pods may need (vault)" in told["message"]
    assert "create a ServiceAccount for these pods" in told["message"]

    role = "arn:aws:iam::1:role/emqx"
    marks = {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": role}}}
    await story.patch("ServiceAccount", "default", marks)
    await story.annotate(paused="false")  # an event: the operator looks again

    async def tells_the_identity() -> bool:
        message = (await story.condition("RBACReady")).get("message", "")
        return "default carries the cloud identity eks.amazonaws.com/role-arn" in message

    await story.until("the cloud identity in the message", tells_the_identity)
    assert {(w.resource, w.subresource) for w in story.operator_writes()} <= {
        ("emqxautoclusters", ""),
        ("emqxautoclusters", "status"),
        ("events", ""),
    }


async def test_a_role_of_the_same_name_that_somebody_else_made_is_left_alone(story: Story) -> None:
    theirs = manifests.role(story.namespace, ROLE, "something-else")
    await story.apply(
        manifests.service_account(story.namespace, "iot"),
        theirs,
        manifests.service(story.namespace),
        manifests.deployment(
            "5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod={"serviceAccountName": "iot"}
        ),
    )
    await story.annotate(mode="Repair")
    told = await story.until_condition("RBACReady", "False", "ForeignObject")
    assert f"Role {ROLE} exists and is not ours" in told["message"]
    left = await story.get("Role", ROLE)
    assert left
    assert left["rules"] == theirs["rules"]
    assert await story.get("RoleBinding", ROLE) is None


async def granted_to_one_member(story: Story) -> None:
    """A single EMQX in mode Repair, to which the operator gave its rights."""
    await story.apply(
        manifests.service_account(story.namespace, "iot"),
        manifests.service(story.namespace),
        manifests.deployment(
            "5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod={"serviceAccountName": "iot"}
        ),
    )
    await story.annotate(mode="Repair")
    await story.until_condition("RBACReady", "True", "AccessGranted")
    await story.until_condition("Ready", "True", "SingleMember")


async def test_drift_of_the_operators_own_role_and_binding_is_put_right_within_seconds(story: Story) -> None:
    await granted_to_one_member(story)
    wanted = manifests.role(story.namespace, ROLE)["rules"]

    async def role_is_right() -> bool:
        role = await story.get("Role", ROLE)
        return bool(role and role["rules"] == wanted)

    async def binding_is_right() -> bool:
        binding = await story.get("RoleBinding", ROLE)
        return bool(
            binding
            and binding["roleRef"]["name"] == ROLE
            and [s["name"] for s in binding["subjects"]] == ["iot"]
        )

    wider = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}]
    await story.patch("Role", ROLE, {"rules": wider})
    await story.until("the edited Role right again", role_is_right, seconds=60)
    await story.delete("Role", ROLE)
    await story.until("the deleted Role there again", role_is_right, seconds=60)
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": story.namespace}
    await story.patch("RoleBinding", ROLE, {"subjects": [subject]})
    await story.until("the edited RoleBinding right again", binding_is_right, seconds=60)
    await story.delete("RoleBinding", ROLE)
    await story.until("the deleted RoleBinding there again", binding_is_right, seconds=60)
    await story.until_repaired(seconds=120)
    assert await story.rollouts() == 0


async def test_a_changed_role_ref_is_put_right_with_a_new_binding_once_the_operator_may(story: Story) -> None:
    await granted_to_one_member(story)
    await story.annotate(paused="true")
    await story.until_condition("Paused", "True")
    bound = await story.get("RoleBinding", ROLE)
    assert bound
    view = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    metadata = {key: bound["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    await story.delete("RoleBinding", ROLE)
    await story.apply(bound | {"metadata": metadata, "roleRef": view})

    async def is_planned() -> bool:
        planned = (await story.resource())["status"].get("plannedActions") or []
        return [p["action"] for p in planned] == ["UpdateRoleBinding"]

    await story.until("the binding in plannedActions", is_planned, seconds=60)
    left = await story.get("RoleBinding", ROLE)
    assert left
    assert left["roleRef"] == view

    await story.annotate(paused=None)

    async def is_right() -> bool:
        binding = await story.get("RoleBinding", ROLE)
        return bool(binding and binding["roleRef"]["name"] == ROLE and binding["metadata"]["ownerReferences"])

    await story.until("a new binding to our Role", is_right, seconds=60)
    assert condition(await story.resource(), "RBACReady")["status"] == "True"
