"""`python -m siege`: exit code 0: nobody else suffered; 1: somebody did, or a sender was told nothing; 130: Ctrl-C."""

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.text.plain import plain
from sandbox.handle import KubectlError
from siege import screen
from siege.attacks import Attack, attacks
from siege.course import Siege, prepared

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_INTERRUPTED = 130
_BEGAN = time.monotonic()


@app.command()
def main(
    size: Annotated[
        float, typer.Option(min=0.01, max=1, help="1 is the whole; less is fewer of each.")
    ] = 1.0,
    only: Annotated[str, typer.Option(help="Attacks whose name or root has one of these words.")] = "",
    patience: Annotated[float, typer.Option(help="Seconds within which a sender has to be told.")] = 300.0,
    report: Annotated[Path | None, typer.Option(help="Write the table here, for docs/security.md.")] = None,
    log: Annotated[Path | None, typer.Option(help="Keep the operator's log here.")] = None,
) -> None:
    """Put all hostile inputs into one cluster, and measure what they cost the operator and a neighbour.

    An operator with the rights of deploy/ and 256 MiB; a neighbour's repair has to end in time amid all of it, and
    another one's changes have to be noticed. The whole takes about 25 minutes on two idle cores.
    """
    words = [word.strip().lower() for word in only.split(",") if word.strip()]
    chosen = [a for a in attacks(size) if not words or any(w in f"{a.root} {a.name}".lower() for w in words)]
    try:
        broken = asyncio.run(_besiege(chosen, patience, report, log))
    except (ClientError, KubectlError, RuntimeError) as error:
        sys.exit(f"error: {plain(str(error))}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(_INTERRUPTED)
    sys.exit(1 if broken else 0)


async def _besiege(chosen: list[Attack], patience: float, report: Path | None, log: Path | None) -> list[str]:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with prepared(_tell, patience) as siege:
        try:
            await siege.go(chosen)
        finally:
            if log:
                log.write_bytes(siege.gauge.operator.log.read_bytes())
        return _judged(siege, await siege.leaks(), report)


def _judged(siege: Siege, leaks: list[str], report: Path | None) -> list[str]:
    console = Console(highlight=False, markup=False)
    screen.show(console, siege.rows, siege.alone)
    repaired = siege.repaired is not None
    broken = screen.wrong(siege.rows, siege.alone, siege.gauge.deaths, leaks, repaired=repaired)
    for each in broken:
        console.print(f"not kept: {plain(each)}", soft_wrap=True)
    if not broken:
        console.print("Nobody else suffered, and each sender was told.")
    if report:
        report.write_text(screen.markdown(siege.rows, siege.alone) + "\n")
    return broken


def _tell(line: str) -> None:
    passed = time.monotonic() - _BEGAN
    told = "\n".join(map(plain, line.split("\n")))
    print(f"{passed // 60:3.0f}:{passed % 60:02.0f}  {told}", flush=True)


if __name__ == "__main__":
    app()
