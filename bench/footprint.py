"""Memory and CPU of the operator's process while it looks after many workloads, as /proc tells them."""

import asyncio
import os
import time
from pathlib import Path

from bench import workloads
from bench.results import Result, at_most
from bench.stage import MODE, Stage, stage
from bench.telling import tell

_GOALS = {0: 90, 50: 100, 500: 120}
_SETTLE = 20
_INTERVAL = 300
_JITTER = 1.2
_TICKS = os.sysconf("SC_CLK_TCK")
_MEBI = 1024


async def measure(*, quick: bool) -> list[Result]:
    sizes = (0, 20, 50) if quick else tuple(_GOALS)
    results: list[Result] = []
    async with stage("footprint") as at:
        await at.control.namespace(at.namespace, ctl_seconds="0.1")
        for before, size in zip((0, *sizes), sizes, strict=False):
            await _grow(at, before, size)
            await asyncio.sleep(_SETTLE)
            results.append(_memory(at, size))
        results.append(await _cpu(at, sizes[-1], 60 if quick else _INTERVAL * _JITTER))
        results.append(_memory(at, sizes[-1], "after that"))
    return results


async def _grow(at: Stage, before: int, size: int) -> None:
    names = [f"emqx-{n:03}" for n in range(before, size)]
    if not names:
        return
    tell(f"footprint: from {before} to {size} workloads")
    await at.apply(workloads.surroundings(at.namespace, names))
    await at.apply(workloads.rights(at.namespace, names))
    await at.apply([_enrolled(at.namespace, name) for name in names])
    await at.until_ready(size)
    await at.until_well(size)


def _enrolled(namespace: str, name: str) -> workloads.Object:
    body = workloads.workload(namespace, name)
    body["metadata"]["annotations"] = {MODE: "Repair"}
    return body


def _memory(at: Stage, size: int, when: str = "") -> Result:
    now, most = (resident(at.operator.process.pid, field) for field in ("VmRSS", "VmHWM"))
    tell(f"footprint: {now:.0f} MiB with {size} workloads")
    title = f"resident memory with {size} workloads {when}".strip()
    return at_most(title, now, _GOALS.get(size, 120), "MiB", highest=round(most, 1))


def resident(pid: int, field: str = "VmRSS") -> float:
    """MiB of its memory; VmHWM: the most that it ever was."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)[field].split()[0]) / _MEBI


async def _cpu(at: Stage, size: int, seconds: float) -> Result:
    """Over a whole interval with its jitter, since verifications come in the order of enrolment."""
    tell(f"footprint: CPU over {seconds:.0f} s")
    at.trail.clear()
    before, began = cpu_seconds(at), time.monotonic()
    await asyncio.sleep(seconds)
    share = (cpu_seconds(at) - before) / (time.monotonic() - began)
    verified = len(at.trail.select(lambda r: r.is_view))
    shown = f"{share:.2%} of a core, {verified} verifications in {seconds:.0f} s"
    details = {"share": share, "verifications": verified, "seconds": seconds}
    return Result(f"CPU with {size} healthy workloads, default interval", shown, details=details)


def cpu_seconds(at: Stage) -> float:
    stat = Path(f"/proc/{at.operator.process.pid}/stat").read_text()
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
