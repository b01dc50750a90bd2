"""The operator dies or is stopped in the middle: the next one goes on from what it sees."""

import asyncio
from functools import partial
from typing import Any

import manifests
from keeper import STOP_SECONDS, Keeper
from repairs import JOIN, PULSE, STATUS, all_well, alone, is_whole, made, tried
from sandbox.faultgate import FaultGate
from story import Story, uids

Object = dict[str, Any]
KILLS_MORE = 400.0
"""A repair of three members takes about 100 s, and each of nine starts costs the time of a start and a look."""


async def last_action(story: Story) -> tuple[str, str]:
    last = (await story.resource()).get("status", {}).get("lastAction") or {}
    return last.get("action", ""), last.get("subject", "")


async def kill_after_each_step(story: Story, operator: Keeper, killed_after: list[tuple[str, str]]) -> None:
    while True:
        step = await last_action(story)
        if step[0] and step not in killed_after:
            killed_after.append(step)
            await operator.kill()
        await asyncio.sleep(0.1)


async def test_killed_after_each_single_step_it_ends_in_one_cluster_by_one_rollout(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await story.apply(
        manifests.service(story.namespace),
        manifests.deployment("5.8.9", story.namespace, manifests.DEAD_PROXY),
    )
    await story.until_lone()
    old = uids(await story.pods())
    await story.annotate(mode="Repair")
    killed_after: list[tuple[str, str]] = []
    killing = asyncio.create_task(kill_after_each_step(story, operator, killed_after))
    await story.until_repaired(seconds=KILLS_MORE)
    killing.cancel()

    assert operator.exits == [], "no operator ended by itself"
    assert [action for action, _ in killed_after if action in {"JoinCluster", "PatchWorkload"}] == [
        *["JoinCluster"] * 2,
        "PatchWorkload",
    ]
    assert operator.starts == len(killed_after) + 1
    await story.one_cluster()
    assert not uids(await story.pods()) & old
    assert await story.rollouts() == 1
    joined = tried(gate, story, JOIN)
    assert len(joined) == len(set(joined)) == 2
    assert made(story) == {"serviceaccounts": 1, "roles": 1, "rolebindings": 1}
    patched = [w for w in story.operator_writes() if (w.resource, w.verb) == ("deployments", "patch")]
    assert sum("template" in w.body.get("spec", {}) for w in patched) == 1, (
        "what else it may do is to hold its rollout"
    )


async def test_stopped_in_the_middle_of_a_join_it_ends_in_time_and_the_next_does_not_join_again(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await alone(story)
    await story.control.namespace(story.namespace, join_seconds="8")
    await story.annotate(mode="Repair")
    await story.until("the join to begin", partial(is_joining, story))
    code, seconds = await operator.terminate()
    assert code == 0
    assert seconds < STOP_SECONDS / 2
    assert len(tried(gate, story, JOIN)) == 1

    operator.start()
    await story.until_repaired(seconds=120)
    await is_whole(gate, story)
    assert operator.exits == []


async def is_joining(story: Story) -> bool:
    """The stray's own log: its applications are stopped for the join."""
    logs = [await story.log(pod["metadata"]["name"]) for pod in await story.pods()]
    return any("Stopping mria, reason: join" in log for log in logs)


async def test_beside_what_is_well_a_new_operator_writes_nothing_and_asks_each_member_once(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await all_well(story, replicas=2)
    await operator.kill()
    await operator.until_watching()
    writes, asked, pulses = (
        len(story.operator_writes()),
        len(tried(gate, story, STATUS)),
        len(tried(gate, story, PULSE)),
    )

    async def pulse_taken() -> bool:
        return len(tried(gate, story, PULSE)) >= pulses + 4

    # One of each member with the look, and one half a minute later.
    await story.until("the first pulse after the first look", pulse_taken, seconds=120, every=1)
    assert len(tried(gate, story, STATUS)) == asked + 2
    assert len(story.operator_writes()) == writes


PATIENT: Object = {
    "verification": {"interval": "5s", "suspiciousInterval": "5s"},
    "healing": {"orphanAfter": "1h", "staleAfter": "1h"},
}
"""All is seen often enough within seconds, and nothing is done about it."""


async def test_what_was_seen_before_it_ended_is_seen_anew_before_anything_is_done_about_it(
    story: Story, operator: Keeper
) -> None:
    """What was so before a time in which nobody looked may have come and gone in it."""
    await story.apply(manifests.custom_resource(story.namespace, **PATIENT))
    await all_well(story, replicas=3)
    await story.annotate(mode="Heal")
    first, stray, _ = [pod["metadata"]["name"] for pod in await story.pods()]
    await story.delete("Pod", first)
    await story.until_views(3, 3, 3)
    await story.shell(f"kubectl exec -n {story.namespace} {stray} -c emqx -- emqx_ctl cluster leave")

    async def suspects() -> dict[str, Object]:
        status = (await story.resource()).get("status", {})
        return {each["kind"]: each for each in status.get("suspects", ())}

    async def seen_often_enough() -> bool:
        seen = await suspects()
        return seen.keys() == {"Orphan", "StaleNode"} and all(each["looks"] == 3 for each in seen.values())

    async def seen_anew() -> bool:
        seen = await suspects()
        return seen["Orphan"]["looks"] < 3 and seen["StaleNode"]["since"] > before["StaleNode"]["since"]

    await story.until("both to be seen in three looks", seen_often_enough)
    before = await suspects()
    await operator.kill()
    await story.until("both to be counted anew", seen_anew, every=0.2)
    await story.until("both to be seen in three looks again", seen_often_enough)
    after = await suspects()
    assert after["Orphan"]["since"] == before["Orphan"]["since"], "its pod is the same"
