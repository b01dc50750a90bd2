"""Each test of this folder has an operator of its own, which reaches the API server through a faulty gate.

All of them are in one sandbox, side by side. Two operators in one cluster would both act, so each gate shows its
operator one namespace alone: the story's.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keeper import Keeper
from sandbox.faultgate import FaultGate
from sandbox.handle import SandboxHandle
from story import Story


@pytest.fixture(scope="session")
def sandbox(faulty_sandbox: SandboxHandle) -> SandboxHandle:
    return faulty_sandbox


@pytest.fixture
async def gate(unattended: Story) -> AsyncIterator[FaultGate]:
    async with FaultGate(unattended.sandbox, unattended.namespace) as gate:
        yield gate


@pytest.fixture
async def operator(sandbox: SandboxHandle, gate: FaultGate) -> AsyncIterator[Keeper]:
    async with Keeper.of(sandbox, gate) as keeper:
        yield keeper


@pytest.fixture
def operator_log(operator: Keeper) -> Path:
    """For the fixture `story`: the operator at work is this test's own."""
    return operator.log
