"""What came out, for people: a table with a row for each version, and by name whatever did not pass."""

from collections.abc import Iterator, Sequence

from compat.course import API_SERVER, SCENARIOS, Run
from compat.outcomes import Outcomes

_HEAD = "| Kubernetes | API-server tests | stories | time |\n|---|---|---|---|"


def markdown(runs: Sequence[Run]) -> str:
    return "\n".join((_HEAD, *map(_row, runs)))


def shortfalls(runs: Sequence[Run]) -> Iterator[str]:
    """One line for each test that did not pass, and for each version that could not be tried."""
    for run in runs:
        if run.outcomes is None:
            yield f"{run.version}: {run.said}"
            continue
        yield from (f"{run.version}: failed: {test}" for test in run.outcomes.failed)
        yield from (f"{run.version}: skipped: {test}" for test in run.outcomes.skipped)


def _row(run: Run) -> str:
    if run.outcomes is None:
        return f"| {run.version} | {run.said} | – | – |"
    tests, stories = (_told(run.outcomes.below(folder)) for folder in (API_SERVER, SCENARIOS))
    return f"| {run.version} | {tests} | {stories} | {run.seconds / 60:.0f} min |"


def _told(outcomes: Outcomes) -> str:
    told = f"{len(outcomes.passed)} of {outcomes.every} passed"
    return f"{told}, {len(outcomes.skipped)} skipped" if outcomes.skipped else told
