"""Mode Observe changes nothing, and what it plans can be carried out by hand, in order, as it is written."""

from collections.abc import Awaitable, Callable

import pytest
from situations import NOBODYS_NAME, lone_members, one_orphan, without_rights
from story import Story

import manifests

ITS_OWN = {"emqxautoclusters", "events"}


async def dead_proxy(story: Story) -> None:
    await lone_members(story, "4.4.19", manifests.DEAD_PROXY)


async def orphan(story: Story) -> None:
    await one_orphan(story, "5.8.9", "10.9.8.3:8001")


async def node_only_name(story: Story) -> None:
    await story.apply(manifests.custom_resource(story.namespace, dns={"negativeGrace": "5s"}))
    await lone_members(story, "5.8.9", manifests.NODE_ONLY_NAME)


async def no_rights(story: Story) -> None:
    await without_rights(story, "4.4.19", "default")


async def no_rights_of_its_own_account(story: Story) -> None:
    await without_rights(story, "5.8.9", "emqx")


async def all_wrong(story: Story) -> None:
    await story.apply(manifests.custom_resource(story.namespace, dns={"negativeGrace": "5s"}))
    await lone_members(story, "4.4.19", NOBODYS_NAME, dnsPolicy="Default", automountServiceAccountToken=False)


ROLLOUT = ("PatchWorkload", "AwaitRollout")
RIGHTS = ("CreateRole", "CreateRoleBinding")
ACCOUNT = ("CreateServiceAccount", *RIGHTS)
JOINS = ("JoinCluster", "JoinCluster")
NAMES = ("ForceLeave",) * 3


@pytest.mark.parametrize(
    ("situation", "planned"),
    [
        (dead_proxy, (*JOINS, *ACCOUNT, *ROLLOUT, *NAMES)),
        (orphan, ("JoinCluster", *ACCOUNT, *ROLLOUT, *NAMES, "ForceLeave")),
        (node_only_name, (*JOINS, *ACCOUNT, *ROLLOUT, *NAMES)),
        (no_rights, (*JOINS, *ACCOUNT, *ROLLOUT, *NAMES)),
        (no_rights_of_its_own_account, (*JOINS, *RIGHTS, "PatchWorkload")),
        (all_wrong, (*JOINS, *ACCOUNT, *ROLLOUT, *NAMES)),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_observe_changes_nothing_and_its_plan_done_by_hand_makes_it_right(
    story: Story, situation: Callable[[Story], Awaitable[None]], planned: tuple[str, ...]
) -> None:
    await situation(story)
    workload = await story.get("Deployment")
    await story.annotate(mode="Observe")

    async def plan() -> list[dict[str, str]] | None:
        found = (await story.resource()).get("status", {}).get("plannedActions", [])
        return found if tuple(action["action"] for action in found) == planned else None

    actions = await story.until(f"the plan {planned}", plan, seconds=90)
    assert (await story.condition("Ready"))["status"] == "False"
    observed = await story.get("Deployment")
    assert workload
    assert observed
    assert observed["spec"] == workload["spec"]
    for action in actions:
        if action.get("command"):
            await story.shell(action["command"])

    await story.until_repaired(seconds=90)
    await story.one_cluster()
    assert await story.rollouts() == (1 if "AwaitRollout" in planned else 0)
    assert {write.resource for write in story.operator_writes()} <= ITS_OWN
    now = await story.get("Deployment")
    assert now
    assert now["metadata"]["annotations"]["emqx-autocluster.io/mode"] == "Observe"
