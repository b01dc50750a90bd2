"""Rights that somebody else has a hand in: given in other ways, or in the way of what the operator would make."""

from typing import Any

import pytest

import manifests
from story import Story

Object = dict[str, Any]
OURS = "emqx-discovery"
RBAC = {"serviceaccounts", "roles", "rolebindings"}
SOON = {"interval": "5s"}
"""Nobody tells the operator of objects that are not its own: it sees them when it looks again."""


def written(story: Story) -> set[str]:
    return {write.resource for write in story.operator_writes()}


async def one_member(story: Story, account: str) -> None:
    """In mode Repair, with the right address; whoever made `account` gave it no rights."""
    named = {} if account == "default" else {"serviceAccountName": account}
    await story.apply(
        manifests.custom_resource(story.namespace, verification=SOON),
        manifests.service(story.namespace),
        manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod=named),
    )
    await story.annotate(mode="Repair")


# --- rights given in another way


ROLE = "role endpoints -n {namespace} --verb=get --resource=endpoints --resource-name=emqx"
CLUSTER_ROLE = "clusterrole {own} --verb=get,list --resource=endpoints"
GIVEN = {
    "to the group of the namespace's ServiceAccounts": (
        ROLE,
        "rolebinding endpoints -n {namespace} --role=endpoints --group=system:serviceaccounts:{namespace}",
    ),
    "by a ClusterRole within the namespace": (
        CLUSTER_ROLE,
        "rolebinding endpoints -n {namespace} --clusterrole={own} --serviceaccount={namespace}:iot",
    ),
    "by a ClusterRole everywhere": (
        CLUSTER_ROLE,
        "clusterrolebinding {own} --clusterrole={own} --serviceaccount={namespace}:iot",
    ),
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
async def test_rights_that_somebody_else_gave_count_and_none_are_added(
    story: Story, given: tuple[str, str]
) -> None:
    names = {"namespace": story.namespace, "own": f"endpoints-{story.namespace[-6:]}"}
    for rule in given:
        await story.shell(f"kubectl create {rule.format(**names)}")
    await story.apply(
        manifests.service_account(story.namespace, "iot"),
        manifests.service(story.namespace),
        manifests.deployment(
            "5.8.9", story.namespace, manifests.CANONICAL, replicas=1, pod={"serviceAccountName": "iot"}
        ),
    )
    await story.annotate(mode="Repair")
    await story.until_lone(1)
    await story.patch("Deployment", "emqx", {"spec": {"replicas": 2}})

    await story.until_condition("Ready", "True", "AllMembersClustered", seconds=240)

    granted = await story.condition("RBACReady")
    assert (granted["status"], granted["reason"]) == ("True", "AccessGranted")
    assert "ServiceAccount iot may get endpoints/emqx" in granted["message"]
    await story.one_cluster(2)
    assert not written(story) & RBAC
    assert await story.rollouts() == 0
    await story.shell(f"kubectl delete clusterrole,clusterrolebinding {names['own']} --ignore-not-found")


# --- objects of somebody else that have the name of ours


async def test_a_foreign_role_binding_is_left_alone_and_no_half_of_the_right_is_made(story: Story) -> None:
    theirs = manifests.role_binding(story.namespace, OURS, "metrics")
    await story.apply(manifests.service_account(story.namespace, "iot"), theirs)
    await one_member(story, "iot")
    told = await story.until_condition("RBACReady", "False", "ForeignObject")
    assert "ServiceAccount iot may not get endpoints/emqx" in told["message"]
    assert f"RoleBinding {OURS} exists and is not ours" in told["message"]
    assert "give the right with a RoleBinding of another name, or delete it" in told["message"]
    left = await story.get("RoleBinding", OURS)
    assert left
    assert (left["roleRef"], left["subjects"]) == (theirs["roleRef"], theirs["subjects"])
    assert not written(story) & RBAC, "a Role that nothing binds helps nobody"

    await story.delete("RoleBinding", OURS)
    await story.until_condition("RBACReady", "True", "AccessGranted", seconds=90)
    bound = await story.get("RoleBinding", OURS)
    assert bound
    assert [subject["name"] for subject in bound["subjects"]] == ["iot"]


async def test_pods_of_default_are_not_moved_to_a_service_account_that_somebody_else_made(
    story: Story,
) -> None:
    """It has the name that the operator would take. Who knows what else it may do."""
    await story.apply(manifests.service_account(story.namespace, OURS))
    theirs = await story.get("ServiceAccount", OURS)
    await one_member(story, "default")
    told = await story.until_condition("RBACReady", "False", "ForeignObject")
    assert "ServiceAccount default may not get endpoints/emqx" in told["message"]
    assert f"ServiceAccount {OURS} exists and is not ours" in told["message"]
    assert "name it in the pod template to use it, or delete it" in told["message"]
    assert await story.rollouts() == 0
    assert not written(story) & (RBAC | {"deployments"})

    mine = {"spec": {"template": {"spec": {"serviceAccountName": OURS}}}}
    await story.patch("Deployment", "emqx", mine)
    granted = await story.until_condition("RBACReady", "True", "AccessGranted", seconds=180)
    assert f"ServiceAccount {OURS} may get endpoints/emqx" in granted["message"]
    assert written(story) & RBAC == {"roles", "rolebindings"}
    assert await story.get("ServiceAccount", OURS) == theirs
