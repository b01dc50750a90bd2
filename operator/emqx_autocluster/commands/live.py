"""A view that lives: shown anew whenever what it is about has changed, by watch, until Ctrl-C."""

import io
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import NoReturn

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from emqx_autocluster.clients.changes import Changes
from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.commands.terminal import Terminal

Show = Callable[[Console], None]


class _Shown:
    """What a command prints, printed anew for the width that the terminal has by now."""

    def __init__(self, show: Show) -> None:
        self._show = show

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        page = io.StringIO()
        self._show(
            Terminal(
                file=page,
                width=options.max_width,
                force_terminal=True,
                color_system="standard" if console.color_system else None,
                no_color=console.no_color,
            )
        )
        yield Text.from_ansi(page.getvalue().rstrip("\n"))


async def follow(kube: Kube, watched: Iterable[str], look: Callable[[], Awaitable[Show]]) -> NoReturn:
    """Until it is cancelled; what was seen last stays on the terminal. Into a file each view follows the last one."""
    console = Terminal()
    seen = await look()
    try:
        async with Changes(kube, watched) as changes:
            with (
                Live(console=console, screen=True, refresh_per_second=1)
                if console.is_terminal
                else nullcontext() as live
            ):
                failed = ""
                while True:
                    shown = _with_foot(seen, changes, failed)
                    if live:
                        live.update(_Shown(shown), refresh=True)
                    else:
                        shown(console)
                    await changes.next()
                    try:
                        seen, failed = await look(), ""
                    except ClientError as error:
                        failed = str(error)
    finally:
        if console.is_terminal:
            seen(console)


def _with_foot(show: Show, changes: Changes, failed: str) -> Show:
    """`failed`: why it could not be looked again, as while an API server restarts; that ends no view."""
    at = datetime.now(UTC)

    def shown(console: Console) -> None:
        show(console)
        console.print()
        if failed:
            console.print(f"could not look again, the above is older: {failed}", style="yellow")
        for path, why in changes.broken.items():
            console.print(f"{path.rpartition('/')[2]} are not watched: {why}", style="yellow")
        console.print(f"as of {at:%H:%M:%S} UTC; changes are shown as they come, Ctrl-C ends it", style="dim")

    return shown
