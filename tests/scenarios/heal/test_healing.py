"""Mode Heal on a real control plane: damage that no setting explains, and what becomes of it without a hand."""

from functools import partial
from typing import Any

import pytest

import manifests
import pace
from holders import ADD, Holders
from pace import REAL_TIME
from stage import own_cluster
from story import Story, is_ready, uids

Object = dict[str, Any]
SOON: Object = {
    "verification": {"interval": "5s", "suspiciousInterval": "5s"},
    "healing": {"orphanAfter": "15s", "staleAfter": "15s", "coolDown": "5s"},
}
"""Minutes would be waited for; each guard is asked all the same."""
INTERRUPTION = ("Stopping mria", "Stop http:", "stopped.", "Starting emqx", "started.")
"""From what EMQX logs when its applications and listeners stop or start again."""


ON_EACH_NODE: Object = {
    "maxSkew": 1,
    "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": {"app": "emqx"}},
}


async def healed(story: Story, version: str, replicas: int = 3, **pod: Any) -> None:
    """Members that are one cluster, enrolled with mode Heal; `pod` goes into the pod's spec."""
    resource = manifests.custom_resource(story.namespace, **SOON)
    await story.apply(
        manifests.service(story.namespace),
        manifests.service_account(story.namespace, "emqx"),
        manifests.role(story.namespace, "emqx"),
        manifests.role_binding(story.namespace, "emqx", "emqx"),
        manifests.deployment(
            version,
            story.namespace,
            manifests.CANONICAL,
            replicas=replicas,
            spec={"minReadySeconds": 20},
            pod={"serviceAccountName": "emqx", **pod},
        ),
        resource,
    )
    await story.until_lone(replicas)
    await story.until_views(*[replicas] * replicas)
    await story.annotate(mode="Heal")
    await story.until_condition("Ready", "True")


def names(pods: list[Object]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods}


async def history(story: Story) -> list[tuple[str, str]]:
    status = (await story.resource()).get("status") or {}
    return [(done["action"], done["result"]) for done in status.get("history", ())]


@pytest.mark.parametrize("version", ["4.4.19", "5.8.9"])
async def test_a_pod_that_was_replaced_leaves_no_name_behind(story: Story, version: str) -> None:
    await healed(story, version)
    first = (await story.pods())[0]["metadata"]["name"]
    await story.delete("Pod", first)
    await story.until_views(3, 3, 3)
    await story.until_condition("StaleNodesPresent", "True")
    await story.until_condition("StaleNodesPresent", "False")
    await story.one_cluster()
    assert await history(story) == [("ForceLeave", "Succeeded")]
    assert await story.rollouts() == 0


async def test_a_node_that_dies_is_told_with_its_member_and_what_is_left_of_it_is_healed_once_it_is_removed() -> (
    None
):
    """While its pod is listed and nobody can look into it, it may come back: nothing is done."""
    async with own_cluster("--nodes", "3", "--node-grace", "40s", **pace.SETTINGS) as cluster:
        story = await cluster.story("iot")
        await story.control.namespace(story.namespace, **pace.STAND_INS)
        await healed(story, "5.8.9", topologySpreadConstraints=[ON_EACH_NODE])
        before = await story.pods()
        lost, node = before[0]["metadata"]["name"], before[0]["spec"]["nodeName"]
        await story.control.lose_power(node)
        told = await story.until_condition("ClusterFormed", "Unknown", "ProbeFailed")
        assert f"{lost}: emqx_ctl in {lost}/emqx " in told["message"]

        async def missed() -> bool:
            """By Kubernetes, and by the other members, which list it as stopped."""
            pods = await story.pods()
            others = names(pods) - {lost}
            ready = {pod["metadata"]["name"] for pod in pods if is_ready(pod)}
            return ready == others and all([(await story.view(other))[1] for other in others])

        async def replaced() -> bool:
            pods = await story.pods()
            return len(pods) == 3 and all(map(is_ready, pods)) and lost not in names(pods)

        await story.until("the lost member to be missed", missed)
        assert await history(story) == []
        await story.shell(f"kubectl delete node {node}")
        await story.until("another pod in its place", replaced, seconds=240)
        await story.until_condition("ClusterFormed", "True")
        await story.until_condition("StaleNodesPresent", "False")
        await story.one_cluster()
        assert await history(story) == [("ForceLeave", "Succeeded")]
        assert len(uids(before) & uids(await story.pods())) == 2


async def test_a_member_that_stands_apart_is_brought_back_and_no_pod_restarts(story: Story) -> None:
    """It left by a person's hand, and on 5.8.9 nothing brings it back by itself."""
    await healed(story, "5.8.9")
    before = uids(await story.pods())
    stray = (await story.pods())[0]["metadata"]["name"]
    await story.shell(f"kubectl exec -n {story.namespace} {stray} -c emqx -- emqx_ctl cluster leave")
    await story.until_views(1, 2, 2)
    await story.until_condition("ClusterFormed", "False", "MembersOrphaned")
    await story.until_condition("ClusterFormed", "True")
    await story.one_cluster()
    assert uids(await story.pods()) == before
    done = await history(story)
    assert {result for _, result in done} == {"Succeeded"}
    assert {action for action, _ in done} <= {"EnableDiscovery", "JoinCluster", "ForceLeave"}


async def test_of_two_clusters_the_smaller_joins_the_larger_only_when_its_user_says_so(story: Story) -> None:
    """Nothing interrupts whoever is in the larger one, so that its devices stay."""
    await healed(story, "5.8.9", replicas=5)
    await story.annotate(paused="true")
    *larger, first, second = (pod["metadata"] for pod in await story.pods())
    stay, go = {pod["name"] for pod in larger}, {first["name"], second["name"]}
    told = {pod: len(await story.log(pod)) for pod in stay}
    address = next(p["status"]["podIP"] for p in await story.pods() if p["metadata"]["name"] == first["name"])
    ctl = f"kubectl exec -n {story.namespace} {{}} -c emqx -- emqx_ctl cluster {{}}"
    for pod in go:
        await story.shell(ctl.format(pod, "leave"))
    await story.shell(ctl.format(second["name"], f"join emqx@{address}"))
    await story.until_views(2, 2, 3, 3, 3)
    split = await story.until_condition("ClusterFormed", "False", "SplitBrain")
    assert all(name in split["message"] for name in stay | go)
    await story.annotate(paused=None)

    async def left_to_the_user() -> bool:
        return (
            "set spec.healing.splitPolicy to LargestWins"
            in (await story.condition("ClusterFormed"))["message"]
        )

    await story.until("what only the user may decide", left_to_the_user)
    assert await history(story) == []
    await story.patch("EMQXAutoCluster", "emqx", {"spec": {"healing": {"splitPolicy": "LargestWins"}}})
    await story.until_views(5, 5, 5, 5, 5, seconds=240)
    done = (await story.resource())["status"]["history"]
    assert {each["subject"] for each in done if each["action"] != "ForceLeave"} <= {
        f"Pod/{name}" for name in go
    }
    for pod in stay:
        news = (await story.log(pod))[told[pod] :].splitlines()
        assert not [line for line in news if any(word in line for word in INTERRUPTION)]


async def test_a_member_in_quarantine_is_left_alone_until_a_person_lets_it_be_healed_by_hand(
    story: Story,
) -> None:
    await healed(story, "5.8.9")
    stray = (await story.pods())[0]["metadata"]["name"]
    quarantine = {"metadata": {"annotations": {"emqx-autocluster.io/quarantine": "by hand"}}}
    await story.patch("Pod", stray, quarantine)
    await story.shell(f"kubectl exec -n {story.namespace} {stray} -c emqx -- emqx_ctl cluster leave")

    async def is_refused() -> bool:
        guards = (await story.resource()).get("status", {}).get("guards", ())
        return [g["guard"] for g in guards if g["verdict"] == "Refused"] == ["NotQuarantined"]

    await story.until("the guard NotQuarantined to refuse", is_refused)
    assert "NotQuarantined" in (await story.condition("ClusterFormed"))["message"]
    assert await history(story) == []
    command = f"emqx-autocluster heal deployment/emqx -n {story.namespace}"
    shown = await story.shell(f"{command} --dry-run; echo exit code $?")
    assert f"✗ NotQuarantined {stray} carries the annotation" in shown
    assert "exit code 1" in shown
    refused = await story.shell(f"{command} --yes 2>&1; echo exit code $?")
    assert "it is in mode Heal, so that the operator heals it by itself" in refused
    assert "exit code 2" in refused

    await story.annotate(mode="Observe")
    await story.patch("Pod", stray, {"metadata": {"annotations": {"emqx-autocluster.io/quarantine": None}}})
    # So long that it is looked at in the middle, when nothing that it says can be used.
    await story.control.namespace(story.namespace, join_seconds="12")
    healed_by_hand = await story.shell(f"{command} --yes")
    assert f"EnableDiscovery Pod/{stray}: " in healed_by_hand
    assert "nothing is to be healed" in healed_by_hand
    await story.one_cluster()


@pytest.mark.real_time
async def test_a_rollout_of_its_user_is_held_while_the_new_member_finds_nobody_and_then_goes_on(
    story: Story,
) -> None:
    """What two members had is on two others afterwards, and nothing is left of the brake."""
    await story.apply(
        manifests.service(story.namespace, headless=True),
        manifests.service_account(story.namespace, "emqx"),
        manifests.role(story.namespace, "emqx"),
        manifests.role_binding(story.namespace, "emqx", "emqx"),
        manifests.stateful_set(
            "5.8.9",
            story.namespace,
            manifests.CANONICAL,
            replicas=2,
            spec={"minReadySeconds": 20},
            pod={"serviceAccountName": "emqx"},
            **manifests.HOSTNAMES,
        ),
        manifests.custom_resource(story.namespace, kind="StatefulSet", repair=REAL_TIME),
    )
    await story.until_lone(2)
    await story.until_views(2, 2)
    holders = Holders(story.control, story.namespace)
    assert await holders.run("emqx-0", ADD)
    await story.annotate(kind="StatefulSet", mode="Heal")
    await story.until_condition("Ready", "True")
    before = uids(await story.pods())
    await story.control.namespace(story.namespace, dns="away")
    await story.shell(f"kubectl rollout restart statefulset/emqx -n {story.namespace}")

    held = await story.until_condition("ClusterFormed", "False", "RolloutHeld", seconds=240)
    assert "no further member ends: it waits for emqx-1, Ready since " in held["message"]
    assert await partition(story) == 1
    assert len(uids(await story.pods()) & before) == 1, "the other one lives"
    await story.control.namespace(story.namespace, dns="")

    async def all_new() -> bool:
        return not uids(await story.pods()) & before

    await story.until("two new pods", all_new, seconds=300)
    await story.until("the data on all of them", partial(holders.on_all, 2), seconds=240)
    await story.until_condition("Ready", "True", seconds=240)
    await story.until_views(2, 2)
    assert (await partition(story), await story.rollouts("StatefulSet")) == (0, 1)
    told = [e["reason"] for e in await story.events("StatefulSet") if e.get("action") == "Repair"]
    assert {"HoldRollout", "ContinueRollout"} <= set(told)


async def partition(story: Story) -> int:
    update = ((await story.get("StatefulSet")) or {})["spec"]["updateStrategy"]
    return int((update.get("rollingUpdate") or {}).get("partition") or 0)
