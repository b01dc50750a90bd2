"""`python -m soak`: exit code 0: every promise was kept; 1: one was broken; 130: Ctrl-C."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.live import Live

from emqx_autocluster.clients.errors import ClientError
from sandbox.handle import KubectlError
from soak import plan, screen
from soak.field import Field, clock, prepared
from soak.ledger import Ledger
from soak.plan import SORTS, VERSIONS, Kind, Sort

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")

_INTERRUPTED = 130
_HEARTBEAT = 60.0
_TICK = 1.0
_HELP = """
Breaks EMQX workloads, has them put right, and counts how they end.

Starts a sandbox of its own and one operator with the rights of deploy/. \
Each trial is a workload of three members that do not know each other, in its own namespace; then, by sort of trial:

{sorts}

All but the control group ([bold]naive[/]) promise to end in one cluster with all members serving. \
On real EMQX about half of the control group does not.

A plain run takes about 20 minutes on two idle cores, the full one, [bold]--trials 20[/], well over an hour.
""".format(sorts="\n".join(f"[bold]{sort}[/]: {text}.\n" for sort, text in SORTS.items()))

T = TypeVar("T", bound=StrEnum)


def _list_of(kind: type[T]) -> Callable[[str], list[T]]:
    def parse(text: str) -> list[T]:
        allowed = {member.lower(): member for member in kind}
        words = [word.strip().lower() for word in text.split(",")]
        unknown = [word for word in words if word not in allowed]
        if unknown:
            raise typer.BadParameter(f"{', '.join(unknown)}; it has to be of {', '.join(kind)}")
        return [allowed[word] for word in dict.fromkeys(words)]

    return parse


def _versions(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",")]
    wrong = [word for word in words if not re.fullmatch(r"\d+\.\d+\.\d+", word)]
    if wrong:
        raise typer.BadParameter(f"{', '.join(wrong)}; a version looks like 5.8.9")
    return words


@app.command(help=_HELP)
def main(
    trials: Annotated[
        int, typer.Option(min=1, help="Of each cell of the table; two variants share them.")
    ] = 4,
    only: Annotated[str, typer.Option(help="Sorts of trial, with commas between.")] = ",".join(Sort),
    versions: Annotated[str, typer.Option(help="EMQX versions.")] = ",".join(VERSIONS),
    kinds: Annotated[str, typer.Option(help="Kinds of workload.")] = ",".join(Kind),
    side_by_side: Annotated[int, typer.Option(min=1, help="How many workloads at a time.")] = 16,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all results here.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Folder for what was seen of each trial that broke its promise.")
    ] = None,
) -> None:
    cells = plan.cells(_list_of(Sort)(only), _versions(versions), _list_of(Kind)(kinds))
    ledger = Ledger(plan.trials(cells, trials))
    console = screen.console()
    try:
        asyncio.run(_soak(console, ledger, side_by_side, evidence))
        stopped = False
    except (ClientError, KubectlError, RuntimeError) as error:
        sys.exit(f"error: {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        stopped = True
    screen.verdict(console, ledger)
    if json_file:
        json_file.write_text(json.dumps(ledger.document(), indent=2) + "\n")
    sys.exit(1 if ledger.broken else _INTERRUPTED if stopped else 0)


async def _soak(console: Console, ledger: Ledger, side_by_side: int, evidence: Path | None) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    minutes = plan.expected(ledger.trials, side_by_side).total_seconds() / 60
    console.print(
        f"{len(ledger.trials)} trials, {side_by_side} at a time, about {minutes:.0f} min", soft_wrap=True
    )
    async with prepared(side_by_side, evidence) as field:
        making = asyncio.create_task(field.make(ledger, side_by_side))
        try:
            await _watch(console, field, ledger, making)
        finally:
            making.cancel()


async def _watch(console: Console, field: Field, ledger: Ledger, making: asyncio.Task[None]) -> None:
    began = spoken = clock()
    shown = 0
    with _live(console, field, ledger, began):
        while not making.done():
            await asyncio.wait({making}, timeout=_TICK)
            if console.is_terminal:
                continue
            for result in ledger.results[shown:]:
                console.print(screen.line(result, clock() - began), soft_wrap=True)
            if len(ledger.results) == shown and clock() - spoken > _HEARTBEAT:
                console.print(
                    f"{screen.clock(clock() - began):>6}    {len(field.under_way)} trials under way"
                )
            spoken = clock() if len(ledger.results) > shown or clock() - spoken > _HEARTBEAT else spoken
            shown = len(ledger.results)
    making.result()


def _live(console: Console, field: Field, ledger: Ledger, began: float) -> AbstractContextManager[object]:
    if not console.is_terminal:
        return nullcontext()
    return Live(
        console=console,
        get_renderable=lambda: screen.picture(ledger, field.under_way, clock() - began, console.size.height),
        refresh_per_second=2,
        transient=True,
    )


if __name__ == "__main__":
    app()
