r"""A small interpreter for the constant scripts that people and operators run by `sh -c`.

It knows: `;` `&&` `||` newlines, pipes, single and double quotes, backslashes, `$NAME` `${NAME}` `$?`, `exit`,
comments, `< FILE`, `> FILE`, `>> FILE`, `2> FILE`, `2>&1`, `>&2`; as bash also `/dev/tcp/IP/PORT`. Nothing runs on
the machine below.

A variable is never split into words, and a pipe's commands run one after the other.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from . import tcpdevice
from .commands import Given, Machine, Streams
from .container import CommandNotFound

Run = Callable[[Sequence[str], Streams], Awaitable[int]]

_TOKEN = re.compile(
    r"(?P<blank>[ \t]+|\\\n|(?:(?<=\s)|^)\#[^\n]*)"
    r"|(?P<redirect>[12]?>&[12]|[012]?>>|[012]?>|[0]?<)"
    r"|(?P<operator>&&|\|\||\||;|\n)"
    r"|(?P<word>(?:'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.|[^\s;&|<>'\"\\()`])+)",
    re.DOTALL | re.MULTILINE,
)
_PIECE = re.compile(
    r"'(?P<single>[^']*)'|\"(?P<double>(?:\\.|[^\"\\])*)\"|\\(?P<escaped>.)|(?P<bare>[^'\"\\]+)", re.DOTALL
)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+|\?))")
_ESCAPE_IN_DOUBLE = re.compile(r"\\([$`\"\\])|\\\n|\$(?:\{(\w+)\}|(\w+|\?))")


class ShellSyntaxError(Exception):
    """The script uses what this interpreter does not know."""


class _ExitError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Simple:
    """One command with its redirections, words still unexpanded."""

    words: list[str] = field(default_factory=list)
    redirects: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Step:
    """A pipeline, and what stood before it: ";", "&&" or "||"."""

    connector: str
    pipeline: list[Simple]


def parse(script: str) -> list[Step]:
    """Read a script; raises ShellSyntaxError."""
    steps = [Step(";", [Simple()])]
    redirect = ""
    for kind, text in _tokens(script):
        command = steps[-1].pipeline[-1]
        if redirect and kind != "word":
            raise ShellSyntaxError(f"Syntax error: {text!r} unexpected")
        if kind == "redirect" and "&" in text:
            command.redirects.append((text, ""))
        elif kind == "redirect":
            redirect = text
        elif kind == "operator":
            _operate(steps, text)
        elif redirect:
            command.redirects.append((redirect, text))
            redirect = ""
        else:
            command.words.append(text)
    filled = [step for step in steps if step.pipeline[0].words or step.pipeline[0].redirects]
    if redirect or any(not simple.words and len(s.pipeline) > 1 for s in filled for simple in s.pipeline):
        raise ShellSyntaxError("Syntax error: end of file unexpected")
    return filled


def _operate(steps: list[Step], text: str) -> None:
    empty = not steps[-1].pipeline[-1].words and not steps[-1].pipeline[-1].redirects
    if text == "|" and not empty:
        steps[-1].pipeline.append(Simple())
    elif text in (";", "\n"):
        if not empty:
            steps.append(Step(";", [Simple()]))
    elif empty:
        raise ShellSyntaxError(f'Syntax error: "{text}" unexpected')
    else:
        steps.append(Step(text, [Simple()]))


def _tokens(script: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    while position < len(script):
        match = _TOKEN.match(script, position)
        if match is None:
            raise ShellSyntaxError(f'Syntax error: "{script[position]}" unexpected')
        position = match.end()
        if match.lastgroup and match.lastgroup != "blank":
            tokens.append((match.lastgroup, match[0]))
    return tokens


class Shell:
    """Runs one script with the commands of one container."""

    def __init__(self, name: str, machine: Machine, run: Run, arguments: Sequence[str] = ()) -> None:
        """`arguments` are $0, $1, and so on."""
        self._name = name
        self._arguments = {str(number): argument for number, argument in enumerate(arguments)}
        self._machine = machine
        self._run = run
        self._environment = machine.exec_environment()
        self._code = 0

    async def run(self, script: str, streams: Streams) -> int:
        try:
            steps = parse(script)
        except ShellSyntaxError as fault:
            streams.complain(f"{self._name}: 1: {fault}\n")
            return 2
        try:
            for step in steps:
                if step.connector == ";" or (step.connector == "&&") == (self._code == 0):
                    self._code = await self._pipeline(step.pipeline, streams)
        except _ExitError as end:
            return end.code
        return self._code

    async def _pipeline(self, pipeline: Sequence[Simple], streams: Streams) -> int:
        stdin, code = streams.stdin, 0
        for position, command in enumerate(pipeline):
            last = position == len(pipeline) - 1
            between: list[bytes] = []
            out = streams.out if last else between.append
            code = await self._simple(command, Streams(stdin, out, streams.err))
            stdin = Given(b"".join(between))
        return code

    async def _simple(self, command: Simple, streams: Streams) -> int:
        argv = [self._expand(word) for word in command.words]
        try:
            streams, finish = self._redirect(command, streams)
        except FileNotFoundError as error:
            streams.complain(f"{self._name}: 1: cannot open {error}: No such file\n")
            return 2
        if self._name.endswith("bash"):
            paths = [self._expand(word) for _, word in command.redirects]
            unconnected = await tcpdevice.failure(self._machine.world, paths)
            if unconnected:
                streams.complain(unconnected)
                return 1
        if argv[:1] == ["exit"]:
            raise _ExitError(int(argv[1]) if argv[1:] else self._code)
        try:
            code = await self._run(argv, streams) if argv else 0
        except CommandNotFound:
            streams.complain(f"{self._name}: 1: {argv[0]}: not found\n")
            code = 127
        finish()
        return code

    def _redirect(self, command: Simple, streams: Streams) -> tuple[Streams, Callable[[], None]]:
        """Give the streams as redirected, and what writes the files once the command has ended."""
        written: dict[str, list[bytes]] = {}
        for operator, word in command.redirects:
            path = self._expand(word)
            if operator.endswith("<"):
                data = b"" if tcpdevice.is_device(path) else self._machine.file(path)
                if data is None:
                    raise FileNotFoundError(path)
                streams = Streams(Given(data), streams.out, streams.err)
            elif operator == "2>&1":
                streams = Streams(streams.stdin, streams.out, streams.out)
            elif operator.endswith(">&2"):
                streams = Streams(streams.stdin, streams.err, streams.err)
            else:
                appends = operator.endswith(">>")
                sink = written.setdefault(path, [self._machine.file(path) or b""] if appends else [])
                err = sink.append if operator.startswith("2") else streams.err
                out = streams.out if operator.startswith("2") else sink.append
                streams = Streams(streams.stdin, out, err)

        def finish() -> None:
            for path, chunks in written.items():
                if path != "/dev/null" and not tcpdevice.is_device(path):
                    self._machine.world.files[path] = b"".join(chunks)

        return streams, finish

    def _expand(self, word: str) -> str:
        known = {**self._environment, **self._arguments, "?": str(self._code)}
        return "".join(_piece(match, known) for match in _PIECE.finditer(word))


def _piece(match: re.Match[str], known: Mapping[str, str]) -> str:
    if match["single"] is not None:
        return match["single"]
    if match["escaped"] is not None:
        return match["escaped"]
    if match["double"] is not None:
        return _ESCAPE_IN_DOUBLE.sub(lambda m: m[1] or known.get(m[2] or m[3] or "", ""), match["double"])
    return _VARIABLE.sub(lambda m: known.get(m[1] or m[2], ""), match["bare"])
