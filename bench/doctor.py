"""How long a person waits for `doctor`, measured by what cannot be faster: a member's own `emqx_ctl`."""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench import workloads
from bench.numbers import median
from bench.results import Result, at_most
from bench.stage import ADMIN, BenchError, Stage, stage, until
from bench.telling import tell

_GOAL = 2.0
_MEMBERS = 3
_NAME = "emqx"
_HEALTHY = 0


@dataclass(frozen=True, slots=True)
class _Run:
    took: float
    """Seconds from the start of the process to its end."""
    start: float
    """Of these before its first request: Python, and what it loads."""
    slowest: float
    """The longest look into a member within."""


async def measure(*, quick: bool) -> list[Result]:
    count = 5 if quick else 20
    async with stage("doctor") as at:
        await at.apply(workloads.surroundings(at.namespace, [_NAME]))
        await at.apply(workloads.rights(at.namespace, [_NAME]))
        await at.apply([workloads.workload(at.namespace, _NAME, replicas=_MEMBERS, min_ready=20)])
        await at.until_ready(_MEMBERS)
        await until("a healthy cluster", lambda: _is_healthy(at))
        tell(f"doctor: {count} times")
        with at.held():
            runs = [await _timed(at) for _ in range(count)]
    ratios = [run.took / run.slowest for run in runs]
    details = {
        "seconds": [round(run.took, 2) for run in runs],
        "before the first request": [round(run.start, 2) for run in runs],
        "emqx_ctl": [round(run.slowest, 2) for run in runs],
    }
    title = f"doctor on {_MEMBERS} members, by the slowest member's own emqx_ctl"
    return [at_most(title, median(ratios), _GOAL, "× emqx_ctl", **details)]


async def _is_healthy(at: Stage) -> bool:
    return await _doctor(at) == _HEALTHY


async def _timed(at: Stage) -> _Run:
    at.trail.clear()
    begin = time.time()
    exit_code = await _doctor(at)
    took = time.time() - begin
    if exit_code != _HEALTHY:
        raise BenchError(f"doctor ended with exit code {exit_code}")
    views = await at.seen(lambda r: r.user == ADMIN and r.is_view, count=_MEMBERS)
    first = min(r.received for r in at.trail.select(lambda r: r.user == ADMIN))
    return _Run(took, first - begin, max(r.answered - r.received for r in views))


async def _doctor(at: Stage) -> int:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "emqx-autocluster",
        "doctor",
        f"deployment/{_NAME}",
        f"--namespace={at.namespace}",
        f"--kubeconfig={at.sandbox.kubeconfig}",
        env=os.environ | {"EMQX_AUTOCLUSTER_CLUSTER_DNS": at.sandbox.dns},
        stdout=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()
