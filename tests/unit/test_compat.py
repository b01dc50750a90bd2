"""What `make compat` makes of the test runs of several versions. None is run here."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from compat import course, outcomes, table
from compat.course import Run
from compat.outcomes import Outcomes

CLIENT, STORY = "tests/apiserver/test_clients.py::test_a", "tests/scenarios/use/test_doctor.py::test_b"


def reported(**kinds: list[str]) -> Any:
    """A terminal reporter at the end of a run."""
    stats = {kind: [SimpleNamespace(nodeid=test) for test in tests] for kind, tests in kinds.items()}
    return cast("pytest.TerminalReporter", SimpleNamespace(stats=stats))


def test_what_pytest_counted_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "outcomes.json"
    monkeypatch.setenv(outcomes.FILE, str(file))
    outcomes.pytest_terminal_summary(reported(passed=[CLIENT, STORY], error=[STORY], skipped=["c"]))
    assert json.loads(file.read_text())["failed"] == []
    assert Outcomes.read(file) == Outcomes([CLIENT], [STORY], ["c"])


def test_each_version_has_a_row_and_what_did_not_pass_has_a_name() -> None:
    runs = [
        Run("v1.30.14", Outcomes([CLIENT], [STORY], []), 754.0),
        Run("v1.34.4", None, 0.0, "its build ended with exit code 1"),
        Run("v1.36.3", Outcomes([CLIENT], [], [STORY]), 60.0),
    ]
    assert table.markdown(runs).splitlines()[2:] == [
        "| v1.30.14 | 1 of 1 passed | 0 of 1 passed | 13 min |",
        "| v1.34.4 | its build ended with exit code 1 | – | – |",
        "| v1.36.3 | 1 of 1 passed | 0 of 1 passed, 1 skipped | 1 min |",
    ]
    assert list(table.shortfalls(runs)) == [
        f"v1.30.14: failed: {STORY}",
        "v1.34.4: its build ended with exit code 1",
        f"v1.36.3: skipped: {STORY}",
    ]


@pytest.mark.parametrize(
    ("found", "well"),
    [
        (Outcomes([CLIENT], [], []), True),
        (Outcomes([CLIENT], [STORY], []), False),
        (Outcomes([CLIENT], [], [STORY]), False),
        (Outcomes(), False),
        (None, False),
    ],
)
def test_a_run_is_well_only_if_something_passed_and_nothing_else_came(
    found: Outcomes | None, *, well: bool
) -> None:
    assert Run("v1.30.14", found, 1.0).well is well


def test_each_story_is_there() -> None:
    for file, test in course.STORIES:
        text = (course.ROOT / course.SCENARIOS / file).read_text()
        assert f"async def {test.partition('[')[0]}(" in text
