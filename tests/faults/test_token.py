"""The operator's token ends: it takes the new one from the file, without a storm of requests."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from keeper import RESTART_SECONDS, Keeper
from repairs import ROLE, all_well, empty, noticed
from running import NAMESPACE, SERVICE_ACCOUNT
from sandbox.faultgate import FaultGate
from story import Story

CACHED = 40.0
"""The API server believes a token for 10 s after it last looked."""
RENEWED = 40.0
"""Each request takes the token anew after a refusal; watches are tried again within seconds."""
GAP = 15.0
MOST_A_SECOND = 20.0
"""Requests, while all of them are refused: six watches that are tried again with their lists, and no hot loop."""
FIRST, SECOND = "first", "second"


def secret(story: Story, name: str) -> str:
    """In the namespace of the operator's ServiceAccount, beside those of other stories."""
    return f"{story.namespace}-{name}"


def renew(story: Story, token: Path, name: str) -> None:
    """Writes a token that holds as long as a Secret of this name exists; a pod's holds as long as the pod."""
    sandbox, name = story.sandbox, secret(story, name)
    sandbox.kubectl("create", "secret", "generic", name, "-n", NAMESPACE)
    bound = ("--bound-object-kind=Secret", f"--bound-object-name={name}", "--duration=10m")
    token.write_text(sandbox.kubectl("create", "token", SERVICE_ACCOUNT, "-n", NAMESPACE, *bound).strip())


def void(story: Story, name: str) -> None:
    story.sandbox.kubectl("delete", "secret", secret(story, name), "-n", NAMESPACE)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return tmp_path / "token"


@pytest.fixture
async def operator(unattended: Story, gate: FaultGate, tmp_path: Path, token: Path) -> AsyncIterator[Keeper]:
    """Its credentials are a file that changes under it, as the kubelet renews a pod's token."""
    renew(unattended, token, FIRST)
    sandbox = unattended.sandbox
    config = sandbox.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT, tmp_path / "kubeconfig")
    document: dict[str, Any] = json.loads(config.read_text())
    document["clusters"][0]["cluster"]["server"] = gate.server
    document["users"][0]["user"] = {"tokenFile": str(token)}
    config.write_text(json.dumps(document))
    async with Keeper.of(sandbox, gate, KUBECONFIG=str(config)) as keeper:
        yield keeper


async def until_refused(story: Story, token: str) -> None:
    """Until the API server no longer takes it."""

    async def refused() -> bool:
        said = await story.shell(
            f"kubectl --kubeconfig /dev/null --server {story.sandbox.server} --certificate-authority"
            f" {story.sandbox.ca} --token {token} get --raw /api 2>&1 || true"
        )
        return "Unauthorized" in said or "logged in" in said

    await story.until("the old token to be refused", refused, seconds=CACHED)


async def until_seen(story: Story, *, seconds: float) -> None:
    async def seen() -> bool:
        return await noticed(story, "late") and await story.get("Role", ROLE) is not None

    await story.until("what changed to be seen", seen, seconds=seconds)


async def test_a_token_that_was_renewed_before_it_ended_is_taken_over_in_silence(
    story: Story, gate: FaultGate, operator: Keeper, token: Path
) -> None:
    await all_well(story)
    old = token.read_text()
    renew(story, token, SECOND)
    void(story, FIRST)
    await until_refused(story, old)
    gate.cut()
    await story.delete("Role", ROLE)
    await story.apply(empty(story, "late"))
    await until_seen(story, seconds=RENEWED)
    assert operator.exits == []


async def test_a_token_that_ended_before_it_was_renewed_costs_at_most_a_restart(
    story: Story, gate: FaultGate, operator: Keeper, token: Path
) -> None:
    await all_well(story)
    void(story, FIRST)
    await until_refused(story, token.read_text())
    gate.cut()
    before = len(gate.seen)
    await story.delete("Role", ROLE)
    await story.apply(empty(story, "late"))
    await asyncio.sleep(GAP)  # no condition: it is what the fault is
    assert len(gate.seen) - before < GAP * MOST_A_SECOND
    assert not await noticed(story, "late")

    renew(story, token, SECOND)
    await until_seen(story, seconds=RENEWED + RESTART_SECONDS[1])
    assert 0 not in operator.exits
    assert len(operator.exits) <= 1
