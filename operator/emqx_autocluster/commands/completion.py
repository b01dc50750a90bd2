"""What may follow on a command line: names from the cluster, and words of `explain`.

A person who presses Tab waits for this and asked for no error: it is here within two seconds, or nothing is.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

from emqx_autocluster import objects
from emqx_autocluster.api import annotations
from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.commands import explain, targets
from emqx_autocluster.emqx import containers
from emqx_autocluster.observation import WorkloadKind
from emqx_autocluster.observer.connection import connect
from emqx_autocluster.settings import Settings
from emqx_autocluster.text import grammar

Given = Mapping[str, Any]
"""The options that stand on the command line already, by the names of their parameters."""

_SECONDS = 2.0


def workloads(given: Given, begun: str) -> list[str]:
    """Those of the namespace that look like EMQX or are enrolled: `deployment/emqx`, or `sts/emqx` if begun so."""
    return _answer(_workloads(given, begun))


def namespaces(given: Given, begun: str) -> list[str]:
    return _answer(_namespaces(given, begun))


def explained(begun: str) -> list[str]:
    """What `explain` takes."""
    words = (*Reason, *ConditionType, *explain.families())
    return [str(word) for word in words if word.startswith(begun)]


async def _workloads(given: Given, begun: str) -> list[str]:
    namespace = given.get("namespace") or "default"
    async with _connection(given) as kube:
        found = [
            f"{word}/{name}"
            for kind, word in targets.spellings(begun)
            for name in await kube.select(paths.WORKLOADS[kind](namespace), partial(_name_if_emqx, kind))
        ]
    return [target for target in found if target.startswith(begun)]


async def _namespaces(given: Given, begun: str) -> list[str]:
    async with _connection(given) as kube:
        found = await kube.select("/api/v1/namespaces", _name)
    return [name for name in found if name.startswith(begun)]


def _name_if_emqx(kind: WorkloadKind, body: dict[str, Any]) -> str | None:
    workload = objects.workload(kind, body)
    options = annotations.parse(workload.annotations)
    container = containers.emqx_container(workload.template, options.container)
    return _name(body) if container or options.mode else None


def _name(body: Mapping[str, Any]) -> str | None:
    """Whoever answers in the API server's place does not write to the terminal."""
    name = str(body["metadata"]["name"])
    return name if grammar.is_name(name) else None


@asynccontextmanager
async def _connection(given: Given) -> AsyncIterator[Kube]:
    named = {name: given[name] for name in ("kubeconfig", "context") if given.get(name) is not None}
    async with connect(Settings(**named), deadline=_SECONDS) as kube:
        yield kube


def _answer(work: Coroutine[Any, Any, list[str]]) -> list[str]:
    with _in_silence():
        try:
            return asyncio.run(work)
        except Exception:  # noqa: BLE001 - no cluster, no rights, no kubeconfig: there is nothing to offer
            return []


@contextmanager
def _in_silence() -> Iterator[None]:
    """Ends the process, without a word, once nobody waits any more: a program for credentials may take its time."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    told, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.dup2(told, 2)
        os.close(told)
        os.close(nowhere)
