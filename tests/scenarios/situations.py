"""How clusters come to be broken: each function makes one such workload and returns once its pods are Ready."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import manifests
import pace
from story import Story

NODE_ONLY_HOST = "apiserver.cluster.local"
NOBODYS_NAME = "https://kube-api.corp.example:6443"
"""Neither the cluster's DNS nor the node's resolver knows it."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """Names of pods: two are a cluster, the third is alone."""

    together: tuple[str, str]
    alone: str


async def lone_members(story: Story, version: str, api_server: str, **pod: object) -> None:
    """Three members, each a cluster of its own, since discovery by this address fails; `pod` is of its spec."""
    await story.apply(
        manifests.service(story.namespace),
        manifests.deployment(version, story.namespace, api_server, pod=pod),
    )
    await story.until_lone()
    await story.until_views(1, 1, 1)


async def without_rights(story: Story, version: str, account: str) -> None:
    """Three lone members that have the right address; their ServiceAccount may not read Endpoints."""
    if account != "default":
        await story.apply(manifests.service_account(story.namespace, account))
    await lone_members(story, version, manifests.CANONICAL, serviceAccountName=account)


async def one_orphan(story: Story, version: str, proxy: str) -> Orphan:
    """Three members that met through a kubectl proxy at ip:port; it went away, then one pod was replaced.

    Addresses count for the whole sandbox, so each story needs a proxy of its own.
    """
    await story.control.addresses({proxy: "apiserver"})
    # The proxy stands in with the rights of the pods that ask it, so they have them as long as it lives.
    rights = (
        manifests.role(story.namespace, "proxy"),
        manifests.role_binding(story.namespace, "proxy", "default"),
    )
    workload = manifests.deployment(version, story.namespace, f"http://{proxy}")
    await story.apply(manifests.service(story.namespace), *rights, workload)
    await story.until_lone()
    await story.until_views(3, 3, 3)
    await story.control.addresses({proxy: "refuse"})
    for right in rights:
        await story.delete(right["kind"], "proxy")
    return await _replace_one(story)


async def _replace_one(story: Story) -> Orphan:
    names = sorted(pod["metadata"]["name"] for pod in await story.pods())
    lost, *others = names
    await story.delete("Pod", lost)

    async def newcomers() -> list[str]:
        now = {pod["metadata"]["name"] for pod in await story.pods()}
        return sorted(now - set(names)) if lost not in now else []

    (alone,) = await story.until(f"another pod instead of {lost}", newcomers)
    await story.until_lone()
    await story.until_views(1, 2, 2)
    return Orphan((others[0], others[1]), alone)


async def settled(story: Story) -> None:
    """Until the members are old enough for being alone to mean something, and for their own search to be over."""

    async def old_enough() -> bool:
        started = [
            datetime.fromisoformat(pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"])
            for pod in await story.pods()
        ]
        return all(datetime.now(UTC) - since > timedelta(seconds=pace.SETTLING_SECONDS) for since in started)

    await story.until("members that are no longer settling", old_enough)
