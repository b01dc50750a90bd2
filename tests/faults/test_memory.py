"""The memory limit is reached: the operator ends, so that Kubernetes starts it afresh, and does not limp on."""

import re
import resource
from pathlib import Path

import pytest

from keeper import Keeper
from repairs import alone, is_whole
from sandbox.faultgate import FaultGate, Pad
from story import Story

MIB = 1024**2
ROOM = 64 * MIB
"""Enough for its work, and not for the answer below."""
TOO_MUCH = 256 * MIB
ENDED = 30.0
"""By the first answer that does not fit; the look that it belongs to comes within 15 s."""
BACK = 120.0
"""Started again at once, and then a repair without a rollout."""


def limit_memory(pid: int) -> None:
    """As a container's limit, only that the process is told and not killed: so it could limp on."""
    found = re.search(r"VmSize:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    most = int(found[1]) * 1024 + ROOM
    resource.prlimit(pid, resource.RLIMIT_AS, (most, most))


@pytest.mark.parametrize(
    "request_", [pytest.param("/pods[?]", id="a look"), pytest.param("watch=true", id="a watch")]
)
async def test_it_ends_when_memory_does_not_suffice_for_the_answer_to(
    story: Story, gate: FaultGate, operator: Keeper, request_: str
) -> None:
    await alone(story)
    await operator.until_watching()
    limit_memory(operator.pid)
    too_much = gate.put(Pad(TOO_MUCH), request_)
    gate.cut("watch=true")
    await story.annotate(mode="Repair")

    async def ended() -> bool:
        return len(operator.exits) == 1

    await story.until("the operator to end", ended, seconds=ENDED)
    assert operator.exits[0] != 0
    gate.lift(too_much)
    await story.until_repaired(seconds=BACK)
    await is_whole(gate, story)
    assert len(operator.exits) == 1
