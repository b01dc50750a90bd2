"""The memory limit is reached: the operator ends, so that Kubernetes starts it afresh, and does not limp on.

By a watch alone: of all other answers it reads no more than it has room for.
"""

import re
import resource
from pathlib import Path

from keeper import Keeper
from repairs import alone, is_whole
from sandbox.faultgate import FaultGate, Pad
from story import Story

MIB = 1024**2
ROOM = 64 * MIB
"""Enough for its work, and not for the answer below."""
TOO_MUCH = 256 * MIB
ENDED = 90.0
"""By the first answer that does not fit; the look that it belongs to comes within 15 s."""
BACK = 120.0
"""Started again at once, and then a repair without a rollout."""


def limit_memory(pid: int) -> None:
    """As a container's limit, only that the process is told and not killed: so it could limp on.

    What it may write to is counted, since each thread also reserves address space that it never uses.
    """
    found = re.search(r"VmData:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    most = int(found[1]) * 1024 + ROOM
    resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))


async def test_it_ends_when_memory_does_not_suffice_for_a_watch(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await alone(story)
    await operator.until_watching()
    limit_memory(operator.pid)
    too_much = gate.put(Pad(TOO_MUCH), "watch=true")
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


async def test_an_answer_that_is_too_large_is_not_judged_and_ends_nothing(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    await alone(story)
    await operator.until_watching()
    limit_memory(operator.pid)
    too_much = gate.put(Pad(TOO_MUCH), "/pods[?]")
    await story.annotate(mode="Repair")

    async def told() -> bool:
        formed = await story.condition("ClusterFormed")
        why = formed.get("message", "")
        return formed.get("reason") == "ProbeFailed" and "the API server's answer has more than" in why

    await story.until("what is not judged, and why", told, seconds=2 * ENDED)
    gate.lift(too_much)
    await story.until_repaired(seconds=BACK)
    await is_whole(gate, story)
    assert operator.exits == []
