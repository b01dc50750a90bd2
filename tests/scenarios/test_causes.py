"""Blind cases: what a user applies, and the one cause that operator, doctor and lint have to name.

Each folder of causes/ has a `manifest.yaml`, applied as it is, and an `expected.yaml`: description; condition and
reason of the first named cause, or `healthy: true`; `static`, whether the manifest alone shows it; and, where needed,
`steps` (command lines of a user, in the namespace), and of the sandbox `switches` (of the namespace) and `addresses`
(of its own table).
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.handle import SandboxHandle
from story import Story, condition

CAUSES = Path(__file__).parent / "causes"
IN_NAMESPACE = 'kubectl() { command kubectl -n "$NAMESPACE" "$@"; }'
SECONDS = 240


@dataclass(frozen=True, slots=True)
class Expected:
    """What `expected.yaml` says."""

    description: str
    condition: str = "ClusterFormed"
    reason: str = "AllMembersClustered"
    healthy: bool = False
    static: bool = False
    workload: str = "deployment/emqx"
    steps: tuple[str, ...] = ()
    switches: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> tuple[str, str, str]:
        """Of what may happen at the next rollout Ready says nothing."""
        later = self.condition == "RolloutSafe"
        return ("Ready", "True", "AllMembersClustered") if later else ("Ready", "False", self.reason)

    @classmethod
    def of(cls, folder: Path) -> "Expected":
        return cls(**yaml.safe_load((folder / "expected.yaml").read_text()))


FOLDERS = {folder.name: Expected.of(folder) for folder in sorted(CAUSES.iterdir())}


async def run(story: Story, *argv: str) -> tuple[int, str]:
    """(exit code, stdout) of the command line, with cluster-admin's kubeconfig and the cluster's DNS."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "emqx-autocluster",
        *argv,
        env=os.environ
        | {
            "KUBECONFIG": str(story.sandbox.kubeconfig),
            "EMQX_AUTOCLUSTER_CLUSTER_DNS": story.sandbox.dns,
        },
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def lint(story: Story, name: str) -> set[str]:
    """The reasons that the manifest alone gives."""
    manifest = CAUSES / name / "manifest.yaml"
    exit_code, text = await run(story, "lint", "-f", str(manifest), "-n", story.namespace, "-o", "json")
    found = {entry["reason"] for entry in json.loads(text)}
    assert exit_code == bool(found)
    return found


async def doctor(story: Story, workload: str) -> tuple[int, dict[str, Any]]:
    exit_code, text = await run(story, "doctor", workload, "-n", story.namespace, "-o", "json")
    [document] = json.loads(text)
    return exit_code, document


async def prepared(story: Story, name: str) -> None:
    """As a user does it: applied, enrolled, and then what else happens to it."""
    expected = FOLDERS[name]
    await story.control.addresses(dict(expected.addresses))
    await story.control.namespace(story.namespace, **expected.switches)
    manifest = CAUSES / name / "manifest.yaml"
    await story.shell(f"kubectl apply -n {story.namespace} -f {manifest}")
    await story.shell(
        f"kubectl annotate -n {story.namespace} {expected.workload} emqx-autocluster.io/mode=Observe"
    )
    for step in expected.steps:
        await story.shell(f"NAMESPACE={story.namespace}; {IN_NAMESPACE}\n{step}")


@pytest.mark.parametrize("name", [name for name, expected in FOLDERS.items() if not expected.healthy])
async def test_operator_doctor_and_lint_name_the_same_cause(story: Story, name: str) -> None:
    expected = FOLDERS[name]
    await prepared(story, name)
    assert await lint(story, name) == ({expected.reason} if expected.static else set())
    await story.until_conditions(
        expected.ready, (expected.condition, "False", expected.reason), seconds=SECONDS
    )
    exit_code, document = await doctor(story, expected.workload)
    assert (exit_code, document["cause"]["reason"]) == (1, expected.reason)
    first = next(problem for problem in document["problems"] if problem["status"] == "False")
    assert (first["condition"], first["reason"]) == (expected.condition, expected.reason)


@pytest.mark.parametrize("name", [name for name, expected in FOLDERS.items() if expected.healthy])
async def test_what_is_well_gives_no_finding(story: Story, name: str) -> None:
    expected = FOLDERS[name]
    await prepared(story, name)
    assert await lint(story, name) == set()
    await story.until_condition("Ready", "True", expected.reason, seconds=SECONDS)
    assert condition(await story.resource(), "RolloutSafe")["status"] == "True"
    exit_code, document = await doctor(story, expected.workload)
    assert (exit_code, document["cause"], document["problems"]) == (0, None, [])


def test_there_are_enough_of_both() -> None:
    healthy = [name for name, expected in FOLDERS.items() if expected.healthy]
    assert len(healthy) >= 10
    assert len(FOLDERS) - len(healthy) >= 20


@pytest.mark.parametrize(
    ("name", "exit_code", "words"),
    [("well-4.4", 0, "Nothing is wrong"), ("no-scheme", 1, "APIServerMalformed")],
)
def test_kubectl_finds_the_commands_as_its_own(
    sandbox: SandboxHandle, name: str, exit_code: int, words: str
) -> None:
    done = subprocess.run(
        [sandbox.kubectl_path, "emqx-autocluster", "lint", "-f", CAUSES / name / "manifest.yaml"],
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, words in done.stdout) == (exit_code, True), done
