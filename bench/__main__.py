"""`python -m bench`: measures, prints a table, and writes the same as JSON. Exit code 1: a goal was missed."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bench import (
    burden,
    doctor,
    fairness,
    fleet,
    footprint,
    gathering,
    outage,
    repair,
    results,
    verification,
    workloads,
)
from bench.results import Result
from bench.telling import tell

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Figure(StrEnum):
    RIGHTS = "rights"
    ROLL = "roll"
    GATHERING = "gathering"
    BURDEN = "burden"
    VERIFICATION = "verification"
    FOOTPRINT = "footprint"
    DOCTOR = "doctor"
    FAIRNESS = "fairness"
    FLEET = "fleet"
    OUTAGE = "outage"


_MEASURES: dict[Figure, Callable[..., Awaitable[list[Result]]]] = {
    Figure.RIGHTS: repair.rights,
    Figure.ROLL: repair.roll,
    Figure.GATHERING: gathering.measure,
    Figure.BURDEN: burden.measure,
    Figure.VERIFICATION: verification.measure,
    Figure.FOOTPRINT: footprint.measure,
    Figure.DOCTOR: doctor.measure,
    Figure.FAIRNESS: fairness.measure,
    Figure.FLEET: fleet.measure,
    Figure.OUTAGE: outage.measure,
}


@app.command()
def main(
    only: Annotated[list[Figure] | None, typer.Option(help="Only this; may be given more than once.")] = None,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path("build/bench.json"),
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer workloads: minutes, and rougher figures.")
    ] = False,
) -> None:
    """Measure the operator against a real control plane, each figure in a sandbox of its own."""
    found = asyncio.run(_measured(only or list(Figure), quick=quick))
    circumstances: dict[str, Any] = results.environment([workloads.VERSION], quick=quick)
    results.show(found, circumstances)
    results.save(found, circumstances, output)
    tell(f"the same as JSON: {output}")
    sys.exit(1 if any(result.reached is False for result in found) else 0)


async def _measured(figures: list[Figure], *, quick: bool) -> list[Result]:
    return [result for figure in figures for result in await _MEASURES[figure](quick=quick)]


if __name__ == "__main__":
    app()
