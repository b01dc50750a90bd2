"""What is seen of a soak: progress while it runs, one line for each trial off a terminal, and the report."""

from collections.abc import Iterable
from itertools import groupby
from statistics import median

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from soak.ending import Ending
from soak.ledger import Count, Ledger, Result
from soak.plan import Sort, Trial
from soak.site import Site

_WIDE = 100
_ENDINGS = (Ending.ONE_CLUSTER, Ending.SPLIT, Ending.HALF_JOINED, Ending.LOST)
_ROWS = 12
"""Of a terminal, for what is not a trial under way."""


def console() -> Console:
    """Where nobody looks at a terminal, lines are as long as the table needs."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_WIDE)


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def picture(ledger: Ledger, under_way: dict[Trial, Site], seconds: float, height: int) -> RenderableType:
    """How each sort of trial fares, and what those that run did last."""
    shown = list(under_way.values())[: max(height - _ROWS, 1)]
    return Group(_progress(ledger, seconds), _so_far(ledger), _running(shown))


def _so_far(ledger: Ledger) -> Table:
    table = Table(header_style="dim", padding=(0, 1, 0, 0), box=None)
    table.add_column("TRIAL", no_wrap=True)
    for name in ("OF", *_NUMBERS):
        table.add_column(name, justify="right", no_wrap=True)
    for name, counts in groupby(
        sorted(ledger.counts(), key=_sort_and_variant), lambda count: count.cell.name
    ):
        same = list(counts)
        made = sum(trial.cell.name == name for trial in ledger.trials)
        sums = [sum(column) for column in zip(*map(_numbers, same), strict=True)]
        table.add_row(name, str(made), *map(_number, sums))
    return table


def _sort_and_variant(count: Count) -> tuple[int, str]:
    return list(Sort).index(count.cell.sort), count.cell.variant


def _progress(ledger: Ledger, seconds: float) -> Text:
    broken = len(ledger.broken)
    return Text.assemble(
        (f" {clock(seconds)}", "bold"),
        f"  {len(ledger.results)} of {len(ledger.trials)} trials",
        (f"  {broken} promises broken" if broken else "", "bold red"),
    )


def _running(sites: Iterable[Site]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for site in sites:
        last = site.notes[-1][1] if site.notes else ""
        table.add_row(Text(f" {clock(site.seconds)}", "dim"), site.story.namespace, Text(last[:60], "dim"))
    return table


def line(result: Result, seconds: float) -> Text:
    """One trial's end, off a terminal."""
    mark, style = _mark(kept=result.kept) if result.trial.cell.promises else ("·", "")
    said = result.broken or str(result.ending)
    return Text.assemble(
        (f"{clock(seconds):>6}  ", "dim"),
        (mark, style),
        f" {result.trial.name}: {said} ({result.seconds:.0f} s)",
    )


_NUMBERS = ("N", "WHOLE", "SPLIT", "HALF", "LOST", "FAILED")


def report(ledger: Ledger) -> Table:
    table = Table(header_style="dim", padding=(0, 1, 0, 0), box=None)
    for name in ("TRIAL", "EMQX", "WORKLOAD"):
        table.add_column(name, no_wrap=True)
    for name in (*_NUMBERS, "MEDIAN", "SLOWEST", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for count in ledger.counts():
        table.add_row(*_row(count))
    return table


def _row(count: Count) -> list[Text]:
    cell, times = count.cell, count.times
    mark, style = _mark(kept=count.kept) if cell.promises and count.results else ("", "")
    spans = [f"{median(times):.0f} s", f"{times[-1]:.0f} s"] if times else ["", ""]
    words = [cell.name, cell.version, cell.kind, *map(_number, _numbers(count)), *spans]
    return [*(Text(word) for word in words), Text(mark, style)]


def _numbers(count: Count) -> list[int]:
    """All, then by ending; what came to no end, or to an unfinished one, is the last."""
    known = [count.endings[ending] for ending in _ENDINGS]
    return [len(count.results), *known, len(count.results) - sum(known)]


def _number(number: int) -> str:
    return str(number) if number else "–"


def _mark(*, kept: bool) -> tuple[str, str]:
    return ("✓", "green") if kept else ("✗", "bold red")


def verdict(to: Console, ledger: Ledger) -> None:
    to.print(report(ledger))
    for result in ledger.broken:
        to.print(Text(f"✗ {result.trial.name}: {result.broken or result.ending}", "red"), soft_wrap=True)
    for said in _summary(ledger):
        to.print(Text(said, "bold"))


def _summary(ledger: Ledger) -> Iterable[str]:
    promised = [result for result in ledger.results if result.trial.cell.promises]
    if promised:
        kept = sum(result.kept for result in promised)
        yield f"{kept} of {len(promised)} trials with the operator ended as promised."
    naive = [r for r in ledger.results if not r.trial.cell.promises and not r.broken]
    if naive:
        harmed = sum(result.ending is not Ending.ONE_CLUSTER for result in naive)
        yield f"{harmed} of {len(naive)} without it ended split, half-joined or lost."
    if ledger.too_kind():
        yield "None did: the stand-in was too kind this time, and the figures say nothing."
    if not ledger.is_complete:
        yield f"Stopped after {len(ledger.results)} of {len(ledger.trials)} trials."
