"""All is right from the start: the operator looks again and again, and touches nothing."""

from typing import Any

import pytest

import manifests
from requests_seen import RequestsSeen
from story import Story, uids

Object = dict[str, Any]
ROUNDS = 9
MOST_REQUESTS = 8
"""Of one verification round, exec included."""


def looked_at_every_second(story: Story, *, name: str = "emqx") -> Object:
    """An EMQXAutoCluster as a user makes it before enrolling."""
    return {
        "apiVersion": "emqx-autocluster.io/v1alpha1",
        "kind": "EMQXAutoCluster",
        "metadata": {"name": name, "namespace": story.namespace},
        "spec": {
            "targetRef": {"kind": "Deployment", "name": "emqx"},
            "verification": {"interval": "5s"},
        },
    }


async def all_is_known_and_well(story: Story, name: str) -> bool:
    conditions = (await story.resource(name)).get("status", {}).get("conditions") or []
    bad_when_true = {"StaleNodesPresent", "Paused"}
    wanted = {c["type"]: "False" if c["type"] in bad_when_true else "True" for c in conditions}
    return bool(conditions) and wanted == {c["type"]: c["status"] for c in conditions}


async def until_rounds(story: Story, count: int) -> RequestsSeen:
    """The operator's requests during so many verification rounds, each of which runs emqx_ctl in one pod."""
    seen = RequestsSeen.from_now(story)

    async def enough() -> bool:
        seen.read_on()
        return len(seen.execs) >= count

    await story.until(f"{count} verification rounds", enough, seconds=240)
    return seen


@pytest.mark.parametrize(
    ("version", "address"),
    [
        ("4.4.19", "https://kubernetes.default.svc:443"),
        ("5.4.1", "https://kubernetes.default.svc"),
        ("5.8.9", "https://kubernetes.default.svc.cluster.local:443"),
        ("5.8.9", "https://kubernetes.default"),
    ],
)
async def test_nothing_is_written_over_many_rounds_in_any_spelling_of_the_right_address(
    story: Story, version: str, address: str
) -> None:
    mine = "tuning-of-emqx"
    await story.apply(
        looked_at_every_second(story, name=mine),
        manifests.service(story.namespace),
        manifests.role(story.namespace, "by-hand"),
        manifests.role_binding(story.namespace, "by-hand", "default"),
        manifests.deployment(version, story.namespace, address, spec={"minReadySeconds": 30}),
    )
    told = await story.until_condition("Accepted", "False", "NotEnrolled", name=mine)
    command = f"kubectl annotate -n {story.namespace} deployment/emqx emqx-autocluster.io/mode=Observe"
    assert command in told["message"]
    await story.annotate(mode="Repair")
    await story.until("all conditions well", lambda: all_is_known_and_well(story, mine), seconds=180)
    workload, pods = await story.get("Deployment"), uids(await story.pods())
    assert workload

    await until_rounds(story, 5)  # the events about the last transition are written by then
    seen = await until_rounds(story, ROUNDS)
    assert [(w.verb, w.resource, w.subresource, w.body) for w in seen.writes] == []
    assert len(seen.entries) <= MOST_REQUESTS * (len(seen.execs) + 1)
    assert {e.name for e in seen.execs} == {p["metadata"]["name"] for p in await story.pods()}, "not in turn"

    now = await story.get("Deployment")
    assert now
    assert now["spec"] == workload["spec"]
    assert now["metadata"]["annotations"] == workload["metadata"]["annotations"]
    assert uids(await story.pods()) == pods
    assert await story.rollouts() == 0
    await story.one_cluster()
    changed = {w.resource for w in story.operator_writes()}
    assert changed <= {"emqxautoclusters", "events"}, changed
    assert await story.get("EMQXAutoCluster", "emqx") is None, "the user's own EMQXAutoCluster is enough"
