"""What was counted: the results of all trials, cell by cell, and which promise they broke; pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from soak.ending import Ending
from soak.plan import CONTROL, Cell, Sort, Trial


@dataclass(frozen=True, slots=True)
class Result:
    trial: Trial
    ending: Ending | None
    """None: it did not come to an end; `broken` says why."""
    broken: str
    seconds: float
    notes: tuple[tuple[float, str], ...] = ()

    @property
    def kept(self) -> bool:
        return not self.trial.cell.promises or (not self.broken and self.ending is Ending.ONE_CLUSTER)


@dataclass(frozen=True, slots=True)
class Count:
    """One row of the report."""

    cell: Cell
    results: tuple[Result, ...]

    @property
    def endings(self) -> Counter[Ending | None]:
        return Counter(None if result.broken else result.ending for result in self.results)

    @property
    def whole(self) -> int:
        return self.endings[Ending.ONE_CLUSTER]

    @property
    def kept(self) -> bool:
        return all(result.kept for result in self.results)

    @property
    def times(self) -> list[float]:
        return sorted(result.seconds for result in self.results if not result.broken)


@dataclass(slots=True)
class Ledger:
    trials: Sequence[Trial]
    results: list[Result] = field(default_factory=list)

    def counts(self) -> list[Count]:
        wanted = dict.fromkeys(trial.cell for trial in self.trials)
        return [Count(cell, tuple(r for r in self.results if r.trial.cell == cell)) for cell in wanted]

    @property
    def broken(self) -> list[Result]:
        return [result for result in self.results if not result.kept]

    @property
    def is_complete(self) -> bool:
        return len(self.results) == len(self.trials)

    def too_kind(self) -> bool:
        """Whether a control group came through unharmed: then the others' figures say nothing."""
        return any(self._unharmed(sort) for sort in CONTROL)

    def _unharmed(self, sort: Sort) -> bool:
        made = [r for r in self.results if r.trial.cell.sort is sort and not r.broken]
        return bool(made) and all(result.ending is Ending.ONE_CLUSTER for result in made)

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "complete": self.is_complete,
            "promisesKept": not self.broken,
            "cells": [_row(count) for count in self.counts()],
            "trials": [_entry(result) for result in self.results],
        }


def _row(count: Count) -> dict[str, Any]:
    endings = {str(ending): count.endings[ending] for ending in Ending}
    times = count.times
    slow = {"medianSeconds": round(median(times), 1), "slowestSeconds": round(times[-1], 1)} if times else {}
    return (
        asdict(count.cell)
        | {
            "trials": len(count.results),
            "endings": endings,
            "failed": count.endings[None],
            "kept": count.kept,
        }
        | slow
    )


def _entry(result: Result) -> dict[str, Any]:
    return asdict(result.trial.cell) | {
        "trial": result.trial.name,
        "ending": result.ending,
        "broken": result.broken,
        "kept": result.kept,
        "seconds": round(result.seconds, 1),
        "notes": [{"after": at, "what": what} for at, what in result.notes],
    }
