"""Blind cases: what a user applies, and the one cause that operator, doctor and lint have to name.

Each folder of causes/ has a `manifest.yaml`, applied as it is, and an `expected.yaml`: description; condition and
reason of the first named cause, or `healthy: true`; its `level`, error unless said otherwise; `static`, whether the
manifest alone shows it; and, where needed,
`steps` (command lines of a user, in the namespace), and of the sandbox `switches` (of the namespace) and `addresses`
(of its own table).
"""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

import pace
from ahead import Ahead, row
from commandline import CommandLine
from sandbox.handle import SandboxHandle
from stage import staged
from story import Story, condition

CAUSES = Path(__file__).parent / "cases"
IN_NAMESPACE = 'kubectl() { command kubectl -n "$NAMESPACE" "$@"; }'
SECONDS = 240
STARTING = {"TargetProgressing", "NodesStarting"}
KINDS = {"deployment": "Deployment", "statefulset": "StatefulSet"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What `expected.yaml` says."""

    description: str
    condition: str = "ClusterFormed"
    reason: str = "AllMembersClustered"
    healthy: bool = False
    static: bool = False
    level: str = "error"
    workload: str = "deployment/emqx"
    steps: tuple[str, ...] = ()
    switches: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> tuple[str, str, str]:
        """Of what may happen at the next rollout Ready says nothing."""
        later = self.condition == "RolloutSafe"
        return ("Ready", "True", "AllMembersClustered") if later else ("Ready", "False", self.reason)

    @property
    def conditions(self) -> tuple[tuple[str, str, str], ...]:
        """What the status shows in the end."""
        if self.healthy:
            return (("Ready", "True", self.reason),)
        return (self.ready, (self.condition, "False", self.reason))

    @property
    def name(self) -> str:
        """Of the workload, and so of its resource."""
        return self.workload.partition("/")[2]

    @classmethod
    def of(cls, folder: Path) -> "Expected":
        return cls(**yaml.safe_load((folder / "expected.yaml").read_text()))


FOLDERS = {folder.name: Expected.of(folder) for folder in sorted(CAUSES.iterdir())}


async def lint(command_line: CommandLine, story: Story, name: str) -> set[str]:
    """The reasons that the manifest alone gives, errors and advice."""
    manifest = CAUSES / name / "manifest.yaml"
    exit_code, text = await command_line.run("lint", "-f", str(manifest), "-n", story.namespace, "-o", "json")
    found = json.loads(text)["findings"]
    assert exit_code == any(entry["level"] == "error" for entry in found)
    return {entry["reason"] for entry in found}


async def doctor(command_line: CommandLine, story: Story, expected: Expected) -> tuple[int, dict[str, Any]]:
    """Asked again while pods are being started: of that time it says itself that it cannot tell all.

    What only mostly does harm is told while no pod runs, not while the first ones start, and again once they stand
    apart; in between something else may be the first that is wrong.
    """
    asked = ["doctor", expected.workload, "-n", story.namespace, "-o", "json"]

    async def ask() -> tuple[int, dict[str, Any]] | None:
        exit_code, text = await command_line.run(*asked, f"--kubeconfig={story.sandbox.kubeconfig}")
        [document] = json.loads(text)
        as_expected = document["cause"] is not None and document["cause"]["reason"] == expected.reason
        starting = any(problem["reason"] in STARTING for problem in document["problems"])
        return (exit_code, document) if as_expected or not starting else None

    found: tuple[int, dict[str, Any]] = await story.until("doctor can tell", ask, seconds=SECONDS, every=5)
    return found


@asynccontextmanager
async def told(sandbox: SandboxHandle, name: str) -> AsyncIterator[Story]:
    """The case, once the operator says what it should."""
    expected = FOLDERS[name]
    async with staged(sandbox, name) as story:
        await prepared(story, name)
        await story.until_conditions(*expected.conditions, name=expected.name, seconds=SECONDS)
        yield story


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cases(
    sandbox: SandboxHandle, operator_log: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Ahead]:
    assert operator_log.exists()
    chosen = [item for item in request.session.items if item.nodeid.startswith(f"{request.node.nodeid}::")]
    of_a_case = [item for item in chosen if "cases" in item.fixturenames]
    rows = {item.callspec.params["name"]: row(item.nodeid) for item in of_a_case}
    async with Ahead(rows, partial(told, sandbox)) as ahead:
        yield ahead


@pytest.fixture(scope="module")
def command_line(sandbox: SandboxHandle) -> Iterator[CommandLine]:
    with CommandLine({"EMQX_AUTOCLUSTER_CLUSTER_DNS": sandbox.dns} | pace.ENVIRONMENT) as command_line:
        yield command_line


async def prepared(story: Story, name: str) -> None:
    """As a user does it: applied, enrolled, and then what else happens to it."""
    expected = FOLDERS[name]
    await story.control.addresses(dict(expected.addresses))
    await story.control.namespace(story.namespace, **expected.switches)
    manifest = CAUSES / name / "manifest.yaml"
    await story.shell(f"kubectl apply -n {story.namespace} -f {manifest}")
    kind, _, workload = expected.workload.partition("/")
    await story.annotate(workload, kind=KINDS[kind], mode="Observe")
    for step in expected.steps:
        await story.shell(f"NAMESPACE={story.namespace}; {IN_NAMESPACE}\n{step}")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", [name for name, expected in FOLDERS.items() if not expected.healthy])
async def test_operator_doctor_and_lint_name_the_same_cause(
    cases: Ahead, command_line: CommandLine, name: str
) -> None:
    expected = FOLDERS[name]
    async with cases.at(name) as story:
        assert await lint(command_line, story, name) == ({expected.reason} if expected.static else set())
        exit_code, document = await doctor(command_line, story, expected)
    cause = document["cause"]
    assert (cause["reason"], cause["level"]) == (expected.reason, expected.level)
    assert exit_code == (expected.level == "error")
    first = next(problem for problem in document["problems"] if problem["status"] == "False")
    assert (first["condition"], first["reason"]) == (expected.condition, expected.reason)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", [name for name, expected in FOLDERS.items() if expected.healthy])
async def test_what_is_well_gives_no_finding(cases: Ahead, command_line: CommandLine, name: str) -> None:
    expected = FOLDERS[name]
    async with cases.at(name) as story:
        assert await lint(command_line, story, name) == set()
        assert condition(await story.resource(expected.name), "RolloutSafe")["status"] == "True"
        exit_code, document = await doctor(command_line, story, expected)
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
