"""`emqx-autocluster doctor`: the ladder with a user's own rights, no annotation, no operator, nothing written."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import manifests
import pace
from sandbox.audit import WRITE_VERBS
from situations import lone_members, settled
from story import ACTED, READS, Story

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    exit_code: int
    text: str

    @property
    def documents(self) -> list[Object]:
        found: list[Object] = json.loads(self.text)
        return found


class Person:
    """Somebody with one of Kubernetes' own roles (view, edit, admin) in the story's namespace."""

    def __init__(self, story: Story, role: str, kubeconfig: Path) -> None:
        self._story, self._kubeconfig = story, kubeconfig
        self.user = f"system:serviceaccount:{story.namespace}:{role}"

    @classmethod
    async def with_role(cls, story: Story, role: str, folder: Path) -> "Person":
        await story.apply(manifests.service_account(story.namespace, role))
        await story.shell(
            f"kubectl create rolebinding {role} -n {story.namespace} --clusterrole={role}"
            f" --serviceaccount={story.namespace}:{role}"
        )
        path = folder / role
        await asyncio.to_thread(story.sandbox.kubeconfig_for, story.namespace, role, path)
        return cls(story, role, path)

    async def doctor(self, *arguments: str) -> Said:
        command = Path(sys.executable).parent / "emqx-autocluster"
        process = await asyncio.create_subprocess_exec(
            command,
            "doctor",
            *arguments,
            f"--namespace={self._story.namespace}",
            f"--kubeconfig={self._kubeconfig}",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | pace.ENVIRONMENT,
        )
        output, _ = await process.communicate()
        assert process.returncode is not None
        return Said(process.returncode, output.decode())

    def writes(self) -> list[str]:
        entries = self._story.sandbox.audit_entries(
            user=self.user, verbs=WRITE_VERBS, since=self._story.began
        )
        return [e.resource for e in entries if e.resource not in ACTED and e.subresource not in READS]


async def test_the_seed_story_is_told_with_its_cause_and_the_commands_that_cure_it(
    story: Story, tmp_path: Path
) -> None:
    await lone_members(story, "5.8.9", manifests.DEAD_PROXY)
    await settled(story)
    person = await Person.with_role(story, "admin", tmp_path)
    said = await person.doctor("deploy/emqx")
    assert said.exit_code == 1
    assert "Cause (APIServerUnreachable)" in said.text
    assert manifests.DEAD_PROXY in said.text
    assert manifests.CANONICAL in said.text
    commands = [line.strip() for line in said.text.splitlines() if line.startswith("   kubectl ")]
    assert ["cluster join" in command for command in commands[:2]] == [True, True]
    assert any(command.startswith("kubectl patch deployment emqx") for command in commands)

    everything = await person.doctor("--output=json")
    assert everything.exit_code == 1
    [document] = everything.documents
    assert [len(member["running"]) for member in document["members"]] == [1, 1, 1]
    checks = {check["condition"]: check["reason"] for check in document["checks"]}
    assert checks["RBACReady"] == "PermissionDenied", "an admin of the namespace may ask the authorizer"
    assert person.writes() == []
    assert await story.resource() == {}, "doctor needs no EMQXAutoCluster and makes none"


async def test_who_may_only_view_is_told_what_could_not_be_seen_and_which_right_is_missing(
    story: Story, tmp_path: Path
) -> None:
    await lone_members(story, "5.8.9", manifests.DEAD_PROXY)
    person = await Person.with_role(story, "view", tmp_path)
    said = await person.doctor("deployment/emqx", "-o", "json")
    assert said.exit_code == 2
    [document] = said.documents
    assert document["verdict"] == "Unknown"
    checks = {check["condition"]: check for check in document["checks"]}
    assert checks["DiscoveryReady"]["status"] == "True"
    assert checks["ClusterFormed"]["status"] == "Unknown"
    assert 'cannot get resource "pods/exec"' in checks["ClusterFormed"]["message"]
    assert f"get pods/exec in namespace {story.namespace}" in document["missingRights"]
    assert person.writes() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["deployment/nothing"], "deployment/nothing does not exist", id="no such workload"),
        pytest.param(["pod/emqx-0"], "expected deployment/NAME or statefulset/NAME", id="no workload"),
        pytest.param([], "looks like EMQX", id="nothing that looks like EMQX"),
    ],
)
async def test_what_is_not_there_could_not_be_told(
    story: Story, tmp_path: Path, arguments: list[str], words: str
) -> None:
    person = await Person.with_role(story, "view", tmp_path)
    said = await person.doctor(*arguments)
    assert said.exit_code == 2
    assert words in said.text


async def test_the_plan_is_a_patch_that_kubectl_takes(story: Story) -> None:
    await lone_members(story, "4.4.19", "kubernetes.default.svc:443")
    await settled(story)
    plan = f"emqx-autocluster plan deployment/emqx -n {story.namespace}"
    told = await story.shell(plan)
    assert f"+ env EMQX_CLUSTER__K8S__APISERVER: {manifests.CANONICAL}" in told
    patched = await story.shell(
        f"{plan} --patch | kubectl patch deployment emqx -n {story.namespace}"
        " --dry-run=server --patch-file=/dev/stdin -o yaml"
    )
    assert f"value: {manifests.CANONICAL}" in patched
