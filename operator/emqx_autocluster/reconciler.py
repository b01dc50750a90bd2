"""One pass over one workload: observe → diagnose → plan → report → act. Here the whole way can be read."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from emqx_autocluster import annotations, conditions, diagnosis, events, healing, report, schedule, template
from emqx_autocluster.annotations import Mode, WorkloadOptions
from emqx_autocluster.clients.errors import Forbidden, Invalid
from emqx_autocluster.effects import Effects, Outcome
from emqx_autocluster.events import Recorder
from emqx_autocluster.findings import ConditionType, Finding, Reason, Status
from emqx_autocluster.healing import Memory, Setback, Step, setback
from emqx_autocluster.observation import Workload, WorkloadRef
from emqx_autocluster.observer import Depth, Observer
from emqx_autocluster.report import Pass
from emqx_autocluster.resources import Resources, is_of, is_ours
from emqx_autocluster.v1alpha1 import EMQXAutoCluster, StatusModel

logger = logging.getLogger(__name__)


class Reconciler:
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
        self._refusals: dict[WorkloadRef, str] = {}

    async def reconcile(self, ref: WorkloadRef, *, changed: bool) -> float | None:
        """Seconds until the next look; None: nothing to look at. `changed`: an event brought us here."""
        workload, resource = await asyncio.gather(self._observer.workload(ref), self._resources.find(ref))
        if workload is None or not is_enrolled(workload):
            await self._opt_out(ref, workload, resource)
            return None
        if resource is None:
            resource = await self._created(workload)
        elif resource.metadata.deletion_timestamp:
            return None  # its deletion brings another event
        elif is_ours(resource) and not is_of(resource, workload):
            resource = await self._resources.renew(resource, workload)
        return await self._pass(workload, resource, changed=changed)

    async def _created(self, workload: Workload) -> EMQXAutoCluster:
        """Without it nothing can be told but by an event: one for each new word of the refusal."""
        try:
            resource = await self._resources.create(workload)
        except (Forbidden, Invalid, LookupError) as error:
            if self._refusals.get(workload.ref) != str(error):
                self._refusals[workload.ref] = str(error)
                note = f"no EMQXAutoCluster can be made for it, so that nothing is looked after: {error}"
                self._recorder.record(None, workload, "Warning", str(Reason.ACTION_FAILED), "Create", note)
            raise
        self._refusals.pop(workload.ref, None)
        return resource

    async def _opt_out(
        self, ref: WorkloadRef, workload: Workload | None, resource: EMQXAutoCluster | None
    ) -> None:
        self._observer.forget(ref)
        self._setbacks.pop(ref, None)
        self._refusals.pop(ref, None)
        if resource is None:
            return
        if is_ours(resource):
            await self._resources.delete(resource)
            logger.info("no longer enrolled", extra={"workload": str(ref), "namespace": ref.namespace})
            if workload and resource.status.procedure:
                note, reason = _left_open(ref, resource.status), str(Reason.NOT_ENROLLED)
                self._recorder.record(resource, workload, "Warning", reason, "Leave", note)
            return
        found = _absent(ref) if workload is None else _not_enrolled(ref)
        ready = replace(found, type=ConditionType.READY)
        generation = resource.metadata.generation
        merged = conditions.merge((ready, found), resource.status.conditions, self._now(), generation)
        await self._write(resource, StatusModel(observed_generation=generation, conditions=merged))

    async def _pass(self, workload: Workload, resource: EMQXAutoCluster, *, changed: bool) -> float:
        options = annotations.parse(workload.annotations)
        resource = _remembering(resource, workload)
        done = await self._look(workload, resource, options, changed=changed)
        resource = await self._report(resource, workload, report.status(resource, done))
        if not done.plan.now:
            return schedule.next_look(resource, done)
        status = resource.status
        for step in done.plan.now:
            outcome = await self._act(resource, workload, step)
            if not outcome.superseded:
                status = report.after(
                    status, step, succeeded=outcome.succeeded, said=outcome.message, done=done
                )
            if not outcome.succeeded:
                break
        await self._write(resource, status)
        return schedule.AT_ONCE

    async def _look(
        self, workload: Workload, resource: EMQXAutoCluster, options: WorkloadOptions, *, changed: bool
    ) -> Pass:
        observation = await self._observer.observe(
            workload,
            resource.metadata.name,
            options,
            self._now(),
            _depth(resource, changed=changed),
        )
        told = resource.status.discovery
        case = diagnosis.build(observation, options, resource.spec, told.unreachable if told else None)
        findings = diagnosis.diagnose(case)
        original = workload.annotations.get(annotations.ORIGINAL) or resource.status.original
        # Who sets Observe after a rollback, or by `revert`, and Repair later, asks for the repair anew.
        # By our own copy: the annotation of a StatefulSet outlives that, too.
        undone = options.mode is not Mode.OBSERVE and template.is_undone(workload, resource.status.original)
        kept = original if undone else template.still_held(workload, original)
        failed = self._setbacks.get(workload.ref)
        memory = Memory(resource.status.procedure, resource.status.rewrites, kept, undone, failed)
        return Pass(case, findings, healing.plan(case, findings, memory), memory)

    async def _report(
        self, resource: EMQXAutoCluster, workload: Workload, status: StatusModel
    ) -> EMQXAutoCluster:
        old = resource.status
        resource = await self._write(resource, status)
        for condition in events.transitions(old.conditions, status.conditions):
            self._recorder.transition(resource, workload, condition)
        return resource

    async def _write(self, resource: EMQXAutoCluster, status: StatusModel) -> EMQXAutoCluster:
        """A healthy workload causes no write."""
        return resource if status == resource.status else await self._resources.write_status(resource, status)

    async def _act(self, resource: EMQXAutoCluster, workload: Workload, step: Step) -> Outcome:
        outcome = await self._effects.carry_out(step, workload, self._now())
        fields = {
            "workload": str(workload.ref),
            "namespace": workload.ref.namespace,
            "action": str(step.action),
        }
        if outcome.superseded:
            logger.info("superseded: %s", outcome.message, extra=fields)
            return outcome
        news = self._take_note(workload.ref, step, outcome)
        kind = "Normal" if outcome.succeeded else "Warning"
        note = step.message if outcome.succeeded else f"{step.message}: {outcome.message}"
        logger.log(logging.INFO if outcome.succeeded else logging.WARNING, note, extra=fields)
        if news:
            self._recorder.record(resource, workload, kind, str(step.action), "Repair", note)
        return outcome

    def _take_note(self, ref: WorkloadRef, step: Step, outcome: Outcome) -> bool:
        """Whether the outcome is news: a step that is refused again in the same words is none."""
        before = self._setbacks.pop(ref, None)
        if outcome.succeeded:
            return True
        now = self._setbacks[ref] = setback.after(before, step, outcome.message, self._now())
        return before is None or not before.is_of(step) or before.said != now.said


def is_enrolled(workload: Workload) -> bool:
    """Also with the annotation in the wrong place, so that there is a condition which says so."""
    return annotations.MODE in workload.annotations or annotations.MODE in workload.template.annotations


def _remembering(resource: EMQXAutoCluster, workload: Workload) -> EMQXAutoCluster:
    """Without what its status tells of an earlier workload of this name: a user's own resource outlives that."""
    if resource.status.workload_uid in {None, workload.uid}:
        return resource
    return resource.model_copy(update={"status": StatusModel(conditions=resource.status.conditions)})


def _depth(resource: EMQXAutoCluster, *, changed: bool) -> Depth:
    ready = any(c.type == ConditionType.READY and c.status == "True" for c in resource.status.conditions)
    return Depth(
        thorough=changed or schedule.is_suspicious(resource.status),
        count_devices=resource.spec.repair.rollout == "Manual" and not ready,
        dial_ports=schedule.is_suspicious(resource.status),
    )


def _absent(ref: WorkloadRef) -> Finding:
    return Finding(
        ConditionType.ACCEPTED,
        Status.FALSE,
        Reason.TARGET_NOT_FOUND,
        f"{ref} does not exist in namespace {ref.namespace}; create it, or delete this EMQXAutoCluster",
    )


def _left_open(ref: WorkloadRef, status: StatusModel) -> str:
    """The status goes with the resource, so this is the last word."""
    steps = ", ".join(f"{step.action} {step.subject}" for step in status.planned_actions)
    return (
        f"the annotation {annotations.MODE} is gone in the middle of a repair (kubectl rollout undo takes it away if"
        f" the revision is older than it), so all stays as it is; open: {steps or 'the end of the rollout'};"
        f" go on with: kubectl annotate -n {ref.namespace} {ref} {annotations.MODE}=Repair"
    )


def _not_enrolled(ref: WorkloadRef) -> Finding:
    command = f"kubectl annotate -n {ref.namespace} {ref} {annotations.MODE}=Observe"
    return Finding(
        ConditionType.ACCEPTED,
        Status.FALSE,
        Reason.NOT_ENROLLED,
        f"{ref} does not carry the annotation {annotations.MODE}; enrol it with: {command}",
    )
