"""Each test of this folder has an operator of its own, which reaches the API server through a faulty gate.

Two operators in one cluster would both act, so these tests share no sandbox with others: each worker of pytest-xdist
that gets one of them starts its own.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from keeper import Keeper
from running import RunningSandbox
from sandbox.faultgate import FaultGate
from sandbox.handle import SandboxHandle


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxHandle]:
    running = RunningSandbox.start()
    yield SandboxHandle.load(running.state)
    running.stop()


@pytest.fixture
async def gate(sandbox: SandboxHandle) -> AsyncIterator[FaultGate]:
    async with FaultGate(sandbox) as gate:
        yield gate


@pytest.fixture
async def operator(sandbox: SandboxHandle, gate: FaultGate) -> AsyncIterator[Keeper]:
    async with Keeper.of(sandbox, gate) as keeper:
        yield keeper


@pytest.fixture
def operator_log(operator: Keeper) -> Path:
    """For the fixture `story`: the operator at work is this test's own."""
    return operator.log
