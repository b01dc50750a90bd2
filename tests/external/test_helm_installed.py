"""One installation by helm from install to uninstall, as its notes tell it: nothing of it touches a user's EMQX."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import manifests
from emqx_autocluster.clients.kube import Kube
from helm import program
from helm.command import Helm, HelmError
from release import chart, tree
from running import NAMESPACE, ROOT, RunningOperator
from sandbox.handle import KubectlError, SandboxHandle
from sandbox.kubelet.control import Control
from story import Story
from test_chart import CHART

Object = dict[str, Any]
RELEASE = "emqx-autocluster"
IN_NAMESPACE = ("--namespace", NAMESPACE)
CRD = "emqxautoclusters.emqx-autocluster.io"
USERS = "iot"
"""The namespace that the notes speak of."""


@pytest.fixture
def helm(own_sandbox: SandboxHandle, tmp_path: Path) -> Iterator[Helm]:
    """With an empty cluster before and after."""
    found = Helm(asyncio.run(program.provide(print)), tmp_path, own_sandbox.kubeconfig)
    yield found
    for release in yaml.safe_load(found("list", "--all-namespaces", "--output", "yaml")):
        found("uninstall", release["name"], "--namespace", release["namespace"], "--wait")
    own_sandbox.kubectl("delete", "crd", CRD, "--ignore-not-found")
    own_sandbox.kubectl("delete", "namespace", NAMESPACE, "platform", USERS, "--ignore-not-found")


@asynccontextmanager
async def watched_over(sandbox: SandboxHandle) -> AsyncIterator[Story]:
    """A user's EMQX that cannot form a cluster, and the operator that the Deployment would run."""
    async with AsyncExitStack() as ends:
        operator = RunningOperator.start(sandbox, LEASE_NAMESPACE=NAMESPACE)
        ends.callback(operator.stop)
        ends.callback(lambda: print(operator.log.read_text()))  # shown if the test fails
        kube = await ends.enter_async_context(Kube.from_kubeconfig(sandbox.kubeconfig))
        control = await ends.enter_async_context(Control(sandbox.control))
        sandbox.kubectl("create", "namespace", USERS)
        story = Story(sandbox, kube, control, USERS)
        body = manifests.deployment("5.8.9", USERS, manifests.DEAD_PROXY, replicas=2)
        await story.apply(manifests.service(USERS), body)
        await story.until_lone(2)
        yield story


async def belongings(story: Story) -> Object:
    """What is a user's, as exactly as the API server tells it apart."""
    deployment, resource = await story.get("Deployment") or {}, await story.resource()
    crd = story.sandbox.kubectl("get", "crd", CRD, "-o", "jsonpath={.metadata.uid}")
    return {
        "crd": crd,
        "deployment": [deployment["metadata"][key] for key in ("uid", "generation", "resourceVersion")],
        "resource": [resource["metadata"][key] for key in ("uid", "generation")],
        "pods": [
            (pod["metadata"]["uid"], [each["restartCount"] for each in pod["status"]["containerStatuses"]])
            for pod in await story.pods()
        ],
        "rights": [
            (await story.get(kind, "emqx-discovery") or {})["metadata"]["uid"]
            for kind in ("Role", "RoleBinding")
        ],
    }


def commands(notes: str) -> list[str]:
    return re.findall(r"^  (kubectl .*)$", notes, re.MULTILINE)


def deployed(sandbox: SandboxHandle, path: str) -> str:
    return sandbox.kubectl("get", "deployment", "emqx-autocluster", "-n", NAMESPACE, "-o", f"jsonpath={path}")


LOG_LEVEL = '{.spec.template.spec.containers[0].env[?(@.name=="EMQX_AUTOCLUSTER_LOG_LEVEL")].value}'


@pytest.mark.timeout(600)
async def test_one_installation_from_install_to_uninstall(
    own_sandbox: SandboxHandle, helm: Helm, tmp_path: Path
) -> None:
    """From the file that a release has, and changed from the folder of a checkout."""
    packed = tmp_path / f"{RELEASE}.tgz"
    packed.write_bytes(chart.package(ROOT, tree.commit(ROOT)))
    notes = await asyncio.to_thread(
        helm, "install", RELEASE, str(packed), *IN_NAMESPACE, "--create-namespace", "--wait"
    )
    async with watched_over(own_sandbox) as story:
        *followed, opt_out = commands(notes)
        assert opt_out.endswith("mode-")
        for command in followed:
            await story.shell(command)
        await story.until_repaired()
        await story.one_cluster(2)
        before = await belongings(story)

        refused_beside(helm)
        await changed_and_back(story, helm, before)
        crd_upgraded(story)
        assert await belongings(story) == before
        await asyncio.to_thread(helm, "uninstall", RELEASE, *IN_NAMESPACE, "--wait")
        for kind in ("clusterroles", "clusterrolebindings", "validatingadmissionpolicies"):
            assert "emqx-autocluster" not in own_sandbox.kubectl("get", kind, "-o", "name")
        assert await belongings(story) == before
        await story.one_cluster(2)

        await elsewhere(story, helm)
        assert await belongings(story) == before


def refused_beside(helm: Helm) -> None:
    """A second operator would fight with the first."""
    with pytest.raises(HelmError, match="exists and cannot be imported into the current release"):
        helm("install", "second", str(CHART), "--namespace", "platform", "--create-namespace")


async def changed_and_back(story: Story, helm: Helm, before: Object) -> None:
    sandbox = story.sandbox
    changed = ("--set", "settings.logLevel=DEBUG", "--set", "guardrails.enabled=false")
    notes = await asyncio.to_thread(helm, "upgrade", RELEASE, str(CHART), *IN_NAMESPACE, *changed, "--wait")
    assert "Guardrails are off" in notes
    assert deployed(sandbox, LOG_LEVEL) == "DEBUG"
    assert not sandbox.kubectl("get", "validatingadmissionpolicies", "-o", "name")
    assert await belongings(story) == before

    await asyncio.to_thread(helm, "rollback", RELEASE, "1", *IN_NAMESPACE, "--wait")
    assert deployed(sandbox, LOG_LEVEL) == "INFO"
    assert f"{RELEASE}-exec" in sandbox.kubectl("get", "validatingadmissionpolicies", "-o", "name")
    assert await belongings(story) == before


def crd_upgraded(story: Story) -> None:
    """By the command of the chart's README, from a version that had no short name."""
    sandbox = story.sandbox
    older = '[{"op": "remove", "path": "/spec/names/shortNames"}]'
    sandbox.kubectl("patch", "crd", CRD, "--type=json", "-p", older)
    [command] = re.findall(r"^ +kubectl (apply .*/crds/)$", (CHART / "README.md").read_text(), re.MULTILINE)
    sandbox.kubectl(*command.replace("charts/", f"{ROOT}/charts/").split())
    names = sandbox.kubectl("get", "crd", CRD, "-o", "jsonpath={.spec.names.shortNames}")
    assert names == '["eac"]'


async def elsewhere(story: Story, helm: Helm) -> None:
    """Limited to some namespaces, in one of them; the policies bind the account that is there."""
    sandbox = story.sandbox
    where = ("--namespace", "platform", "--create-namespace", "--set", f"namespaces={{{USERS},platform}}")
    await asyncio.to_thread(helm, "install", "other", str(CHART), *where, "--wait")
    account = "--as=system:serviceaccount:platform:emqx-autocluster"
    may = "auth", "can-i", account
    for namespace in (USERS, "platform"):
        assert sandbox.kubectl(*may, "patch", "deployments.apps", "-n", namespace).strip() == "yes"
    with pytest.raises(KubectlError):
        sandbox.kubectl(*may, "list", "deployments.apps", "--all-namespaces")
    assert sandbox.kubectl(*may, "update", "leases.coordination.k8s.io/emqx-autocluster", "-n", "platform")
    theft = ("annotate", "deployment/emqx", "-n", USERS, "a=b", account)

    async def refused() -> bool:
        try:
            sandbox.kubectl(*theft, "--dry-run=server")
        except KubectlError as error:
            return "only the operator's own annotations may differ" in str(error)
        return False

    await story.until("the policies are in force", refused, seconds=30)


@pytest.mark.timeout(300)
async def test_what_kubectl_installed_helm_takes_over_without_a_restart(
    own_sandbox: SandboxHandle, helm: Helm
) -> None:
    own_sandbox.kubectl("apply", "-f", str(ROOT / "deploy"))
    ready = ("rollout", "status", "-n", NAMESPACE, "deployment/emqx-autocluster", "--timeout=60s")
    pods = ("get", "pods", "-n", NAMESPACE, "-o", "name")
    own_sandbox.kubectl(*ready)
    before = own_sandbox.kubectl(*pods)
    with pytest.raises(HelmError, match="cannot be imported into the current release"):
        helm("install", RELEASE, str(CHART), *IN_NAMESPACE)
    helm("install", RELEASE, str(CHART), *IN_NAMESPACE, "--take-ownership", "--wait")
    assert own_sandbox.kubectl(*pods) == before
    assert len(before.splitlines()) == 2
