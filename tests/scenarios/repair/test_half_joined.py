"""A new member that stopped its applications for a join which never ends: it answers, serves nothing, blocks a rollout.

Three such members, by what becomes of their join; and one that looks alike from outside and must be left alone.
"""

import pytest

import manifests
from pace import REAL_TIME
from story import Object, Story, is_ready

BY_HAND = "by-hand"
EVIDENCE = "Stopping mria, reason: join"
SOON = {"halfJoinedAfter": "20s"} | REAL_TIME

pytestmark = pytest.mark.real_time


async def two_to_be_rolled(story: Story, version: str) -> set[str]:
    """Two lone members with rights and an address without its scheme: to be repaired by one rollout. Their pods."""
    await story.apply(
        manifests.service(story.namespace),
        manifests.role(story.namespace, BY_HAND),
        manifests.role_binding(story.namespace, BY_HAND, "default"),
        manifests.deployment(version, story.namespace, "kubernetes.default.svc:443", replicas=2),
        manifests.custom_resource(story.namespace, repair=SOON),
    )
    await story.until_lone(2)
    return {pod["metadata"]["name"] for pod in await story.pods()}


async def first_new_pod(story: Story, old: set[str]) -> str:
    async def newcomer() -> str | None:
        now = (pod["metadata"]["name"] for pod in await story.pods())
        return next((name for name in now if name not in old), None)

    found: str = await story.until("the first pod of the rollout", newcomer, seconds=180)
    return found


async def until_joining(story: Story, pod: str) -> None:
    async def joins() -> bool:
        (found,) = [p for p in await story.pods() if p["metadata"]["name"] == pod]
        states = found["status"].get("containerStatuses") or [{"state": {}}]
        return "running" in states[0]["state"] and EVIDENCE in await story.log(pod)

    await story.until(f"{pod} joins", joins)


async def until_named(story: Story, pod: str) -> None:
    """The rollout waits for it for ever, so it is told at once, with the line of its log that proves it."""
    told = await story.until_condition("ClusterFormed", "False", "MemberHalfJoined", seconds=180)
    assert told["message"].startswith(f"{pod} stopped its applications to join and never started them again")
    assert EVIDENCE in told["message"]
    assert "a rollout waits for it for ever" in told["message"]


async def until_told(story: Story, pod: str, *actions: str) -> None:
    """Until the events say that exactly this was done with the member, and worked; nothing waits for an event."""
    done = {"JoinCluster", "EnableDiscovery", "EvictPod"}

    async def told() -> bool:
        found = [e for e in await story.events("EMQXAutoCluster") if e["reason"] in done and pod in e["note"]]
        oldest_first = sorted(found, key=lambda e: str(e["eventTime"]))
        return [(e["reason"], e["type"]) for e in oldest_first] == [(action, "Normal") for action in actions]

    await story.until(f"events of {', '.join(actions)}", told, seconds=60)


async def repaired_by_one_rollout(story: Story) -> None:
    await story.until_repaired(seconds=300)
    assert await story.rollouts() == 1
    await story.one_cluster(2)


@pytest.mark.parametrize(
    ("version", "cure"), [("5.8.9", "EnableDiscovery"), ("5.4.1", "JoinCluster")], ids=["5.8.9", "5.4.1"]
)
async def test_a_member_whose_join_target_went_away_is_named_and_put_right_and_the_rollout_goes_on(
    story: Story, version: str, cure: str
) -> None:
    old = await two_to_be_rolled(story, version)
    seed = min(old)
    await story.control.pod(story.namespace, seed, connections="3")  # most devices: the others join this one
    await story.annotate(mode="Repair")
    pod = await first_new_pod(story, old)
    await story.control.pod(story.namespace, pod, join_seconds="30")
    await until_joining(story, pod)
    await story.delete("Pod", seed)  # as in a drain
    await story.control.pod(story.namespace, pod, join_seconds="")

    await until_named(story, pod)
    await repaired_by_one_rollout(story)
    assert pod in {p["metadata"]["name"] for p in await story.pods()}, "it was cured, not replaced"
    await until_told(story, pod, cure)


async def test_a_member_that_hangs_in_its_join_is_replaced_and_the_rollout_goes_on(story: Story) -> None:
    """It answers `discovery enable` with "enabled" and does nothing; so it is given time, then another pod."""
    old = await two_to_be_rolled(story, "5.8.9")
    await story.annotate(mode="Repair")
    pod = await first_new_pod(story, old)
    await story.control.pod(story.namespace, pod, join="hang")

    await until_named(story, pod)
    await repaired_by_one_rollout(story)
    assert pod not in {p["metadata"]["name"] for p in await story.pods()}
    await until_told(story, pod, "EnableDiscovery", "EvictPod")


async def test_a_member_that_waits_for_its_tables_is_left_alone_and_the_status_says_what_it_waits_for(
    story: Story,
) -> None:
    """Not Ready, and stopped applications, as above; but no join began, and one would wipe what it waits for."""
    await story.apply(
        manifests.service(story.namespace, headless=True),
        manifests.role(story.namespace, BY_HAND),
        manifests.role_binding(story.namespace, BY_HAND, "default"),
        manifests.stateful_set(
            "5.8.9",
            story.namespace,
            "kubernetes.default.svc:443",
            replicas=2,
            volume=True,
            **manifests.HOSTNAMES,
        ),
        manifests.custom_resource(story.namespace, kind="StatefulSet", repair=SOON | {"seed": "emqx-0"}),
    )
    await story.until_lone(2)
    await story.control.namespace(story.namespace, tables="wait")  # holds for those that boot from now on
    await story.annotate(kind="StatefulSet", mode="Repair")

    async def told() -> Object | None:
        found = await story.condition("ClusterFormed")
        return found if "its tables" in found.get("message", "") else None

    formed = await story.until("what the new pod waits for", told, seconds=180)
    assert (
        "it waits for emqx-1, which waits for its tables until the members that have them are up"
        in formed["message"]
    )
    assert "still waiting for table(s)" in formed["message"]
    waiting = {pod["metadata"]["name"]: pod for pod in await story.pods()}["emqx-1"]
    assert not is_ready(waiting)

    await story.control.namespace(story.namespace, tables="")
    await story.until_repaired()
    after = {pod["metadata"]["name"]: pod for pod in await story.pods()}["emqx-1"]
    assert after["metadata"]["uid"] == waiting["metadata"]["uid"]
    await until_told(story, "emqx-1", "JoinCluster")  # the gathering, and nothing while it waits
