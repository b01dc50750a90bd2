"""Watches over the rollouts of enrolled workloads, beside the passes.

A pass may take long, since what it asks may be just what is broken: a name that does not resolve, a member that does
not answer. Between a new member's readiness and the end of the next old one there are seconds. So each rollout has a
watch of its own, which looks at nothing but its members, and puts on the brake.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from emqx_autocluster import diagnosis
from emqx_autocluster.api import annotations
from emqx_autocluster.api.annotations import WorkloadOptions
from emqx_autocluster.api.v1alpha1 import EMQXAutoCluster
from emqx_autocluster.clients.errors import ClientError, Conflict, Invalid
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.diagnosis.formation import outsiders
from emqx_autocluster.effects import Effects
from emqx_autocluster.healing import Action, Memory, Step, brake
from emqx_autocluster.objects import steering
from emqx_autocluster.observation import Workload, WorkloadRef
from emqx_autocluster.observer import Observer
from emqx_autocluster.reporting import journal, report
from emqx_autocluster.reporting.events import Recorder
from emqx_autocluster.reporting.resources import Resources

_BETWEEN_LOOKS = 2.5
_SHORTEST = 0.2
_PATIENCE = timedelta(seconds=4)
"""A member that takes longer to answer counts as one that could not be asked: meanwhile an old one might end."""

logger = logging.getLogger(__name__)


class Brakeman:
    def __init__(
        self,
        observer: Observer,
        effects: Effects,
        resources: Resources,
        recorder: Recorder,
        notify: Callable[[WorkloadRef], None],
    ) -> None:
        """`notify` asks for a pass, which tells what was found."""
        self._observer = observer
        self._effects = effects
        self._resources = resources
        self._recorder = recorder
        self._notify = notify
        self._watches: dict[WorkloadRef, asyncio.Task[None]] = {}

    def watch(self, workload: Workload) -> None:
        """From now on until its rollout is over; a workload that does not roll needs nobody."""
        if _is_watched(workload) and workload.ref not in self._watches:
            task = asyncio.create_task(self._until_over(workload.ref))
            self._watches[workload.ref] = task
            task.add_done_callback(lambda _: self._watches.pop(workload.ref, None))

    def leave(self, ref: WorkloadRef) -> None:
        """Its rollout is nobody's to watch any more."""
        task = self._watches.get(ref)
        if task:
            task.cancel()

    async def end(self) -> None:
        tasks = list(self._watches.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _until_over(self, ref: WorkloadRef) -> None:
        told: str | None = None
        while True:
            try:
                workload, resource = await asyncio.gather(
                    self._observer.workload(ref), self._resources.find(ref)
                )
                if workload is None or resource is None or not _is_watched(workload):
                    return
                seconds, found = await self._look(workload, resource)
                if found != told:
                    told = found
                    self._notify(ref)
            except ClientError as error:
                seconds = _BETWEEN_LOOKS
                logger.warning("the rollout could not be looked at: %s", error, extra=journal.of(ref))
            except Exception:
                # The rollout needs its watch more than ever.
                seconds = _BETWEEN_LOOKS
                logger.exception("the look at the rollout crashed", extra=journal.of(ref))
            await asyncio.sleep(seconds)

    async def _look(self, workload: Workload, resource: EMQXAutoCluster) -> tuple[float, str | None]:
        """Seconds until the next look, and for which member the rollout should wait now."""
        options = annotations.parse(workload.annotations)
        observation = await self._observer.glance(workload, resource.metadata.name, options, _PATIENCE)
        case = diagnosis.build(observation, options, resource.spec)
        now = self._observer.now()
        await self._brake(case, Memory.of(workload, resource.status, options), options, resource)
        outsider = outsiders.overdue(case, now)
        due = [at for m in case.running if (at := outsiders.due(case, m)) is not None and at > now]
        soonest = min(((at - now).total_seconds() for at in due), default=_BETWEEN_LOOKS)
        return max(_SHORTEST, min(_BETWEEN_LOOKS, soonest)), outsider.member.pod.uid if outsider else None

    async def _brake(
        self, case: Case, memory: Memory, options: WorkloadOptions, resource: EMQXAutoCluster
    ) -> None:
        step = brake.step(case, memory, self._observer.now())
        # To go on needs proof, which is for a pass to find.
        if step is None or step.action is not Action.HOLD_ROLLOUT or not options.may_repair:
            return
        workload = case.workload
        outcome = await self._effects.carry_out(step, workload, case.observation.at)
        journal.acted(workload.ref, step, outcome.result, outcome.message)
        if outcome.succeeded:
            kind = "Warning" if outsiders.overdue(case, self._observer.now()) else "Normal"
            self._recorder.record(resource, workload, kind, str(step.action), "Repair", step.message)
            await self._tell(resource, step)

    async def _tell(self, resource: EMQXAutoCluster, step: Step) -> None:
        """In the status; a pass that writes it at this very moment goes first, and sees what was done."""
        status = report.noted(resource.status, step, succeeded=True, said="", at=self._observer.now())
        with suppress(Conflict, Invalid):
            await self._resources.write_status(resource, status)


def _is_watched(workload: Workload) -> bool:
    """One that is held already may take its time."""
    enrolled, several = annotations.is_enrolled(workload.annotations), workload.replicas > 1
    return enrolled and several and workload.rolling and steering.holding(workload) is None
