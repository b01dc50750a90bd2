"""A watch that breaks, falls silent or is too far behind: the next change is seen all the same."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from keeper import Keeper
from repairs import DIAL, PULSE, ROLE, STATUS, all_well, empty, noticed, tried
from sandbox.faultgate import FaultGate, OldVersion
from story import Story

Object = dict[str, Any]
WATCH = "[?&]watch=true"
WATCHES = 6
"""Deployments, StatefulSets, EMQXAutoClusters, and our ServiceAccounts, Roles and RoleBindings."""

RECONNECTED = 40.0
"""A broken watch is opened again after at most a few seconds, and once more if the first attempt fails."""
SILENCE_NOTICED = 90.0
"""The API server says something every minute (a bookmark), so 70 s of silence are a dead connection."""


async def all_cut(gate: FaultGate, _story: Story) -> None:
    assert gate.cut(WATCH) == WATCHES


async def all_silent(gate: FaultGate, _story: Story) -> None:
    assert gate.freeze(WATCH) == WATCHES


async def all_gone(gate: FaultGate, story: Story) -> None:
    """The API server forgets what was before now, and the watches want to go on from long ago."""
    await compact(story.sandbox.etcd)
    old = gate.put(OldVersion(), WATCH, times=WATCHES)
    assert gate.cut(WATCH) == WATCHES

    async def all_told() -> bool:
        return old.hits == WATCHES

    await story.until("every watch to be told 410", all_told, seconds=RECONNECTED)


async def compact(etcd: str) -> None:
    """Drops every revision but the last, as the API server does every five minutes."""
    async with aiohttp.ClientSession(etcd, raise_for_status=True) as session:
        async with session.post("/v3/kv/range", json={"key": "AA=="}) as answer:
            revision = (await answer.json())["header"]["revision"]
        body = {"revision": revision, "physical": True}
        async with session.post("/v3/kv/compaction", json=body) as answer:
            assert "header" in await answer.json()


@pytest.mark.parametrize(
    ("fault", "bound"), [(all_cut, RECONNECTED), (all_silent, SILENCE_NOTICED), (all_gone, RECONNECTED)]
)
async def test_the_next_change_is_seen_though_every_watch_was(
    story: Story,
    gate: FaultGate,
    operator: Keeper,
    fault: Callable[[FaultGate, Story], Awaitable[None]],
    bound: float,
) -> None:
    before = await all_well(story)
    await fault(gate, story)

    # Nothing of this would show by itself: what is well is looked at every five minutes.
    await story.delete("Role", ROLE)
    await story.delete("EMQXAutoCluster", "emqx")
    await story.apply(empty(story, "late"), empty(story, "later", stateful=True))

    async def all_seen() -> bool:
        role, resource = await asyncio.gather(story.get("Role", ROLE), story.resource())
        new = resource and resource["metadata"]["uid"] != before["metadata"]["uid"]
        return bool(role and new and await noticed(story, "late", "later"))

    await story.until("every change to be seen", all_seen, seconds=bound)
    assert operator.exits == []


@pytest.mark.usefixtures("operator")
async def test_what_the_operator_writes_itself_is_no_news_so_that_each_member_is_asked_once(
    story: Story, gate: FaultGate
) -> None:
    await all_well(story, replicas=2)
    await story.control.namespace(story.namespace, rpc="used")  # so that connections for messages stand
    await story.annotate(mode=None)

    async def gone() -> bool:
        return not await story.resource()

    await story.until("the EMQXAutoCluster is deleted", gone)
    asked, pulses, dialled = (len(tried(gate, story, command)) for command in (STATUS, PULSE, DIAL))
    await story.annotate(mode="Observe")
    await story.until_condition("Ready", "True")

    async def pulse_taken() -> bool:
        return len(tried(gate, story, PULSE)) >= pulses + 4

    # One of each member with the look, and one half a minute later.
    await story.until("the first pulse after the first look", pulse_taken, seconds=120, every=1)
    assert len(tried(gate, story, STATUS)) == asked + 2
    assert len(tried(gate, story, DIAL)) == dialled, "what a connection shows is not dialled"
