"""The seed story: the API server's address is a kubectl proxy that is gone, and every member stands alone."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

import manifests
from story import Story, env_of, uids

Object = dict[str, Any]


@dataclass(slots=True)
class Watched:
    """What was seen of the workload while the operator was at work, sample by sample."""

    before: set[str]
    gathered_before_restart: bool = False
    split_after_gathering: list[Object] = field(default_factory=list)

    def take(self, pods: set[str], status: Object) -> None:
        members = status.get("members") or {}
        if pods == self.before and members.get("islands") == 1 and members.get("clustered") == len(pods):
            self.gathered_before_restart = True


async def watch(story: Story, watched: Watched) -> None:
    while True:
        pods, resource = await asyncio.gather(story.pods(), story.resource())
        watched.take(uids(pods), resource.get("status") or {})
        await asyncio.sleep(0.2)


VERSIONS = ("4.4.19", "5.4.1", "5.8.9")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
async def test_one_cluster_before_the_first_restart_and_one_after_one_rollout(
    story: Story, kind: str, version: str
) -> None:
    volume = kind == "StatefulSet"
    if kind == "Deployment":
        workload = manifests.deployment(version, story.namespace, manifests.DEAD_PROXY)
    else:
        workload = manifests.stateful_set(
            version, story.namespace, manifests.DEAD_PROXY, volume=True, **manifests.HOSTNAMES
        )
    await story.apply(manifests.service(story.namespace, headless=volume), workload)
    await story.until_lone()
    watched = Watched(uids(await story.pods()))
    watching = asyncio.create_task(watch(story, watched))
    await story.annotate(kind=kind, mode="Repair")

    if volume:
        told = await story.until_condition("ClusterFormed", "False", "SeedNeeded", seconds=180)
        assert "spec.repair.seed" in told["message"]
        assert await story.rollouts(kind) == 0
        await story.patch("EMQXAutoCluster", "emqx", {"spec": {"repair": {"seed": "emqx-1"}}})

    resource = await story.until_repaired()
    watching.cancel()

    assert watched.gathered_before_restart, "no sample shows one cluster of the old pods"
    assert await story.rollouts(kind) == 1
    assert not uids(await story.pods()) & watched.before
    for running, stopped in await story.views():
        assert len(running) == 3
        assert stopped == set()
    changed = await story.get(kind)
    assert changed
    assert env_of(changed)["EMQX_CLUSTER__K8S__APISERVER"] == manifests.CANONICAL
    assert resource["status"]["members"] == {
        "expected": 3,
        "ready": 3,
        "clustered": 3,
        "stale": 0,
        "islands": 1,
    }
