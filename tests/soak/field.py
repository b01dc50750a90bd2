"""The ground on which the trials are made: one sandbox, one operator, so many workloads at a time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import ClientError
from emqx_autocluster.clients.exec import Exec
from emqx_autocluster.clients.kube import Kube
from running import RunningOperator, RunningSandbox, install
from sandbox.handle import SandboxHandle
from sandbox.kubelet.control import Control
from scenarios.story import Story, StoryError
from soak.courses import follow
from soak.ledger import Ledger, Result
from soak.plan import Trial
from soak.site import NAME, PromiseBroken, Site

_MEMBERS = 4
"""Of one workload while it rolls."""
_LOG_LINES = 2000


@dataclass(slots=True)
class Field:
    sandbox: SandboxHandle
    operator_log: Path
    kube: Kube
    control: Control
    emqx_ctl: EmqxCtl
    evidence: Path | None
    under_way: dict[Trial, Site] = field(default_factory=dict)

    async def make(self, ledger: Ledger, side_by_side: int) -> None:
        """All trials, that many at a time; each result goes into the ledger as it comes."""
        waiting = iter(ledger.trials)

        async def one_after_another() -> None:
            for trial in waiting:
                ledger.results.append(await self._try(trial))

        async with asyncio.TaskGroup() as group:
            for _ in range(side_by_side):
                group.create_task(one_after_another())
                await asyncio.sleep(0.5)  # all at the same instant would be no picture of a cluster's life

    async def _try(self, trial: Trial) -> Result:
        story = Story(self.sandbox, self.kube, self.control, trial.name)
        site = self.under_way[trial] = Site(story, self.emqx_ctl, trial.cell)
        ending, broken = None, ""
        try:
            await self.kube.create("/api/v1/namespaces", _namespace(trial.name))
            ending = await follow(site)
        except Exception as error:  # noqa: BLE001 - the other trials' hour must not be lost by one that crashed
            told = isinstance(error, PromiseBroken | StoryError | ClientError)
            broken = str(error) if told else repr(error)
            site.note(f"broken: {broken}")
        result = Result(trial, ending, broken, site.seconds, tuple(site.notes))
        if not result.kept and self.evidence:
            await self._keep_evidence(self.evidence, site)
        del self.under_way[trial]
        await self._clean_up(trial)
        return result

    async def _clean_up(self, trial: Trial) -> None:
        try:
            await self.kube.delete(f"/api/v1/namespaces/{trial.name}")
        except ClientError:
            return  # it ends with the sandbox

    async def _keep_evidence(self, folder: Path, site: Site) -> None:
        """All that helps to find the cause, before the namespace goes."""
        try:
            parts = await self._evidence(site)
        except ClientError as error:
            parts = [f"no evidence: {error}"]
        folder.mkdir(parents=True, exist_ok=True)
        notes = "\n".join(f"{at:7.1f} s  {what}" for at, what in site.notes)
        (folder / f"{site.story.namespace}.txt").write_text("\n\n".join([notes, *parts]))

    async def _evidence(self, site: Site) -> list[str]:
        story = site.story
        seen = await site.ending()
        events = sorted(
            await self.kube.list(paths.events(story.namespace)), key=lambda e: str(e["eventTime"])
        )
        told = [f"{e['eventTime']} {e['reason']} {e['regarding']['name']}: {e.get('note')}" for e in events]
        logs = [await self._log(story.namespace, pod["metadata"]["name"]) for pod in await story.pods()]
        return [
            f"{seen}: {site.notes[-1][1]}",
            await story._seen(),
            "\n".join(told),
            self._operator(site),
            *logs,
        ]

    async def _log(self, namespace: str, pod: str) -> str:
        try:
            return f"--- {pod}\n" + str(await self.kube.read_log(namespace, pod, NAME, tail_lines=_LOG_LINES))
        except ClientError as error:
            return f"--- {pod}\n{error}"

    def _operator(self, site: Site) -> str:
        lines = self.operator_log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if f'"{site.story.namespace}"' in line)


def _namespace(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


@asynccontextmanager
async def prepared(side_by_side: int, evidence: Path | None) -> AsyncIterator[Field]:
    """Starts a sandbox and the operator with the rights of deploy/; ends both."""
    running = await asyncio.to_thread(RunningSandbox.start)
    try:
        handle = SandboxHandle.load(running.state)
        operator = await asyncio.to_thread(_operator, handle, side_by_side)
        try:
            async with Kube.from_kubeconfig(handle.kubeconfig) as kube, Control(handle.control) as control:
                emqx_ctl = EmqxCtl(Exec(kube, _MEMBERS * side_by_side))
                yield Field(handle, operator.log, kube, control, emqx_ctl, evidence)
        finally:
            await asyncio.to_thread(operator.stop)
    finally:
        await asyncio.to_thread(running.stop)


def _operator(handle: SandboxHandle, side_by_side: int) -> RunningOperator:
    """With room for all, so that each workload fares as it would alone."""
    install(handle)
    room = {"WORKERS": str(side_by_side), "EXECS": str(_MEMBERS * side_by_side)}
    return RunningOperator.start(handle, LOG_FORMAT="json", **room)


def clock() -> float:
    return time.monotonic()
