"""`python -m released`: records what this version writes, in a cluster of its own, for the tests of later ones."""

import asyncio
import shutil

import manifests
import pace
import released
from emqx_autocluster import __version__
from emqx_autocluster.api.annotations import ORIGINAL
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.runtime import leadership
from running import NAMESPACE, ROOT, RunningOperator
from stage import Cluster, own_cluster
from story import Story

Object = released.Object
EMQX = "5.8.9"
MEMBERS = 3


async def main() -> None:
    async with own_cluster(LEASE_NAMESPACE=NAMESPACE) as cluster:
        await whole(await _story(cluster, released.WHOLE))
        await midway(await _story(cluster, released.MIDWAY), cluster.operator)
        _keep(released.LEASE, [await _lease(cluster.kube)])
        _schema()


async def whole(story: Story) -> None:
    await story.apply(
        manifests.service(story.namespace),
        manifests.deployment(EMQX, story.namespace, manifests.DEAD_PROXY, replicas=MEMBERS - 1),
    )
    await story.until_lone(MEMBERS - 1)
    await story.annotate(mode="Repair")
    await story.until_repaired()
    # So that it has looked once more since its last step, and has nothing left to tell.
    for paused, told in (("true", "True"), (None, "False")):
        await story.annotate(paused=paused)
        await story.until_condition("Paused", told)
    _keep(released.WHOLE, await _all_of(story, "Deployment"))


async def midway(story: Story, operator: RunningOperator) -> None:
    """The operator is killed as soon as it has begun the rollout."""
    await story.apply(
        manifests.service(story.namespace),
        manifests.stateful_set(EMQX, story.namespace, manifests.DEAD_PROXY, replicas=MEMBERS),
    )
    await story.until_lone(MEMBERS)
    before = await _all_of(story, "StatefulSet")
    _keep(released.BEFORE, before)
    await story.annotate(kind="StatefulSet", mode="Repair")

    async def begun() -> bool:
        metadata = (await story.get("StatefulSet") or {})["metadata"]
        return ORIGINAL in metadata["annotations"]

    await story.until("the patch that begins the rollout", begun, seconds=240, every=0.1)
    operator.process.kill()
    left = [each for each in await _all_of(story, "StatefulSet") if each["kind"] != "Pod"]
    _keep(released.MIDWAY, [*left, *(each for each in before if each["kind"] == "Pod")])


async def _all_of(story: Story, kind: str) -> list[Object]:
    namespace = story.namespace
    found = {
        "Service": paths.services(namespace),
        "ServiceAccount": paths.serviceaccounts(namespace),
        "Role": paths.roles(namespace),
        "RoleBinding": paths.rolebindings(namespace),
        kind: paths.deployments(namespace) if kind == "Deployment" else paths.statefulsets(namespace),
        "EMQXAutoCluster": paths.emqxautoclusters(namespace),
        "Pod": paths.pods(namespace),
    }
    return [each for kind, path in found.items() for each in await _listed(story.kube, kind, path)]


async def _listed(kube: Kube, kind: str, path: str) -> list[Object]:
    """Items of a list do not say what they are."""
    api = "/".join(path.partition("/namespaces/")[0].split("/")[2:])
    items = [each for each in await kube.list(path) if each["metadata"]["name"] != "default"]
    return [released.recorded({"apiVersion": api, "kind": kind} | each) for each in items]


async def _lease(kube: Kube) -> Object:
    return released.recorded(await kube.get(paths.leases(NAMESPACE, leadership.NAME)) or {})


async def _story(cluster: Cluster, name: str) -> Story:
    story = await cluster.story(released.NAMESPACES[name])
    await cluster.control.namespace(story.namespace, **pace.STAND_INS)
    return story


def _keep(name: str, objects: list[Object]) -> None:
    print(f"{released.keep(__version__, name, objects).relative_to(ROOT)} is made")


def _schema() -> None:
    file = released.FOLDER / __version__ / f"{released.SCHEMA}.yaml"
    shutil.copyfile(ROOT / "crds" / "emqxautoclusters.yaml", file)


if __name__ == "__main__":
    asyncio.run(main())
