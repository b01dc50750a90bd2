"""Workloads whose own settings stand in a rollout's way: what is told, what the user does, and how it goes on."""

from typing import Any

import manifests
from odd import ACCOUNT, NO_SCHEME, address, the, until_planned, with_rights
from pace import REAL_TIME
from story import Story, uids

Object = dict[str, Any]
PATCHED = "PatchWorkload"


async def lone_pair(story: Story, kind: str = "Deployment", **spec: Any) -> set[str]:
    """Two lone members that lack nothing but a right address; returns their pods."""
    stateful = kind == "StatefulSet"
    await with_rights(story, headless=stateful)
    build = manifests.stateful_set if stateful else manifests.deployment
    names = manifests.HOSTNAMES if stateful else {}
    await story.apply(build("5.8.9", story.namespace, NO_SCHEME, replicas=2, spec=spec, pod=ACCOUNT, **names))
    await story.until_lone(2)
    return uids(await story.pods())


async def until_blocked(story: Story, *words: str) -> str:
    """Until the wrong address says also why it is not put right yet; the members are gathered all the same."""

    async def check() -> str:
        message = str((await story.condition("ConfigurationValid")).get("message"))
        return message if all(word in message for word in words) else ""

    await story.until_condition("ClusterFormed", "True", "AllMembersClustered", seconds=180)
    message: str = await story.until(f"ConfigurationValid says {words}", check)
    return message


def command_of(message: str) -> str:
    """The command at the end of a message, as a person copies it."""
    return "kubectl " + message.rpartition("kubectl ")[2]


async def done(story: Story, kind: str) -> list[str]:
    """What the operator did to the workload, by its events in order."""
    events = [e for e in await story.events(kind) if e.get("action") == "Repair"]
    return [e["reason"] for e in sorted(events, key=lambda e: str(e["eventTime"]))]


async def test_a_paused_deployment_is_gathered_and_rolled_only_after_resume(story: Story) -> None:
    pods = await lone_pair(story, paused=False)
    await story.patch("Deployment", "emqx", {"spec": {"paused": True}})
    await story.annotate(mode="Repair")
    message = await until_blocked(story, "spec.paused is true", "the repair goes on after")
    assert f"kubectl rollout resume deployment/emqx -n {story.namespace}" in message
    assert await address(story) == NO_SCHEME, "a paused template is not to be filled behind its owner's back"
    assert uids(await story.pods()) == pods

    await story.shell(command_of(message))
    await story.until_repaired()

    assert await story.rollouts() == 1
    await story.one_cluster(2)


async def test_a_partition_is_told_with_the_command_that_takes_it_away(story: Story) -> None:
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    pods = await lone_pair(story, "StatefulSet", updateStrategy=update)
    await story.annotate(kind="StatefulSet", mode="Repair")
    message = await until_blocked(story, "partition is 1", "pods below it would keep the old settings")
    assert await address(story, "StatefulSet") == NO_SCHEME
    assert uids(await story.pods()) == pods

    await story.shell(command_of(message))
    await story.until_repaired()

    assert await story.rollouts("StatefulSet") == 1
    assert not uids(await story.pods()) & pods
    assert [len(running) for running, _ in await story.views()] == [2, 2]


async def test_on_delete_is_patched_and_the_pods_to_delete_are_named_one_after_another(story: Story) -> None:
    pods = await lone_pair(story, "StatefulSet", updateStrategy={"type": "OnDelete"})
    await story.annotate(kind="StatefulSet", mode="Repair")
    told = await story.until_condition("Ready", "Unknown", "TargetProgressing", seconds=180)
    assert await address(story, "StatefulSet") == manifests.CANONICAL
    assert "delete the pods one after another (emqx-1, emqx-0), each once" in told["message"]
    assert uids(await story.pods()) == pods, "when a pod goes is the user's to say"

    await story.shell(command_of(told["message"]))

    async def next_one() -> str:
        message = str((await story.condition("Ready")).get("message"))
        return message if "one after another (emqx-0), each once" in message else ""

    message = await story.until("emqx-0 is named next", next_one)
    await story.until_lone(2)
    await story.until_views(2, 2)
    await story.shell(command_of(message))
    await story.until_repaired()

    assert not uids(await story.pods()) & pods
    assert [len(running) for running, _ in await story.views()] == [2, 2]


async def test_recreate_gathers_nothing_that_would_be_gone_and_settles_afterwards(story: Story) -> None:
    pods = await lone_pair(story, strategy={"type": "Recreate"})
    await story.annotate(mode="Repair")
    await story.until_repaired()

    actions = await done(story, "Deployment")
    assert actions[0] == PATCHED, "joined members would only have been restarted once more"
    assert actions.count(PATCHED) == 1
    assert await story.rollouts() == 1
    assert not uids(await story.pods()) & pods
    await story.one_cluster(2)
    told = await story.condition("RolloutSafe")
    assert (told["status"], told["reason"]) == ("False", "AllReplacedAtOnce")
    assert "Recreate" in told["message"]


async def test_an_ordered_set_with_a_broken_pod_is_not_patched_until_that_pod_is_well(story: Story) -> None:
    """Its controller waits for the broken pod, so that a new template would never get to any pod."""
    await lone_pair(story, "StatefulSet", podManagementPolicy="OrderedReady")
    await story.control.pod(story.namespace, "emqx-1", backoff_seconds="3600", crash="emqx=1")
    await story.annotate(kind="StatefulSet", mode="Repair")

    async def blocked() -> str:
        message = str((await story.condition("ConfigurationValid")).get("message"))
        return message if "podManagementPolicy is OrderedReady and emqx-1 is not Ready" in message else ""

    message = await story.until("the rollout is held", blocked, seconds=180)
    formed = await story.condition("ClusterFormed")
    assert formed["status"] == "False"
    assert "emqx-1: CrashLoopBackOff" in formed["message"]
    assert await address(story, "StatefulSet") == NO_SCHEME

    await story.shell(command_of(message))
    await story.until_repaired()

    assert await story.rollouts("StatefulSet") == 1
    assert [len(running) for running, _ in await story.views()] == [2, 2]


async def test_a_progress_deadline_below_min_ready_seconds_is_told_and_the_repair_ends_all_the_same(
    story: Story,
) -> None:
    """Kubernetes refuses the one with the other, and the whole patch with them."""
    await story.apply(manifests.custom_resource(story.namespace, repair=REAL_TIME))
    await lone_pair(story, progressDeadlineSeconds=15)
    await story.annotate(mode="Observe")
    patch = await until_planned(story, PATCHED)
    assert "minReadySeconds" not in patch["message"]
    await story.annotate(mode="Repair")
    await story.until_repaired()

    told = await story.condition("RolloutSafe")
    assert (told["status"], told["reason"]) == ("False", "MinReadySecondsTooLow")
    assert "progressDeadlineSeconds is 15 and must be raised first" in told["message"]
    spec = (await the(story))["spec"]
    assert (spec.get("minReadySeconds", 0), spec["progressDeadlineSeconds"]) == (0, 15)
    assert await story.rollouts() == 1
    await story.one_cluster(2)
