"""`revert` does what it has announced, whatever controllers write meanwhile, and nothing else."""

from typing import Any

import pytest

from emqx_autocluster.api import annotations
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import Conflict
from emqx_autocluster.clients.kube import Kube, PatchType
from emqx_autocluster.commands.revert import put_back
from emqx_autocluster.objects import template, workload
from emqx_autocluster.objects.recorded import FieldChange, Record
from emqx_autocluster.observation import Workload, WorkloadKind

LABELS = {"app": "emqx"}
RECORD = Record("emqx", (FieldChange(template.MIN_READY_SECONDS, 0, 20),)).dump()


async def made(kube: Kube, namespace: str) -> tuple[str, Workload]:
    """A Deployment as the operator left it, as somebody has read it."""
    pod = {"containers": [{"name": "emqx", "image": "emqx/emqx:5.8.9"}]}
    spec = {"replicas": 0, "minReadySeconds": 20, "selector": {"matchLabels": LABELS}}
    spec["template"] = {"metadata": {"labels": LABELS}, "spec": pod}
    marks = {annotations.MODE: "Repair", annotations.ORIGINAL: RECORD}
    metadata = {"name": "emqx", "namespace": namespace, "annotations": marks}
    body = await kube.create(paths.deployments(namespace), {"metadata": metadata, "spec": spec})
    path = paths.WORKLOADS[WorkloadKind.DEPLOYMENT](namespace, "emqx")
    return path, workload(WorkloadKind.DEPLOYMENT, body)


async def changed(kube: Kube, path: str, change: dict[str, Any]) -> None:
    await kube.patch(path, change, PatchType.MERGE)


async def test_what_a_controller_wrote_meanwhile_is_no_obstacle(kube: Kube, namespace: str) -> None:
    path, read = await made(kube, namespace)
    await changed(kube, path, {"metadata": {"annotations": {"somebody.example/else": "1"}}})
    await put_back(kube, path, read, RECORD)
    now = await kube.get(path)
    assert now
    assert now["spec"].get("minReadySeconds", 0) == 0
    assert now["metadata"]["annotations"][annotations.MODE] == "Observe"


async def test_what_a_person_changed_meanwhile_was_not_announced(kube: Kube, namespace: str) -> None:
    path, read = await made(kube, namespace)
    await changed(kube, path, {"spec": {"minReadySeconds": 30}})
    with pytest.raises(Conflict):
        await put_back(kube, path, read, RECORD)
    now = await kube.get(path)
    assert now
    assert now["spec"]["minReadySeconds"] == 30
