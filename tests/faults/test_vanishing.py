"""Objects that are deleted under the operator's hands, between two of its requests."""

from keeper import Keeper
from repairs import JOIN, alone, is_whole, tried
from sandbox.faultgate import FaultGate, Wait
from story import Story

CRASH = "the pass crashed"


async def test_the_resource_is_made_again_when_it_is_deleted_before_its_status_is_written(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await alone(story)

    async def delete() -> None:
        await story.delete("EMQXAutoCluster", "emqx")

    spoilt = gate.put(
        Wait(meanwhile=delete), f"{story.namespace}/emqxautoclusters/emqx/status", method="PATCH", times=1
    )
    await story.annotate(mode="Repair")
    await story.until_repaired()
    assert spoilt.hits == 1
    await is_whole(gate, story)
    assert CRASH not in operator.log.read_text()
    assert operator.exits == []


async def test_nothing_is_left_behind_when_the_workload_is_deleted_before_it_gets_its_rights(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await alone(story)

    async def delete() -> None:
        await story.delete("Deployment", "emqx")

    spoilt = gate.put(Wait(meanwhile=delete), f"{story.namespace}/roles[?]", method="POST", times=1)
    await story.annotate(mode="Repair")

    async def all_gone() -> bool:
        left = [await story.get("EMQXAutoCluster"), await story.get("Role", "emqx-discovery")]
        return spoilt.hits == 1 and not any([*left, await story.get("RoleBinding", "emqx-discovery")])

    await story.until("nothing of ours to be left", all_gone, seconds=180)
    assert len(tried(gate, story, JOIN)) == 1
    assert CRASH not in operator.log.read_text()
    assert operator.exits == []
