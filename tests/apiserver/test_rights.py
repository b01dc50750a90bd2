"""The rights that deploy/ gives the operator are enough and none too many.

How it is known that no right can be taken away: `test_the_rights_are_exactly_the_used_ones` lets the operator,
with a token of the shipped ServiceAccount, live through stories that need everything it can do. Then it reads the
API server's audit log. A request that was answered with 403 fails it, so a right that is missing does; and a
right (verb and resource) of the ClusterRole that no request has used fails it as well. `create` on pods/exec is the
one right that shows in no line of its own, so `test_commands_in_members_need_both_verbs` asks for it separately.
"""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

import manifests
from emqx_autocluster.api import annotations
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import Forbidden
from emqx_autocluster.clients.exec import Exec, ExecTarget
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.effects import Effects
from emqx_autocluster.healing.steps import Action, Evict, Step
from emqx_autocluster.observation import JoinTrace, WorkloadKind, WorkloadRef
from emqx_autocluster.observer import Observer
from emqx_autocluster.observer.look import Depth
from running import NAMESPACE, SERVICE_ACCOUNT
from sandbox.audit import AuditEntry
from sandbox.handle import SandboxHandle
from story import OPERATOR, Story, is_ready, uids

VERSION = "5.8.9"
SERVICE_NAME = "EMQX_CLUSTER__K8S__SERVICE_NAME"
RBAC = "rbac.authorization.k8s.io"

Object = dict[str, Any]
Right = tuple[str, str, str]
"""verb, API group, resource or resource/subresource"""


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


async def evicted(story: Story, kube: Kube) -> None:
    """A member that does not become Ready: its log is read, and its pod evicted, as far as its budget allows that.

    Both take minutes to come about by themselves, so the operator's own reader and writer are asked directly, with
    its token.
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
    observer = Observer(kube, emqx_ctl, None, "cluster.local")
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


@pytest.mark.timeout(300)
async def test_the_rights_are_exactly_the_used_ones(story: Story, tmp_path: Path) -> None:
    token = story.sandbox.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT, tmp_path / "kubeconfig")
    try:
        async with Kube.from_kubeconfig(token) as kube, asyncio.TaskGroup() as stories:
            stories.create_task(repaired(story))
            stories.create_task(given_back(story, "StatefulSet"))
            stories.create_task(given_back(story, "Deployment"))
            stories.create_task(published(story))
            stories.create_task(evicted(story, kube))
    finally:
        # First of all: it is the cause where a story got stuck.
        mine = [
            e
            for e in requests(story.sandbox)
            if e.namespace in {story.namespace, NAMESPACE, ""} and e.resource
        ]
        refused = {right(e) for e in mine if e.code == HTTPStatus.FORBIDDEN and e.timestamp >= story.began}
        assert refused == set(), "missing in deploy/20-rbac.yaml"

    used = {right(e) for e in mine if e.code != HTTPStatus.FORBIDDEN}
    assert ("get", "", "pods/exec") in used
    used.add(("create", "", "pods/exec"))
    assert granted(story.sandbox) - used == set(), "rights in deploy/20-rbac.yaml that nothing needs"


def requests(sandbox: SandboxHandle) -> Iterator[AuditEntry]:
    """The operator's, running watches included: these have a line from the moment they are accepted."""
    with sandbox.audit_log.open(encoding="utf-8") as lines:
        for line in lines:
            if f'"username":"{OPERATOR}"' in line and line.endswith("\n"):
                yield AuditEntry.of(json.loads(line))


def right(entry: AuditEntry) -> Right:
    parts = entry.path.split("/")
    group = parts[2] if parts[1] == "apis" else ""
    resource = f"{entry.resource}/{entry.subresource}" if entry.subresource else entry.resource
    return entry.verb, group, resource


def granted(sandbox: SandboxHandle) -> set[Right]:
    """Everywhere, and in its own namespace."""
    everywhere = sandbox.kubectl("get", "clusterrole", SERVICE_ACCOUNT, "-o", "json")
    at_home = sandbox.kubectl("get", "role", SERVICE_ACCOUNT, "-n", NAMESPACE, "-o", "json")
    return {
        (verb, group, resource)
        for role in map(json.loads, (everywhere, at_home))
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@pytest.mark.parametrize("verbs", ["get", "create", "get,create"])
async def test_commands_in_members_need_both_verbs(story: Story, tmp_path: Path, verbs: str) -> None:
    """From Kubernetes 1.35 on an exec over WebSocket needs create as well, whose check the audit log does not show."""
    name = f"exec-{verbs.replace(',', '-')}"
    await story.apply(manifests.service_account(story.namespace, name))
    rule = {"apiGroups": [""], "resources": ["pods/exec"], "verbs": verbs.split(",")}
    await story.apply(manifests.role(story.namespace, name) | {"rules": [rule]})
    await story.apply(manifests.role_binding(story.namespace, name, name))
    pod = {"containers": [{"name": "idle", "image": "busybox:1"}], "terminationGracePeriodSeconds": 0}
    metadata = {"name": "idle", "namespace": story.namespace, "labels": {"app": "idle"}}
    await story.apply({"kind": "Pod", "metadata": metadata, "spec": pod})
    await story.until_lone(1, app="idle")
    token = story.sandbox.kubeconfig_for(story.namespace, name, tmp_path / "kubeconfig")
    async with Kube.from_kubeconfig(token) as kube:
        running = Exec(kube, 1).run(ExecTarget(story.namespace, "idle", "idle"), ["true"], 20)
        if verbs == "get,create":
            assert (await running).exit_code == 0
        else:
            with pytest.raises(Forbidden):
                await running
