"""How the demo speaks: chapters, sentences, the commands that it runs, and their output.

On a terminal with colours; elsewhere the same lines plain, without control codes.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from emqx_autocluster.commands.terminal import Terminal
from emqx_autocluster.text.plain import plain

_WIDEST = 120
_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


class Screen:
    def __init__(self) -> None:
        self.console = Terminal()
        self.console.width = min(self.console.width, _WIDEST) if self.is_live else _WIDEST
        self._chapter = 0

    @property
    def is_live(self) -> bool:
        """Whether a picture that changes in place can be shown."""
        return self.console.is_terminal

    def title(self, text: str) -> None:
        self.console.print()
        self.console.print(Rule(Text(text, "bold"), style="cyan", characters="═"))

    def chapter(self, text: str) -> None:
        self._chapter += 1
        self.console.print()
        heading = Text(f"{self._chapter}  {text}", "bold cyan")
        self.console.print(Rule(heading, align="left", style="cyan"))

    def say(self, text: str) -> None:
        """One paragraph; `backquoted` words are code, *starred* ones are stressed."""
        self.console.print()
        self.console.print(marked(text))

    def terms(self, entries: Mapping[str, str]) -> None:
        """Words and what they mean."""
        table = Table(box=None, show_header=False, padding=(0, 1))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for word, meaning in entries.items():
            table.add_row(f" {word}", marked(meaning))
        self.console.print(table)

    def point(self, text: str, mark: str = "•", style: str = "") -> None:
        """One entry of a list."""
        body = marked(text)
        self.console.print(Text.assemble("  ", (mark, style), " "), end="")
        lines = body.wrap(self.console, self.console.width - 4)
        self.console.print(Text("\n    ").join(lines))

    def command(self, argv: Sequence[str]) -> None:
        """A line that can be copied: it is never broken by us."""
        self.console.print()
        line = Text.assemble(("$ ", "dim"), (shlex.join(argv), "bold"))
        self.console.print(line, soft_wrap=True)

    def output(self, text: str) -> None:
        for line in map(plain, text.rstrip().split("\n")):
            if self.is_live:
                self.console.print(Padding(Text(line), (0, 0, 0, 2)))
            else:
                self.progress(line)

    def progress(self, line: str) -> None:
        self.console.print(Text("  " + line, "dim"), soft_wrap=True)

    def diff(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.console.print(Text("  " + plain(line), _DIFF_STYLES.get(line[:1], "")))

    def line(self, text: Text) -> None:
        """One entry of a log: off a terminal it stays one line, however long."""
        self.console.print(text, soft_wrap=not self.is_live)

    def show(self, what: RenderableType) -> None:
        self.console.print(what)


def marked(text: str) -> Text:
    """`code` and *stress*, as in this project's documents."""
    found = Text()
    for number, part in enumerate(text.split("`")):
        if number % 2:
            found.append(part, "cyan")
            continue
        for inner, word in enumerate(part.split("*")):
            found.append(word, "bold" if inner % 2 else "")
    return found
