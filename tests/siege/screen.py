"""What came out: a table for people, the same for docs/security.md, and what has to be mended."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from emqx_autocluster.text.plain import plain
from siege.course import Row
from siege.gauge import LIMIT
from siege.neighbours import net, percentile

MOST_MEMORY = 200
"""MiB."""
MOST_DELAY = 2.0
"""Seconds of the neighbour's p99 above its own alone."""
_LONGEST = 110
_REACTION = "neighbour p50 / p99"
_MEANT = 100
"""Reactions by which a p99 means something; of fewer it is the slowest, and one slow answer decides."""


Alone = tuple[Sequence[float], Sequence[float]]


def table(rows: Sequence[Row], alone: Alone) -> Table:
    shown = Table(title="One cluster, each attack added to those before it", title_justify="left")
    for column in ("tried", "CPU", "memory", _REACTION, "/healthz", "told"):
        shown.add_column(column, overflow="fold", ratio=3 if column in {"tried", "told"} else 1)
    shown.add_row("nothing", "", "", _reaction(*alone), "", "")
    for row in rows:
        shown.add_row(row.name, *_figures(row), plain(_told(row)))
    return shown


def markdown(rows: Sequence[Row], alone: Alone) -> str:
    lines = [f"| tried | CPU | memory | {_REACTION} |", "|---|---|---|---|"]
    lines.append(f"| nothing | | | {_reaction(*alone)} |")
    lines += [f"| {row.name} | {' | '.join(_figures(row)[:3])} |" for row in rows]
    return "\n".join(lines)


def show(console: Console, rows: Sequence[Row], alone: Alone) -> None:
    if not console.is_terminal:
        console.width = 180
    console.print(table(rows, alone))


def wrong(
    rows: Sequence[Row], alone: Alone, deaths: Sequence[str], leaks: Sequence[str], *, repaired: bool
) -> list[str]:
    """What was promised and not kept."""
    found = [f"the operator died: {why}" for why in deaths]
    for row in rows:
        if row.peak > MOST_MEMORY:
            found.append(f"{row.name}: {row.peak:.0f} MiB, more than {MOST_MEMORY} (its limit is {LIMIT})")
        if row.wanted and not row.told:
            found.append(f"{row.name}: its sender is not told")
    if not repaired:
        found.append("the neighbour's repair did not end in time")
    return [*found, *_late(rows, alone), *leaks]


def _late(rows: Sequence[Row], alone: Alone) -> list[str]:
    """Of all rows together, and of each that has so many reactions that their p99 means something."""
    every = [x for row in rows for x in row.reactions], [x for row in rows for x in row.starved]
    parts = [("all rows", *every), *((row.name, row.reactions, row.starved) for row in rows)]
    most = percentile(net(*alone), 0.99) + MOST_DELAY
    return [
        f"{name}: the neighbour's p99 is {p99:.1f} s, more than {most:.1f} s"
        for name, seconds, starved in parts
        if len(seconds) >= _MEANT and (p99 := percentile(net(seconds, starved), 0.99)) > most
    ]


def _figures(row: Row) -> tuple[str, str, str, str]:
    return (
        f"{row.cpu:.1f} s in {row.wall:.0f} s",
        f"{row.peak:.0f} MiB",
        _reaction(row.reactions, row.starved),
        f"{row.healthz:.2f} s",
    )


def _reaction(seconds: Sequence[float], starved: Sequence[float]) -> str:
    found = net(seconds, starved)
    return f"{percentile(found, 0.5):.2f} / {percentile(found, 0.99):.2f} s"


def _told(row: Row) -> str:
    text = row.told or ("NOTHING" if row.wanted else "nobody is to be told")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
