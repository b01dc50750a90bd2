"""Odd workloads that are wrong in one way only, and the hands of those who change them beside the operator."""

import json
from typing import Any

import manifests
from story import Story, env_of

Object = dict[str, Any]

APISERVER = "EMQX_CLUSTER__K8S__APISERVER"
NO_SCHEME = "kubernetes.default.svc:443"
"""EMQX takes it for no URL, which is told without asking a member."""
ACCOUNT = {"serviceAccountName": "iot"}


async def with_rights(story: Story, *, headless: bool = False) -> None:
    """Everything but the workload: Service, ServiceAccount `iot`, and its rights."""
    await story.apply(
        manifests.service(story.namespace, headless=headless),
        manifests.service_account(story.namespace, "iot"),
        manifests.role(story.namespace, "by-hand"),
        manifests.role_binding(story.namespace, "by-hand", "iot"),
    )


def container(workload: Object) -> Object:
    found: Object = workload["spec"]["template"]["spec"]["containers"][0]
    return found


async def the(story: Story, kind: str = "Deployment") -> Object:
    """The workload as it is now."""
    found = await story.get(kind)
    assert found
    return found


async def address(story: Story, kind: str = "Deployment") -> str | None:
    return env_of(await the(story, kind)).get(APISERVER)


async def create(story: Story, body: Object) -> None:
    """For kinds that the stories else never make."""
    await story.shell(f"echo '{json.dumps(body)}' | kubectl create -f -")


async def apply_as(story: Story, manager: str, body: Object) -> None:
    """What a tool does that keeps a manifest: server-side apply under its own name, whoever else changed it."""
    flags = f"--server-side --force-conflicts --field-manager={manager}"
    await story.shell(f"echo '{json.dumps(body)}' | kubectl apply {flags} -f -")


async def until_address(story: Story, wanted: str, *, seconds: float = 60) -> None:
    async def check() -> bool:
        return await address(story) == wanted

    await story.until(f"the address {wanted}", check, seconds=seconds)


async def until_planned(story: Story, action: str) -> Object:
    """One of status.plannedActions."""

    async def check() -> Object | None:
        actions = (await story.resource()).get("status", {}).get("plannedActions") or []
        return next((a for a in actions if a["action"] == action), None)

    found: Object = await story.until(f"{action} is planned", check)
    return found
