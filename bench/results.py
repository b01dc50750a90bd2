"""What came out: a table for people, and the same as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import emqx_autocluster


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. `reached` None: there is no goal."""

    figure: str
    seen: str
    goal: str = ""
    reached: bool | None = None
    details: dict[str, Any] = field(default_factory=dict)


def at_most(figure: str, value: float, most: float, unit: str, **details: Any) -> Result:
    """A number that has an upper bound."""
    seen = {"figure": value, "unit": unit} | details
    shown = f"{value:.0f} {unit}" if unit == "MiB" else f"{value:.2f} {unit}".rstrip()
    return Result(figure, shown, f"≤ {most:g} {unit}".rstrip(), value <= most, seen)


def environment(emqx: Sequence[str], *, quick: bool) -> dict[str, Any]:
    return {
        "operator": emqx_autocluster.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "EMQX stand-ins": list(emqx),
        "quick": quick,
    }


def show(results: Sequence[Result], circumstances: dict[str, Any]) -> None:
    table = Table(title="Measured within one run", title_justify="left")
    table.add_column("figure", overflow="fold", ratio=5)
    table.add_column("seen", overflow="fold", ratio=4)
    table.add_column("goal", no_wrap=True)
    table.add_column("", no_wrap=True)
    for result in results:
        mark = {True: "reached", False: "missed", None: ""}[result.reached]
        table.add_row(result.figure, result.seen, result.goal, mark)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    console.print()
    console.print(table)
    console.print(", ".join(f"{key} {_plain(value)}" for key, value in circumstances.items()))


def save(results: Sequence[Result], circumstances: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {"environment": circumstances, "results": [asdict(result) for result in results]}
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
