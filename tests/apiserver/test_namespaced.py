"""deploy/namespaced: the operator in the namespaces that it names, and in no other.

The operator has the Roles of deploy/namespaced and nothing else. So whatever it asked for in vain, and whatever it
asked of another namespace, stands in the API server's audit log.
"""

import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

import exertions
import manifests
import pace
import rights
from emqx_autocluster.clients.kube import Kube
from odd import ACCOUNT, with_rights
from running import NAMESPACE, ROOT, SERVICE_ACCOUNT, RunningOperator
from sandbox.audit import AuditEntry
from sandbox.handle import SandboxHandle
from sandbox.kubelet.control import Control
from story import Story

OVERLAY = str(ROOT / "deploy" / "namespaced")
IOT, OTHER, PLANT = "iot", "lab", "plant"
"""The namespace that deploy/namespaced names as it is shipped, one that nobody names, and one that comes and goes."""
FEW = 20
"""Refusals of what is under way while a namespace is being deleted; its Role may go before its workloads."""
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

    async def metrics(self) -> str:
        said = re.search(r"health endpoints on port (\d+)", self.operator.log.read_text())
        assert said
        async with aiohttp.ClientSession() as session:
            return await (await session.get(f"http://127.0.0.1:{said[1]}/metrics")).text()

    async def watched(self) -> dict[str, int]:
        found = re.findall(r'_namespace_watched\{namespace="(.+)"\} (\d)', await self.metrics())
        return {name: int(value) for name, value in found}

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


def made(sandbox: SandboxHandle, namespace: str) -> None:
    """As somebody who adds a namespace would make it, with the operator's Role."""
    sandbox.kubectl("create", "namespace", namespace)
    sandbox.kubectl("apply", "-n", namespace, "-k", f"{OVERLAY}/rights")


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
        await told_to_people(site.iot, tmp_path / "kubeconfig")
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


@pytest.mark.timeout(400)
async def test_a_namespace_may_come_go_and_come_back_and_costs_the_others_nothing(
    own_sandbox: SandboxHandle,
) -> None:
    async with installed(own_sandbox, PLANT) as site:
        plant = replace(site.iot, namespace=PLANT)
        await site.until_logged(f"namespace {PLANT}, which {SETTING} names, is not looked after")
        await looked_after(site.iot)

        made(own_sandbox, PLANT)
        await looked_after(plant)
        assert await site.watched() == {IOT: 1, PLANT: 1}
        assert PLANT in await site.metrics()

        own_sandbox.kubectl("delete", "namespace", PLANT, "--timeout=50s")
        await site.until_logged(f"namespace {PLANT}, which {SETTING} names, is not looked after", times=2)
        assert await site.watched() == {IOT: 1, PLANT: 0}
        # Of what is not looked at nothing is claimed.
        assert f'namespace="{PLANT}",kind=' not in await site.metrics()
        since = datetime.now(UTC)
        await site.iot.annotate(paused="true")
        await site.iot.until_condition("Paused", "True")

        made(own_sandbox, PLANT)
        await looked_after(plant)
        own_sandbox.kubectl("delete", "namespace", PLANT, "--timeout=50s")
        asked = [e for e in site.requests() if e.timestamp >= since and e.code == HTTPStatus.FORBIDDEN]
        assert len(asked) < FEW
        assert site.operator.process.poll() is None


async def told_to_people(story: Story, kubeconfig: Path) -> None:
    """By the operator's own rights, as from within its pod."""
    with_setting = f"{SETTING}={IOT} emqx-autocluster {{}} --kubeconfig {kubeconfig}"
    status = await story.shell(with_setting.format("status"))
    doctor = await story.shell(with_setting.format("doctor -o json") + " || test $? -lt 2")
    told = [re.split(r"[ /]", row)[0] for row in status.splitlines()]
    assert {word for word in told if word in {IOT, OTHER, PLANT}} == {IOT}
    assert {found["namespace"] for found in json.loads(doctor)} == {IOT}


async def looked_after(story: Story) -> None:
    await story.apply(
        manifests.service(story.namespace),
        manifests.deployment("5.8.9", story.namespace, manifests.CANONICAL, replicas=1),
    )
    await story.annotate(mode="Observe")
    await story.until_condition("ConfigurationValid", "True")


@pytest.mark.timeout(300)
async def test_what_stands_in_other_namespaces_is_not_judged_and_one_sentence_says_why(site: Site) -> None:
    """Whether the pod's nameserver is the cluster's own is told by a Service in kube-system."""
    resolver = {
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["10.0.0.2"], "searches": ["cluster.local"]},
    }
    await with_rights(site.iot)
    await site.iot.apply(
        manifests.custom_resource(IOT, dns={"negativeGrace": "2s"}),
        manifests.deployment("5.8.9", IOT, manifests.CANONICAL, replicas=1, pod=ACCOUNT | resolver),
    )
    await site.iot.until_lone(1)
    await site.iot.annotate(mode="Observe")
    told = await site.iot.until_condition("DNSHealthy", "False", "NameNotFound")
    assert told["message"].count(f"{SETTING} does not name kube-system, so nothing is read there") == 1
    mine = site.requests()
    assert rights.refused(mine) == set()
    assert {e.namespace for e in mine} == {IOT, NAMESPACE, ""}


def test_the_namespaced_installation_is_deploy_but_for_the_rights_in_the_whole_cluster(
    own_sandbox: SandboxHandle,
) -> None:
    shipped = objects(path.read_text() for path in sorted((ROOT / "deploy").glob("*.yaml")))
    namespaced = objects([own_sandbox.kubectl("kustomize", OVERLAY)])
    everywhere = {("ClusterRole", None, SERVICE_ACCOUNT), ("ClusterRoleBinding", None, SERVICE_ACCOUNT)}
    there = {("Role", IOT, SERVICE_ACCOUNT), ("RoleBinding", IOT, SERVICE_ACCOUNT)}
    assert shipped.keys() - namespaced.keys() == everywhere
    assert namespaced.keys() - shipped.keys() == there
    differing = {key for key in shipped.keys() & namespaced.keys() if shipped[key] != namespaced[key]}
    assert differing == {("Deployment", NAMESPACE, SERVICE_ACCOUNT)}
    [container] = namespaced[differing.pop()]["spec"]["template"]["spec"]["containers"]
    assert {"name": SETTING, "value": IOT} in container["env"]


def objects(files: Iterable[str]) -> dict[tuple[str, str | None, str], Any]:
    """Without empty lines in their texts: kustomize doubles some line breaks of folded ones."""
    documents = [document for text in files for document in yaml.safe_load_all(text)]
    return {
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): json.loads(
            json.dumps(each).replace(r"\n\n", r"\n")
        )
        for each in documents
    }
