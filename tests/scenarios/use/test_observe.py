"""Mode Observe changes nothing, and what it plans can be carried out by hand, in order, as it is written."""

from collections.abc import Awaitable, Callable

import pytest

import manifests
from situations import NOBODYS_NAME, lone_members, one_orphan, without_rights
from story import Story

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


JOINS = ("JoinCluster",) * 2
RIGHTS = ("CreateRole", "CreateRoleBinding")
ACCOUNT = ("CreateServiceAccount", *RIGHTS)
ROLLOUT = ("PatchWorkload", "AwaitRollout")
NAMES = ("ForceLeave",) * 3
WHOLE = (*JOINS, *ACCOUNT, *ROLLOUT, *NAMES)


async def the_plan(story: Story, planned: tuple[str, ...]) -> list[dict[str, str]]:
    """status.plannedActions, once it says what it should."""

    async def check() -> list[dict[str, str]] | None:
        found = (await story.resource()).get("status", {}).get("plannedActions", [])
        return found if tuple(action["action"] for action in found) == planned else None

    actions: list[dict[str, str]] = await story.until(f"the plan {planned}", check, seconds=180, watched=True)
    return actions


async def carry_out(story: Story, actions: list[dict[str, str]]) -> None:
    """As a person would who copies each command from the status."""
    for action in actions:
        if "command" in action:
            await story.shell(action["command"])


@pytest.mark.parametrize(
    ("situation", "planned"),
    [
        pytest.param(dead_proxy, WHOLE, id="dead proxy"),
        pytest.param(orphan, ("JoinCluster", *ACCOUNT, *ROLLOUT, "ForceLeave", *NAMES), id="orphan"),
        pytest.param(node_only_name, WHOLE, id="node-only name"),
        pytest.param(no_rights, WHOLE, id="no rights"),
        pytest.param(no_rights_of_its_own_account, (*JOINS, *RIGHTS, "PatchWorkload"), id="own account"),
        pytest.param(all_wrong, WHOLE, id="all wrong"),
    ],
)
async def test_observe_changes_nothing_and_its_plan_done_by_hand_makes_it_right(
    story: Story, situation: Callable[[Story], Awaitable[None]], planned: tuple[str, ...]
) -> None:
    await situation(story)
    workload = await story.get("Deployment")
    await story.annotate(mode="Observe")

    actions = await the_plan(story, planned)
    assert (await story.condition("Ready"))["status"] == "False"
    observed = await story.get("Deployment")
    assert workload
    assert observed
    assert observed["spec"] == workload["spec"]
    await carry_out(story, actions)

    await story.until_repaired(seconds=180)
    await story.one_cluster()
    assert await story.rollouts() == (1 if "AwaitRollout" in planned else 0)
    assert {write.resource for write in story.operator_writes()} <= ITS_OWN
    now = await story.get("Deployment")
    assert now
    assert now["metadata"]["annotations"]["emqx-autocluster.io/mode"] == "Observe"


async def test_observe_plans_nothing_as_long_as_the_user_has_to_name_whose_data_stays(story: Story) -> None:
    """A plan without the joins, done by hand, would be the rollout that splits a cluster."""
    await story.apply(
        manifests.service(story.namespace, headless=True),
        manifests.stateful_set(
            "5.8.9", story.namespace, manifests.DEAD_PROXY, volume=True, **manifests.HOSTNAMES
        ),
    )
    await story.until_lone()
    await story.annotate(kind="StatefulSet", mode="Observe")

    told = await story.until_condition("ClusterFormed", "False", "SeedNeeded")
    assert "spec.repair.seed" in told["message"]
    assert "plannedActions" not in (await story.resource())["status"]
    await story.patch("EMQXAutoCluster", "emqx", {"spec": {"repair": {"seed": "emqx-1"}}})
    joins = (await the_plan(story, (*JOINS, *ACCOUNT, *ROLLOUT)))[:2]
    assert [action["subject"] for action in joins] == ["Pod/emqx-0", "Pod/emqx-2"]
    assert all("emqx-1" in action["message"] for action in joins)
    assert {write.resource for write in story.operator_writes()} <= ITS_OWN
