"""What the operator really logs, as a program reads it: docs/logs.md against the status as it was written."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from breakages import Breakage
from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.healing import Action
from keeper import Keeper
from midrollout import rolling
from repairs import alone
from running import ROOT
from sandbox.faultgate import FaultGate, Status
from sandbox.handle import SandboxHandle
from story import Story

Object = dict[str, Any]
Transition = tuple[str, str | None, str]
"""Condition, the status before, and after."""

PAGE = (ROOT / "docs" / "logs.md").read_text()
EVERY = {"timestamp", "level", "logger", "message"}


@pytest.fixture
async def operator(sandbox: SandboxHandle, gate: FaultGate) -> AsyncIterator[Keeper]:
    async with Keeper.of(sandbox, gate, LOG_FORMAT="json") as keeper:
        yield keeper


async def test_each_transition_and_each_action_of_a_repair_is_one_line(
    story: Story, gate: FaultGate, operator: Keeper
) -> None:
    """Also of those that the API server refuses at first: what was not written, and done, is not told."""
    await alone(story)
    gate.put(Status(500), f"{story.namespace}/emqxautoclusters/emqx/status", method="PATCH", times=2)
    gate.put(Status(403), f"{story.namespace}/roles", method="POST", times=1)
    async with versions(story) as written:
        await story.annotate(mode="Repair")
        await story.until_repaired()
        lines = await all_told(story, operator, written)
    assert ("ClusterFormed", "False", "True") in transitions(written)
    done = [(line["action"], line["subject"], line["result"]) for line in lines if is_done(line)]
    assert done == past(written[-1])
    assert ("CreateRole", "Role/emqx-discovery", "failed") in done
    assert Counter((action, result) for action, _, result in done) == await counted(operator)


async def test_a_rollout_that_is_held_is_told_and_counted_though_no_pass_held_it(
    story: Story, operator: Keeper
) -> None:
    async with versions(story) as written, rolling(story, "5.8.9", "Deployment") as rollout:
        broken = await rollout.broken(Breakage.NAMES, 1)
        await story.until_condition("ClusterFormed", "False", "RolloutHeld", seconds=120)
        await broken.end()
        await rollout.whole()
        lines = await all_told(story, operator, written)
    done = [(line["action"], line["subject"], line["result"]) for line in lines if is_done(line)]
    assert not Counter(past(written[-1])) - Counter(done)
    held = Counter((action, result) for action, _, result in done)
    assert held["HoldRollout", "succeeded"] >= 1
    assert held["ContinueRollout", "succeeded"] >= 1
    assert held == await counted(operator)


async def all_told(story: Story, operator: Keeper, written: list[Object]) -> list[Object]:
    """The lines about the story, once all that was written is told."""
    last = (await story.resource())["metadata"]["resourceVersion"]

    async def is_last() -> bool:
        return bool(written) and written[-1]["metadata"]["resourceVersion"] == last

    def lines() -> list[Object]:
        return [line for line in logged(operator.log) if line.get("namespace") == story.namespace]

    def told() -> Counter[Transition]:
        found = (line for line in lines() if line.get("event") == "transition")
        return Counter((line["condition"], line["was"], line["status"]) for line in found)

    async def is_told() -> bool:
        return told().total() >= len(transitions(written))

    await story.until("the last version of the resource", is_last)
    await story.until("a line for each transition", is_told, seconds=10)
    assert told() == Counter(transitions(written))
    found = lines()
    for line in found:
        is_as_documented(line)
    return found


def past(resource: Object) -> list[tuple[str, str, str]]:
    history = resource["status"]["history"]
    return [(entry["action"], entry["subject"], entry["result"].lower()) for entry in history]


async def counted(operator: Keeper) -> Counter[tuple[str, str]]:
    """By /metrics: (action, result) -> how often."""
    [port] = re.findall(r"health endpoints on port (\d+)", operator.log.read_text())
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        families = text_string_to_metric_families(await answer.text())
    samples = (s for family in families for s in family.samples)
    return +Counter(
        {
            (s.labels["action"], s.labels["result"]): int(s.value)
            for s in samples
            if s.name == "emqx_autocluster_actions_total"
        }
    )


def is_done(line: Object) -> bool:
    return line.get("event") == "action" and line["result"] != "superseded"


def logged(log: Path) -> Iterator[Object]:
    """Each line is one JSON object."""
    for line in log.read_text().splitlines():
        yield json.loads(line)


def is_as_documented(line: Object) -> None:
    """Also that no key is there which the page does not name, and no value which it does not allow."""
    assert set(line) >= EVERY
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
    assert line["level"] in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
    event = line.get("event")
    assert set(line) - keys(PAGE.partition("## `event`")[0]) == keys(section(event)) | (
        {"event"} if event else set()
    )
    if event == "transition":
        assert line["condition"] in set(ConditionType)
        assert line["reason"] in set(Reason)
    if event == "action":
        assert line["action"] in set(Action)
        assert line["result"] in {"succeeded", "failed", "superseded"}


def section(event: str | None) -> str:
    return PAGE.partition(f"## `event`: `{event}`")[2].partition("\n## ")[0] if event else ""


def keys(text: str) -> set[str]:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}


@asynccontextmanager
async def versions(story: Story) -> AsyncIterator[list[Object]]:
    """All versions of the EMQXAutoCluster, as `kubectl get --watch` is told them by the API server, from now on."""
    command = ("kubectl", "get", "eac", "-n", story.namespace, "--watch", "-o", "json")
    environment = {
        "HOME": str(story.sandbox.kubeconfig.parent),
        "KUBECONFIG": str(story.sandbox.kubeconfig),
        "PATH": f"{story.sandbox.bin}:/usr/bin:/bin",
    }
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, limit=2**24
    )
    found: list[Object] = []
    reading = asyncio.create_task(_read(process, found))
    try:
        yield found
    finally:
        process.terminate()
        await process.wait()
        await reading


async def _read(process: asyncio.subprocess.Process, found: list[Object]) -> None:
    """Pieces, since kubectl writes one indented object after the other."""
    assert process.stdout
    lines: list[str] = []
    async for line in process.stdout:
        lines.append(line.decode())
        if line == b"}\n":
            found.append(json.loads("".join(lines)))
            lines.clear()


def transitions(written: list[Object]) -> list[Transition]:
    found: list[Transition] = []
    for before, after in pairwise([{}, *written]):
        was = statuses(before)
        now = statuses(after)
        found += [(kind, was.get(kind), status) for kind, status in now.items() if was.get(kind) != status]
    return found


def statuses(resource: Object) -> dict[str, str]:
    return {c["type"]: c["status"] for c in (resource.get("status") or {}).get("conditions", ())}
