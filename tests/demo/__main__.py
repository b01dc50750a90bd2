"""`python -m demo`: tells the story once. Exit code 0: it came true; 1: it did not; 130: Ctrl-C."""

import asyncio
import signal
import sys
from enum import StrEnum
from typing import Annotated

import typer

from demo import story
from demo.cluster import ClusterError
from demo.commands import CommandError
from demo.screen import Screen
from emqx_autocluster.clients.errors import ClientError
from sandbox.handle import KubectlError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_INTERRUPTED = 130


class EMQX(StrEnum):
    """The versions that the demo has a manifest for."""

    V4 = "4.4.19"
    V5 = "5.8.9"


@app.command()
def main(
    emqx: Annotated[EMQX, typer.Option(help="Which version the stand-in is.")] = EMQX.V4,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
) -> None:
    """Three EMQX members that do not know each other, one annotation, and what follows."""
    screen = Screen()
    try:
        true = asyncio.run(_told(screen, emqx, keep=keep))
    except (ClientError, ClusterError, CommandError, KubectlError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        screen.say("Stopped; everything that ran for the demo has ended, and its files are removed.")
        sys.exit(_INTERRUPTED)
    sys.exit(0 if true else 1)


async def _told(screen: Screen, emqx: EMQX, *, keep: bool) -> bool:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await story.tell(screen, emqx, keep=keep)


if __name__ == "__main__":
    app()
