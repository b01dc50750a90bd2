"""Others who hold the manifest: a tool that sets the old value back, an upgrade with an old one, and a licence."""

import manifests
from odd import (
    ACCOUNT,
    APISERVER,
    NO_SCHEME,
    Object,
    address,
    apply_as,
    container,
    create,
    the,
    until_address,
    until_planned,
    with_rights,
)
from story import Story

TOOL = "manifest-sync"


ONE_AFTER_THE_OTHER = {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}
"""A new member that joined one which the next rollout ends would lose it in the middle of the join, by chance."""


async def kept_by_a_tool(story: Story) -> Object:
    """One replica suffices: it is the template that is fought over, and each rollout is short."""
    await with_rights(story)
    manifest = manifests.deployment(
        "5.8.8", story.namespace, NO_SCHEME, replicas=1, spec=ONE_AFTER_THE_OTHER, pod=ACCOUNT
    )
    await apply_as(story, TOOL, manifest)
    await story.until_lone(1)
    await story.annotate(mode="Repair")
    await until_address(story, manifests.CANONICAL)
    await story.until_repaired()
    return manifest


async def test_a_tool_that_sets_the_old_address_back_twice_is_not_fought_and_named(story: Story) -> None:
    manifest = await kept_by_a_tool(story)
    await apply_as(story, TOOL, manifest)
    assert await address(story) == NO_SCHEME
    await until_address(story, manifests.CANONICAL)
    await apply_as(story, TOOL, manifest)

    told = await story.until_condition("Ready", "False", "ExternalRevert", seconds=180)
    for words in (
        f"{NO_SCHEME} was set back 2 times within 30 minutes",
        f"by the field manager {TOOL}",
        "commit the patch of status.plannedActions",
        f"{APISERVER}={manifests.CANONICAL}",
    ):
        assert words in told["message"]
    patch = await until_planned(story, "PatchWorkload")
    assert manifests.CANONICAL in patch["command"]
    patches = [w for w in story.operator_writes() if w.resource == "deployments" and w.code == 200]
    assert len(patches) == 2, "the first repair, and once more"
    assert await address(story) == NO_SCHEME

    container(manifest)["env"] = [
        e | {"value": manifests.CANONICAL} if e["name"] == APISERVER else e
        for e in container(manifest)["env"]
    ]
    await apply_as(story, TOOL, manifest)
    await story.until_condition("Ready", "True", "SingleMember")


async def test_an_upgrade_with_the_old_manifest_is_no_fight_and_put_right_again(story: Story) -> None:
    manifest = await kept_by_a_tool(story)
    container(manifest)["image"] = "emqx/emqx:5.8.9"
    await apply_as(story, TOOL, manifest)
    assert await address(story) == NO_SCHEME

    await until_address(story, manifests.CANONICAL)
    resource = await story.until_repaired()

    assert container(await the(story))["image"] == "emqx/emqx:5.8.9", "the upgrade itself stays"
    assert resource["status"]["discovery"]["emqxVersion"] == "5.8.9"
    assert await story.rollouts() == 3
    await story.one_cluster(1)


LICENCE = "EMQX_LICENSE__KEY"


async def test_without_a_licence_for_a_cluster_nothing_is_touched_and_with_one_it_is_repaired(
    story: Story,
) -> None:
    """With rights or a right address lone nodes would find each other, and the licence would stop them."""
    await story.apply(
        manifests.service(story.namespace),
        manifests.deployment("5.9.0", story.namespace, NO_SCHEME, replicas=2),
    )
    await story.until_lone(2)
    await story.annotate(mode="Repair")
    told, _ = await story.until_conditions(
        ("ClusterFormed", "False", "LicenseMissing"), ("RBACReady", "False", "PermissionDenied")
    )
    assert f"EMQX 5.9.0 with 2 replicas and no {LICENCE}" in told["message"]
    assert "set a licence key, or one replica" in told["message"]
    ready = await story.condition("Ready")
    assert f"no {LICENCE}" in ready["message"]
    assert {w.resource for w in story.operator_writes()} == {"emqxautoclusters", "events"}

    metadata = {"name": "emqx-licence", "namespace": story.namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {LICENCE: "a-key"}}
    await create(story, secret)
    await story.shell(f"kubectl set env deployment/emqx -n {story.namespace} --from=secret/emqx-licence")
    await story.until_repaired()

    assert await address(story) == manifests.CANONICAL
    await story.one_cluster(2)
