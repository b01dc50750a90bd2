"""What a test run came to: written by pytest itself, in which this is a plugin, and read when it is over."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

FILE = "EMQX_AUTOCLUSTER_OUTCOMES"
_KINDS = ("passed", "failed", "error", "skipped")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One file for the whole run, by the process that the workers report to."""
    found = {kind: [each.nodeid for each in terminalreporter.stats.get(kind, [])] for kind in _KINDS}
    Path(os.environ[FILE]).write_text(json.dumps(found))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Of tests, by their ids."""

    passed: Sequence[str] = ()
    failed: Sequence[str] = ()
    skipped: Sequence[str] = ()

    @classmethod
    def read(cls, file: Path) -> Self:
        """A test that passed and could not be put away has failed."""
        found = json.loads(file.read_text())
        failed = sorted({*found["failed"], *found["error"]})
        return cls([test for test in found["passed"] if test not in failed], failed, found["skipped"])

    def below(self, folder: str) -> "Outcomes":
        """Those of the tests in this folder."""
        kinds = (self.passed, self.failed, self.skipped)
        return Outcomes(*([test for test in kind if test.startswith(folder)] for kind in kinds))

    @property
    def every(self) -> int:
        return len(self.passed) + len(self.failed) + len(self.skipped)
