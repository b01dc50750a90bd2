"""What is run on each version, and how: a build, a sandbox of that version, and pytest within it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compat.outcomes import FILE, Outcomes
from sandbox.binaries import KUBERNETES

ROOT = Path(__file__).parents[2]
API_SERVER = "tests/apiserver"
SCENARIOS = "tests/scenarios"
_ONE_ROLLOUT = "test_one_cluster_before_the_first_restart_and_one_after_one_rollout"
STORIES = (
    ("repair/test_dead_proxy.py", f"{_ONE_ROLLOUT}[Deployment-5.8.9]"),
    ("repair/test_dead_proxy.py", f"{_ONE_ROLLOUT}[StatefulSet-4.4.19]"),
    ("heal/test_healing.py", "test_a_member_that_stands_apart_is_brought_back_and_no_pod_restarts"),
    ("use/test_doctor.py", "test_the_seed_story_is_told_with_its_cause_and_the_commands_that_cure_it"),
    (
        "use/test_observe.py",
        "test_observe_changes_nothing_and_its_plan_done_by_hand_makes_it_right[no rights]",
    ),
)
"""A whole repair of either kind, a healing, the doctor's look, and a plan that kubectl of that version carries out."""

_OF_ANOTHER_VERSION = ("EMQX_AUTOCLUSTER_SANDBOX", "EMQX_AUTOCLUSTER_FAULTY_SANDBOX")
"""Sandboxes that run already, which pytest would take."""


@dataclass(frozen=True, slots=True)
class Run:
    version: str
    outcomes: Outcomes | None
    """None: it did not come to its end, and `said` tells why."""
    seconds: float
    said: str = ""

    @property
    def well(self) -> bool:
        """A test that was skipped proves nothing."""
        found = self.outcomes
        return found is not None and bool(found.passed) and not found.failed and not found.skipped


def run(minor: str, version: str, workers: int) -> Run:
    """Builds that version where it is not built yet, which does not count as time of the run."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_VERSION}
    environment = kept | {KUBERNETES: minor, "PYTHONPATH": os.pathsep.join(map(str, _import_roots()))}
    if code := _told([sys.executable, "-m", "sandbox", "build"], environment):
        return Run(version, None, 0.0, f"its build ended with exit code {code}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="emqx-autocluster-compat-") as folder:
        file = Path(folder) / "outcomes.json"
        code = _told(_pytest(workers), environment | {FILE: str(file)})
        outcomes = Outcomes.read(file) if file.exists() else None
    return Run(version, outcomes, time.monotonic() - began, f"its tests ended with exit code {code}")


def _pytest(workers: int) -> Sequence[str]:
    named = (API_SERVER, *(f"{SCENARIOS}/{file}::{test}" for file, test in STORIES))
    return (sys.executable, "-m", "pytest", "-p", "compat.outcomes", "-n", str(workers), "--verbose", *named)


def _told(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """What it says goes to the screen as it comes."""
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _import_roots() -> tuple[Path, ...]:
    return ROOT / "tests", ROOT / "tests" / "scenarios"
