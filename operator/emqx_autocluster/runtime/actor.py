"""Carries out what is due, tells what came of it, and sees to it that the status does not forget it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from emqx_autocluster.api.v1alpha1 import EMQXAutoCluster, StatusModel
from emqx_autocluster.clients.errors import Conflict, Invalid
from emqx_autocluster.effects import Effects, Outcome
from emqx_autocluster.healing import Setback, Step, setback
from emqx_autocluster.healing.steps import EnableDiscovery, ForceLeave, Join, PatchWorkload
from emqx_autocluster.observation import Workload, WorkloadRef
from emqx_autocluster.observer import Observer
from emqx_autocluster.reporting import journal, report
from emqx_autocluster.reporting.events import Recorder
from emqx_autocluster.reporting.report import Pass
from emqx_autocluster.reporting.resources import Resources


@dataclass(frozen=True, slots=True)
class _Act:
    """What was done, and which look led to it."""

    step: Step
    outcome: Outcome
    at: datetime
    done: Pass

    def told(self, status: StatusModel) -> StatusModel:
        succeeded, said = self.outcome.succeeded, self.outcome.message
        return report.after(status, self.step, succeeded=succeeded, said=said, done=self.done, at=self.at)


class Actor:
    def __init__(
        self,
        observer: Observer,
        effects: Effects,
        resources: Resources,
        recorder: Recorder,
        now: Callable[[], datetime],
    ) -> None:
        self._observer = observer
        self._effects = effects
        self._resources = resources
        self._recorder = recorder
        self._now = now
        self._setbacks: dict[WorkloadRef, Setback] = {}
        self._unwritten: dict[WorkloadRef, list[_Act]] = {}

    def setback(self, ref: WorkloadRef) -> Setback | None:
        """The step that failed last, until one succeeds."""
        return self._setbacks.get(ref)

    def forget(self, ref: WorkloadRef) -> None:
        self._setbacks.pop(ref, None)
        self._unwritten.pop(ref, None)

    async def act(self, resource: EMQXAutoCluster, workload: Workload, done: Pass) -> bool:
        """Whether all that was due was tried; else something is not as it was when that was decided."""
        acts = self._unwritten.setdefault(workload.ref, [])
        complete = True
        try:
            for step in done.plan.now:
                if not await self._still_stands(step, done):
                    complete = False
                    break
                outcome = await self._carry_out(resource, workload, step)
                if not outcome.superseded:
                    acts.append(_Act(step, outcome, self._now(), done))
                if not outcome.succeeded:
                    break
        finally:
            await self.write_down(resource, workload.ref)
        return complete

    async def write_down(self, resource: EMQXAutoCluster, ref: WorkloadRef) -> EMQXAutoCluster:
        """What was done and stands in no status yet: how long to wait, and how often, is counted by it.

        Somebody else may have changed the resource while a command ran. Where it cannot be written at all this raises,
        and is tried again before anything else is done.
        """
        acts = self._unwritten.get(ref)
        if not acts:
            self._unwritten.pop(ref, None)
            return resource
        try:
            written = await self._resources.write_status(resource, _told(resource.status, acts))
        except (Conflict, Invalid):
            fresh = await self._resources.read(ref, resource.metadata.name)
            if fresh is None:
                raise
            written = await self._resources.write_status(fresh, _told(fresh.status, acts))
        self._unwritten.pop(ref, None)
        return written

    async def _still_stands(self, step: Step, done: Pass) -> bool:
        """The look that a step comes of may have taken a minute. A patch names the version that it is for."""
        seen, operation = done.case.observation, step.operation
        if isinstance(operation, Join | EnableDiscovery | ForceLeave):
            return await self._observer.is_as_seen(seen, operation.pod, operation.container)
        rolls = isinstance(operation, PatchWorkload) and operation.rolls
        return not rolls or await self._observer.answers_now(seen)

    async def _carry_out(self, resource: EMQXAutoCluster, workload: Workload, step: Step) -> Outcome:
        outcome = await self.act_unrecorded(workload, step)
        if outcome.superseded:
            return outcome
        kind = "Normal" if outcome.succeeded else "Warning"
        note = step.message if outcome.succeeded else f"{step.message}: {outcome.message}"
        if self._take_note(workload.ref, step, outcome):
            self._recorder.record(resource, workload, kind, str(step.action), "Repair", note)
        return outcome

    async def act_unrecorded(self, workload: Workload, step: Step) -> Outcome:
        """Without an Event: there is no resource that it could be about."""
        outcome = await self._effects.carry_out(step, workload, self._now())
        journal.acted(workload.ref, step, outcome.result, outcome.message)
        return outcome

    def _take_note(self, ref: WorkloadRef, step: Step, outcome: Outcome) -> bool:
        """Whether the outcome is news: a step that is refused again in the same words is none."""
        before = self._setbacks.pop(ref, None)
        if outcome.succeeded:
            return True
        now = self._setbacks[ref] = setback.after(before, step, outcome.message, self._now())
        return before is None or not before.is_of(step) or before.said != now.said


def _told(status: StatusModel, acts: list[_Act]) -> StatusModel:
    for act in acts:
        status = act.told(status)
    return status
