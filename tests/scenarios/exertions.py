"""Stories that, told together, need every right of the operator's."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import manifests
from emqx_autocluster.api import annotations
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.exec import Exec
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.effects import Effects
from emqx_autocluster.healing.steps import Action, Evict, Step
from emqx_autocluster.observation import JoinTrace, WorkloadKind, WorkloadRef
from emqx_autocluster.observer import Observer
from emqx_autocluster.observer.look import Depth
from running import NAMESPACE, SERVICE_ACCOUNT
from story import Story, is_ready, uids

VERSION = "5.8.9"
SERVICE_NAME = "EMQX_CLUSTER__K8S__SERVICE_NAME"
RBAC = "rbac.authorization.k8s.io"

Object = dict[str, Any]


async def told(story: Story, folder: Path, namespaces: tuple[str, ...] | None = None) -> None:
    """All of them at once. `folder` is for a kubeconfig, `namespaces` are the only ones that the operator looks at."""
    token = story.sandbox.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT, folder / "kubeconfig")
    async with Kube.from_kubeconfig(token) as kube, asyncio.TaskGroup() as stories:
        stories.create_task(repaired(story))
        stories.create_task(given_back(story, "StatefulSet"))
        stories.create_task(given_back(story, "Deployment"))
        stories.create_task(published(story))
        stories.create_task(evicted(story, kube, namespaces))


def workload(story: Story, kind: str, name: str, replicas: int, **pod: Any) -> list[Object]:
    """EMQX with the right API server address, and its Service."""
    make = manifests.deployment if kind == "Deployment" else manifests.stateful_set
    body = make(VERSION, story.namespace, manifests.CANONICAL, name=name, replicas=replicas, pod=pod)
    for entry in body["spec"]["template"]["spec"]["containers"][0]["env"]:
        if entry["name"] == SERVICE_NAME:
            entry["value"] = name
    return [manifests.service(story.namespace, name=name, app=name), body]


async def repaired(story: Story) -> None:
    """Pods of the ServiceAccount `default`, without rights, with a setting in a ConfigMap; then opted out."""
    service, body = workload(story, "Deployment", "fresh", 2)
    body["spec"]["strategy"] = {"type": "Recreate"}
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [e for e in container["env"] if e["name"] != SERVICE_NAME]
    container["envFrom"] = [{"configMapRef": {"name": "fresh"}}]
    metadata = {"name": "fresh", "namespace": story.namespace}
    await story.apply(
        {"kind": "ConfigMap", "metadata": metadata, "data": {SERVICE_NAME: "fresh"}}, service, body
    )
    await story.until_lone(2, app="fresh")
    await story.annotate("fresh", mode="Repair")
    await story.until_repaired(name="fresh", seconds=120)
    await drifted(story, "fresh-discovery")
    await story.annotate("fresh", mode=None)

    async def gone() -> bool:
        return not await story.resource("fresh")

    await story.until("the EMQXAutoCluster is deleted", gone)


async def drifted(story: Story, name: str) -> None:
    """The operator's Role and RoleBinding are changed by somebody, and put back."""
    rules = (await story.get("Role", name) or {})["rules"]
    await story.patch("Role", name, {"rules": []})
    await until_field(story, "Role", name, "rules", rules)
    binding = await story.get("RoleBinding", name) or {}
    await story.patch("RoleBinding", name, {"subjects": []})
    await until_field(story, "RoleBinding", name, "subjects", binding["subjects"])
    await story.annotate("fresh", paused="true")
    await story.until_condition("Paused", "True", name="fresh")
    await story.delete("RoleBinding", name)
    kept = {key: binding["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    other = {"apiGroup": RBAC, "kind": "Role", "name": "other"}
    await story.apply({**binding, "metadata": kept, "roleRef": other})
    await story.annotate("fresh", paused=None)
    await until_field(story, "RoleBinding", name, "roleRef", binding["roleRef"])


async def until_field(story: Story, kind: str, name: str, key: str, value: object) -> None:
    async def equal() -> bool:
        return bool((await story.get(kind, name) or {}).get(key) == value)

    await story.until(f"{key} of {kind} {name} are as they were", equal)


async def given_back(story: Story, kind: str) -> None:
    """The ServiceAccount of the pods was deleted: it is made again, and who makes the pods is told."""
    name = f"lost-{kind.lower()}"
    account = manifests.service_account(story.namespace, name)
    await story.apply(account, *workload(story, kind, name, 1, serviceAccountName=name))
    await story.until_lone(1, app=name)
    await story.delete("ServiceAccount", name)
    asked = {"createServiceAccount": True}
    await story.apply(manifests.custom_resource(story.namespace, name=name, kind=kind, repair=asked))
    await story.annotate(name, kind=kind, mode="Repair")
    await story.until_condition("RBACReady", "True", "AccessGranted", name=name)
    makers = paths.statefulsets if kind == "StatefulSet" else paths.replicasets
    nudged = f"{annotations.GROUP}/nudged"
    found = await story.kube.list(makers(story.namespace))
    mine = [m for m in found if m["metadata"]["name"].startswith(name)]
    assert [nudged in m["metadata"].get("annotations", {}) for m in mine] == [True]


async def published(story: Story) -> None:
    """The Service is missing, and the resource that the user made beforehand asks for it."""
    _, body = workload(story, "Deployment", "served", 1)
    asked = manifests.custom_resource(story.namespace, name="served", discovery={"createService": True})
    asked["spec"]["targetRef"]["name"] = "served"
    await story.apply(body, asked)
    await story.until_lone(1, app="served")
    await story.annotate("served", mode="Repair")
    await story.until_condition("DiscoveryReady", "True", name="served")


async def evicted(story: Story, kube: Kube, namespaces: tuple[str, ...] | None = None) -> None:
    """A member that does not become Ready: its log is read, and its pod evicted, as far as its budget allows that.

    Both take minutes to come about by themselves, so the operator's own reader and writer are asked directly, with
    its token. `namespaces`: the only ones that it may read in.
    """
    await story.apply(*workload(story, "Deployment", "hung", 1))
    await story.until_lone(1, app="hung")
    [pod] = await story.pods("hung")
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    await story.control.pod(story.namespace, name, readiness="fail")

    async def unready() -> bool:
        return not any(map(is_ready, await story.pods("hung")))

    await story.until("hung is not Ready", unready)
    emqx_ctl = EmqxCtl(Exec(kube, 4))
    observer = Observer(kube, emqx_ctl, None, "cluster.local", namespaces=namespaces)
    target = await observer.workload(WorkloadRef(story.namespace, WorkloadKind.DEPLOYMENT, "hung"))
    assert target
    later = datetime.now(UTC) + timedelta(minutes=1)
    options = annotations.parse({})
    seen = await observer.observe(target, "hung", options, later, Depth(thorough=True))
    assert [type(member.join_trace) for member in seen.each_member()] == [JoinTrace]
    step = Step(Action.EVICT_POD, f"Pod/{name}", "", None, Evict(name, uid))
    budgets = f"/apis/policy/v1/namespaces/{story.namespace}/poddisruptionbudgets"
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "hung"}}}
    kind = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "hung"}}
    await story.kube.create(budgets, kind | {"spec": budget})
    outcome = await Effects(kube, emqx_ctl).carry_out(step, target, later)
    assert not outcome.succeeded
    assert "disruption budget" in outcome.message
    assert uids(await story.pods("hung")) == {uid}
    await story.kube.delete(f"{budgets}/hung")
    outcome = await Effects(kube, emqx_ctl).carry_out(step, target, later)
    assert outcome.succeeded, outcome.message

    async def replaced() -> bool:
        return uid not in uids(await story.pods("hung"))

    await story.until("hung is replaced", replaced)
