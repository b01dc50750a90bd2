"""Runs a command in a container: the program's own ones first, then the generic ones, then `sh -c`."""

import asyncio
from collections.abc import Sequence
from pathlib import PurePosixPath

from .commands import GENERIC, Machine, Streams
from .container import CommandNotFound, Program, World
from .shell import Shell

_SHELLS = ("sh", "bash", "dash", "ash")
_BIN = ("/bin", "/usr/bin", ".")
_TIMED_OUT, _NOT_FOUND = 124, 127


async def execute(program: Program, world: World, argv: Sequence[str], streams: Streams) -> int:
    """Give the exit code; raises CommandNotFound if the image has no such command."""
    try:
        return await program.execute(argv, await streams.stdin.soon(), streams.out, streams.err)
    except CommandNotFound:
        pass
    path = PurePosixPath(argv[0])
    if str(path.parent) not in _BIN:
        raise CommandNotFound(argv[0])
    machine = Machine(world, program.environ, program.sockets)
    if path.name in _SHELLS:
        return await _shell(program, machine, argv, streams)
    if path.name == "timeout":
        return await _timeout(program, machine, argv, streams)
    if path.name not in GENERIC:
        raise CommandNotFound(argv[0])
    return await GENERIC[path.name](machine, argv[1:], streams)


async def _timeout(program: Program, machine: Machine, argv: Sequence[str], streams: Streams) -> int:
    if len(argv) < 3:
        streams.complain("timeout: missing operand\n")
        return 125
    try:
        async with asyncio.timeout(float(argv[1])):
            return await execute(program, machine.world, argv[2:], streams)
    except TimeoutError:
        return _TIMED_OUT
    except CommandNotFound:
        streams.complain(f"timeout: failed to run command '{argv[2]}': No such file or directory\n")
        return _NOT_FOUND


async def _shell(program: Program, machine: Machine, argv: Sequence[str], streams: Streams) -> int:
    async def run(words: Sequence[str], inner: Streams) -> int:
        return await execute(program, machine.world, words, inner)

    shell = Shell(argv[0], machine, run, argv[3:])
    match list(argv[1:]):
        case [option, script, *_] if option.startswith("-") and option.endswith("c"):
            return await shell.run(script, streams)
        case []:
            return await shell.run((await streams.stdin.all()).decode(errors="surrogateescape"), streams)
        case _:
            streams.complain(f"{argv[0]}: 0: cannot open {argv[1]}: No such file\n")
            return 2
