"""Carries out a step, tells what came of it, and remembers what failed."""

from collections.abc import Callable
from datetime import datetime

from emqx_autocluster.api.v1alpha1 import EMQXAutoCluster
from emqx_autocluster.effects import Effects, Outcome
from emqx_autocluster.healing import Setback, Step, setback
from emqx_autocluster.observation import Workload, WorkloadRef
from emqx_autocluster.reporting import journal
from emqx_autocluster.reporting.events import Recorder


class Actor:
    def __init__(self, effects: Effects, recorder: Recorder, now: Callable[[], datetime]) -> None:
        self._effects = effects
        self._recorder = recorder
        self._now = now
        self._setbacks: dict[WorkloadRef, Setback] = {}

    def setback(self, ref: WorkloadRef) -> Setback | None:
        """The step that failed last, until one succeeds."""
        return self._setbacks.get(ref)

    def forget(self, ref: WorkloadRef) -> None:
        self._setbacks.pop(ref, None)

    async def act(self, resource: EMQXAutoCluster, workload: Workload, step: Step) -> Outcome:
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
