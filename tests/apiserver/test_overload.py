"""An API server that has too much to do asks to come again a moment later, and is obeyed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import TooManyRequests
from emqx_autocluster.clients.kube import Kube
from sandbox.faultgate import FaultGate, Status
from sandbox.handle import SandboxHandle

WAIT = 1.0
"""Seconds that the gate, as the API server, asks for."""


@pytest.fixture
async def gate(sandbox: SandboxHandle, namespace: str) -> AsyncIterator[FaultGate]:
    async with FaultGate(sandbox, namespace) as gate:
        yield gate


@pytest.fixture
async def overloaded(
    sandbox: SandboxHandle, gate: FaultGate, namespace: str, tmp_path: Path
) -> AsyncIterator[Kube]:
    """A connection by way of the gate, of somebody who may edit the namespace."""
    who = f"{namespace}:default"
    sandbox.kubectl(
        "create", "rolebinding", "edit", "--clusterrole=edit", f"--serviceaccount={who}", "-n", namespace
    )
    through = replace(sandbox, server=gate.server)
    kubeconfig = through.kubeconfig_for(namespace, "default", tmp_path / "kubeconfig")
    async with Kube.from_kubeconfig(kubeconfig) as kube:
        yield kube


def waits(gate: FaultGate, path: str) -> list[float]:
    """Seconds between the requests for it."""
    times = [seen.at for seen in gate.came(path)]
    return [later - earlier for earlier, later in pairwise(times)]


async def test_a_read_is_sent_again_after_the_seconds_that_are_asked_for(
    overloaded: Kube, gate: FaultGate, namespace: str
) -> None:
    gate.put(Status(429), "/configmaps/a", times=2)
    assert await overloaded.get(paths.configmaps(namespace, "a")) is None
    assert len(waits(gate, "/configmaps/a")) == 2
    assert all(seconds >= WAIT for seconds in waits(gate, "/configmaps/a"))


async def test_whoever_is_always_refused_is_told_so_after_the_third_time(
    overloaded: Kube, gate: FaultGate, namespace: str
) -> None:
    gate.put(Status(429), "/configmaps/a")
    with pytest.raises(TooManyRequests):
        await overloaded.get(paths.configmaps(namespace, "a"))
    assert len(gate.came("/configmaps/a")) == 3


async def test_before_a_change_is_sent_again_it_is_asked_anew_whether_it_may_be(
    overloaded: Kube, gate: FaultGate, namespace: str
) -> None:
    asked = []

    async def fence() -> None:
        asked.append(len(gate.came("/configmaps")))

    gate.put(Status(429), "/configmaps", method="POST", times=1)
    body: dict[str, Any] = {"metadata": {"name": "a"}}
    made = await overloaded.fenced(fence).create(paths.configmaps(namespace), body)
    assert made["metadata"]["name"] == "a"
    assert asked == [0, 1], "right before each of the two requests"


async def test_that_a_disruption_budget_forbids_an_eviction_is_no_overload(
    overloaded: Kube, gate: FaultGate, namespace: str
) -> None:
    gate.put(Status(429), "/eviction")
    with pytest.raises(TooManyRequests):
        await overloaded.create(paths.pod_eviction(namespace, "emqx-0"), {"metadata": {"name": "emqx-0"}})
    assert len(gate.came("/eviction")) == 1
