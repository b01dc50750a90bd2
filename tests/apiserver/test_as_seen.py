"""Whether what an action was decided on is still so, right before it is taken: asked of a real API server."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

import manifests
from emqx_autocluster import objects
from emqx_autocluster.api.annotations import GROUP, PAUSED, QUARANTINE
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.kube import Kube, PatchType
from emqx_autocluster.observation import NOT_ASKED, Member, Observation, WorkloadKind
from emqx_autocluster.observer import Observer

SECONDS = 60

Object = dict[str, Any]
Change = Callable[[Kube, str, str, str], Awaitable[object]]


def annotated(name: str, value: str | None) -> Object:
    return {"metadata": {"annotations": {name: value}}}


async def change_workload(kube: Kube, namespace: str, body: Object) -> None:
    await kube.patch(paths.deployments(namespace, "emqx"), body, PatchType.MERGE)


async def pause(kube: Kube, namespace: str, *_: str) -> None:
    await change_workload(kube, namespace, annotated(PAUSED, "true"))


async def restart(kube: Kube, namespace: str, *_: str) -> None:
    await change_workload(kube, namespace, {"spec": {"template": annotated("restarted", "now")}})


async def annotate_otherwise(kube: Kube, namespace: str, pod: str, _: str) -> None:
    await change_workload(kube, namespace, annotated("deployed-by", "somebody"))
    await kube.patch(paths.pods(namespace, pod), annotated("scraped", "true"), PatchType.MERGE)


async def quarantine(kube: Kube, namespace: str, pod: str, _: str) -> None:
    await kube.patch(paths.pods(namespace, pod), annotated(QUARANTINE, "looked at"), PatchType.MERGE)


async def delete_pod(kube: Kube, namespace: str, pod: str, _: str) -> None:
    await kube.delete(paths.pods(namespace, pod))


async def delete_workload(kube: Kube, namespace: str, *_: str) -> None:
    await kube.delete(paths.deployments(namespace, "emqx"))


@pytest.mark.parametrize(
    ("change", "stands"),
    [
        pytest.param(annotate_otherwise, True, id="others write annotations of their own"),
        pytest.param(pause, False, id="its user paused the operator"),
        pytest.param(restart, False, id="a rollout was begun"),
        pytest.param(quarantine, False, id="the pod is to be left alone"),
        pytest.param(delete_pod, False, id="the pod is told to end, or another one took its place"),
        pytest.param(delete_workload, False, id="the workload is gone"),
    ],
)
async def test_what_happened_while_it_was_looked_at(
    kube: Kube, operators: Kube, namespace: str, change: Change, *, stands: bool
) -> None:
    seen, pod = await looked_at(kube, namespace)
    observer = Observer(operators, cast("EmqxCtl", None), None, "cluster.local")
    assert await observer.is_as_seen(seen, pod, "emqx")
    await change(kube, namespace, pod, "emqx")
    assert await observer.is_as_seen(seen, pod, "emqx") == stands


async def looked_at(kube: Kube, namespace: str) -> tuple[Observation, str]:
    body = manifests.deployment("5.8.9", namespace, manifests.CANONICAL, replicas=1)
    body["metadata"]["annotations"] = {f"{GROUP}/mode": "Repair", PAUSED: "false"}
    await kube.create(paths.deployments(namespace), body)
    async with asyncio.timeout(SECONDS):
        while True:
            made = await kube.get(paths.deployments(namespace, "emqx")) or {}
            pods = [objects.pod(pod, "emqx") for pod in await kube.list(paths.pods(namespace))]
            if made.get("status", {}).get("observedGeneration") and pods and pods[0].running:
                break
            await asyncio.sleep(0.2)
    workload = objects.workload(WorkloadKind.DEPLOYMENT, made)
    members = (Member(pods[0], NOT_ASKED, NOT_ASKED),)
    return Observation(datetime.now(UTC), "emqx", workload, members), pods[0].name
