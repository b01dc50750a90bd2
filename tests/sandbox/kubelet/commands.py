"""The generic commands of every image, for what a person or an operator reads inside a pod."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .container import NameNotFound, ResolutionFailed, TCPSocket, World
from .idle import PATH
from .sockets import proc_net_tcp, proc_net_tcp6

Sink = Callable[[bytes], None]


class Stdin(Protocol):
    async def all(self) -> bytes:
        """Read until the end of input."""

    async def soon(self) -> bytes:
        """Read what comes at once: for commands that may not read it at all."""


@dataclass(frozen=True, slots=True)
class Given:
    """Input that is there already."""

    data: bytes = b""

    async def all(self) -> bytes:
        return self.data

    async def soon(self) -> bytes:
        return self.data


@dataclass(frozen=True, slots=True)
class Streams:
    stdin: Stdin
    out: Sink
    err: Sink

    def say(self, text: str) -> None:
        self.out(text.encode(errors="surrogateescape"))

    def complain(self, text: str) -> None:
        self.err(text.encode(errors="surrogateescape"))


@dataclass(frozen=True, slots=True)
class Machine:
    """The container as a command sees it."""

    world: World
    environ: Mapping[str, str]
    """PID 1's environment."""
    sockets: Callable[[], Sequence[TCPSocket]] = tuple

    def file(self, path: str) -> bytes | None:
        if path in {"/proc/net/tcp", "/proc/net/tcp6"}:
            return self._sockets(path)
        if path == "/proc/1/environ":
            return b"".join(f"{k}={v}\0".encode(errors="surrogateescape") for k, v in self.environ.items())
        if path == "/dev/null":
            return b""
        if path == "/etc/hostname":
            return f"{self.world.hostname}\n".encode()
        if path.startswith("/run/"):
            path = f"/var{path}"
        return self.world.files.get(path)

    def _sockets(self, path: str) -> bytes | None:
        """The switch `proc_net` hides them, as some sandboxed container runtimes do."""
        if self.world.switches.get("proc_net") == "hidden":
            return None
        return proc_net_tcp6() if path.endswith("6") else proc_net_tcp(self.sockets())

    def exec_environment(self) -> dict[str, str]:
        """Give what a command run by exec gets: the spec's environment, nothing that the entrypoint has set."""
        return {"PATH": PATH, "HOSTNAME": self.world.hostname, **self.world.env}


Command = Callable[[Machine, Sequence[str], Streams], Awaitable[int]]


async def cat(machine: Machine, args: Sequence[str], streams: Streams) -> int:
    code = 0
    for path in args or ["-"]:
        data = await streams.stdin.all() if path == "-" else machine.file(path)
        if data is None:
            streams.complain(f"cat: {path}: No such file or directory\n")
            code = 1
        else:
            streams.out(data)
    return code


async def getent(machine: Machine, args: Sequence[str], streams: Streams) -> int:
    if list(args[:1]) not in (["hosts"], ["ahosts"]) or len(args) != 2:
        streams.complain("getent: only hosts and ahosts with one name are known here\n")
        return 1
    try:
        addresses = await machine.world.resolve(args[1])
    except (NameNotFound, ResolutionFailed):
        return 2
    for address in addresses:
        streams.say(f"{address:<15} {args[1]}\n")
    return 0


async def env(machine: Machine, args: Sequence[str], streams: Streams) -> int:
    if args:
        streams.complain("env: takes no arguments here\n")
        return 125
    streams.say("".join(f"{name}={value}\n" for name, value in machine.exec_environment().items()))
    return 0


async def echo(_: Machine, args: Sequence[str], streams: Streams) -> int:
    bare = list(args[:1]) == ["-n"]
    streams.say(" ".join(args[1:] if bare else args) + ("" if bare else "\n"))
    return 0


async def true(*_: object) -> int:
    return 0


async def false(*_: object) -> int:
    return 1


async def sleep(_: Machine, args: Sequence[str], streams: Streams) -> int:
    try:
        await asyncio.sleep(sum(float(arg.removesuffix("s")) for arg in args))
    except ValueError:
        streams.complain(f"sleep: invalid time interval '{' '.join(args)}'\n")
        return 1
    return 0


async def hostname(machine: Machine, args: Sequence[str], streams: Streams) -> int:
    streams.say(f"{machine.world.ip if list(args) == ['-i'] else machine.world.hostname}\n")
    return 0


async def tr(_: Machine, args: Sequence[str], streams: Streams) -> int:
    text = (await streams.stdin.all()).decode(errors="surrogateescape")
    match list(args):
        case ["-d", characters]:
            table = dict.fromkeys(map(ord, _character_set(characters)), "")
        case [old, new] if new:
            source, target = _character_set(old), _character_set(new)
            table = dict(zip(map(ord, source), target.ljust(len(source), target[-1]), strict=False))
        case _:
            streams.complain("tr: missing operand\n")
            return 1
    streams.say(text.translate(table))
    return 0


async def grep(machine: Machine, args: Sequence[str], streams: Streams) -> int:
    flags = "".join(arg[1:] for arg in args if arg.startswith("-") and len(arg) > 1)
    rest = [arg for arg in args if not arg.startswith("-")]
    unknown = set(flags) - set("EFvqicohsx")
    if unknown or not rest:
        streams.complain(f"grep: invalid option -- '{''.join(sorted(unknown))}'\n")
        return 2
    pattern = _pattern(rest[0], flags)
    text, code = await _input(machine, rest[1:], streams)
    lines = text.decode(errors="surrogateescape").split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    chosen = [line for line in lines if bool(pattern.search(line)) != ("v" in flags)]
    if "c" in flags:
        streams.say(f"{len(chosen)}\n")
    elif "o" in flags:
        streams.say(
            "".join(f"{match[0]}\n" for line in chosen for match in pattern.finditer(line) if match[0])
        )
    elif "q" not in flags:
        streams.say("".join(f"{line}\n" for line in chosen))
    return code or (0 if chosen else 1)


async def _input(machine: Machine, paths: Sequence[str], streams: Streams) -> tuple[bytes, int]:
    if not paths:
        return await streams.stdin.all(), 0
    data, code = b"", 0
    for path in paths:
        content = machine.file(path)
        if content is None:
            streams.complain(f"grep: {path}: No such file or directory\n")
            code = 2
        data += content or b""
    return data, code


def _pattern(text: str, flags: str) -> re.Pattern[str]:
    if "F" in flags:
        text = re.escape(text)
    elif "E" not in flags:  # in a basic expression the backslash makes these special
        text = re.sub(r"\\([(){}|+?])|([(){}|+?])", lambda m: m[1] or f"\\{m[2]}", text)
    for name, characters in (("space", r"\s"), ("digit", "0-9"), ("alpha", "a-zA-Z"), ("alnum", "a-zA-Z0-9")):
        text = text.replace(f"[:{name}:]", characters)
    if "x" in flags:
        text = f"^(?:{text})$"
    return re.compile(text, re.IGNORECASE if "i" in flags else 0)


def _character_set(text: str) -> str:
    text = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0")
    return re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), text)


GENERIC: Mapping[str, Command] = {
    "cat": cat,
    "getent": getent,
    "env": env,
    "printenv": env,
    "echo": echo,
    "true": true,
    ":": true,
    "false": false,
    "sleep": sleep,
    "hostname": hostname,
    "tr": tr,
    "grep": grep,
}
