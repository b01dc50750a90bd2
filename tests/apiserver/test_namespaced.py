"""deploy/namespaced: the operator in the namespaces that it names, and in no other.

The operator has the Roles of deploy/namespaced and nothing else, so whatever it asked for in vain, and whatever it asked of
another namespace, stands in the API server's audit log.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import exertions
import manifests
import pace
import rights
from emqx_autocluster.clients.kube import Kube
from running import NAMESPACE, ROOT, SERVICE_ACCOUNT, RunningOperator
from sandbox.audit import AuditEntry
from sandbox.handle import SandboxHandle
from sandbox.kubelet.control import Control
from story import Story

OVERLAY = str(ROOT / "deploy" / "namespaced")
IOT, OTHER = "iot", "lab"
"""The namespace that deploy/namespaced names as it is shipped, and one that it does not."""
SETTING = "EMQX_AUTOCLUSTER_NAMESPACES"


@dataclass(slots=True)
class Site:
    """A cluster to which deploy/namespaced was applied, and the operator that its Deployment would run."""

    iot: Story
    other: Story
    operator: RunningOperator

    @property
    def sandbox(self) -> SandboxHandle:
        return self.iot.sandbox

    def requests(self) -> list[AuditEntry]:
        return [e for e in rights.requests(self.sandbox) if e.timestamp >= self.iot.began and e.resource]

    async def until_logged(self, words: str, times: int = 1) -> None:
        async def logged() -> bool:
            return self.operator.log.read_text().count(words) >= times

        await self.iot.until(f'the operator logs "{words}"', logged)


def namespaces_in_force(sandbox: SandboxHandle) -> str:
    """As the applied Deployment has them."""
    deployment = json.loads(sandbox.kubectl("get", "deployment", NAMESPACE, "-n", NAMESPACE, "-o", "json"))
    env = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    return str(next(entry["value"] for entry in env if entry["name"] == SETTING))


@asynccontextmanager
async def installed(sandbox: SandboxHandle, *more: str) -> AsyncIterator[Site]:
    """`more` namespaces are named beside those of the overlay."""
    async with AsyncExitStack() as ends:
        for name in (IOT, OTHER):
            sandbox.kubectl("create", "namespace", name)
            ends.callback(sandbox.kubectl, "delete", "namespace", name, "--timeout=50s")
        sandbox.kubectl("apply", "-k", OVERLAY)
        ends.callback(sandbox.kubectl, "delete", "-k", OVERLAY, "--ignore-not-found", "--timeout=50s")
        sandbox.kubectl("wait", "--for=condition=Established", "crd/emqxautoclusters.emqx-autocluster.io")
        named = ",".join((namespaces_in_force(sandbox), *more))
        began = datetime.now(UTC)
        operator = RunningOperator.start(
            sandbox, NAMESPACES=named, LEASE_NAMESPACE=NAMESPACE, **pace.SETTINGS
        )
        ends.callback(operator.stop)
        ends.callback(lambda: print(operator.log.read_text()))  # shown if the test fails
        kube = await ends.enter_async_context(Kube.from_kubeconfig(sandbox.kubeconfig))
        control = await ends.enter_async_context(Control(sandbox.control))
        for name in (IOT, OTHER):
            await control.namespace(name, **pace.STAND_INS)
        iot = Story(sandbox, kube, control, IOT, began=began)
        yield Site(iot, replace(iot, namespace=OTHER), operator)


@pytest.fixture
async def site(own_sandbox: SandboxHandle) -> AsyncIterator[Site]:
    async with installed(own_sandbox) as site:
        yield site


@pytest.mark.timeout(400)
async def test_what_is_broken_in_a_named_namespace_is_repaired_and_no_other_is_even_asked_about(
    site: Site, tmp_path: Path
) -> None:
    broken = manifests.deployment("5.8.9", OTHER, manifests.DEAD_PROXY)
    await site.other.apply(manifests.service(OTHER), broken)
    await site.other.annotate(mode="Heal")
    untouched = await site.other.get("Deployment")
    try:
        await exertions.told(site.iot, tmp_path, (IOT,))
    finally:
        mine = site.requests()
        assert rights.refused(mine) == set(), "missing in deploy/namespaced/rights/role.yaml"

    assert {e.namespace for e in mine} == {IOT, NAMESPACE, ""}
    # Whoever may log in may ask the authorizer about himself; that is of no namespace.
    assert {e.resource for e in mine if not e.namespace} == {"selfsubjectaccessreviews"}
    at_home = ("role", SERVICE_ACCOUNT, "-n", NAMESPACE)
    granted = rights.granted(site.sandbox, ("role", SERVICE_ACCOUNT, "-n", IOT), at_home)
    assert granted - rights.used(mine) == set(), "rights of deploy/namespaced that nothing needs"

    assert await site.other.resource() == {}
    now = await site.other.get("Deployment") or {}
    assert now["spec"] == (untouched or {})["spec"]
    assert now["metadata"]["annotations"]["emqx-autocluster.io/mode"] == "Heal"
