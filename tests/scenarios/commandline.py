"""The command line in one process beside the tests: to start one for each command would take most of their time.

In a thread it would not do: typer sets and removes a variable of the environment whenever it builds its commands, and
whatever reads the environment at that moment in another thread fails.
"""

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import Self

from typer.testing import CliRunner

from emqx_autocluster import cli


class CommandLine:
    """`with CommandLine(environment) as command_line`: its commands run one after another, in one environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment`: what is set besides what the tests have themselves."""
        variables = dict(environment)
        self._beside = ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_set, initargs=(variables,)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beside.shutdown()

    async def run(self, *argv: str) -> tuple[int, str]:
        """(exit code, stdout) of `emqx-autocluster` with these arguments."""
        return await asyncio.get_running_loop().run_in_executor(self._beside, _run, argv)


def _set(variables: dict[str, str]) -> None:
    os.environ.update(variables)


def _run(argv: tuple[str, ...]) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, argv)
    return done.exit_code, done.stdout
