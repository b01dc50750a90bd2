"""One pass over one workload: observe → diagnose → plan → report → act. Here the whole way can be read."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from emqx_autocluster import diagnosis, healing, metrics
from emqx_autocluster.api import annotations
from emqx_autocluster.api.annotations import WorkloadOptions
from emqx_autocluster.api.findings import ConditionType, Finding, Reason
from emqx_autocluster.api.v1alpha1 import EMQXAutoCluster, StatusModel
from emqx_autocluster.clients.errors import Forbidden, Invalid
from emqx_autocluster.diagnosis import Case, Findings
from emqx_autocluster.effects import Effects
from emqx_autocluster.healing import Memory, brake, suspects
from emqx_autocluster.observation import Observation, Workload, WorkloadRef
from emqx_autocluster.observer import Depth, Observer
from emqx_autocluster.reporting import conditions, events, journal, report, series
from emqx_autocluster.reporting.events import Recorder
from emqx_autocluster.reporting.report import Pass
from emqx_autocluster.reporting.resources import Resources, is_of, is_ours
from emqx_autocluster.runtime import schedule, unattended
from emqx_autocluster.runtime.actor import Actor
from emqx_autocluster.runtime.brakeman import Brakeman
from emqx_autocluster.runtime.fleet import Fleet
from emqx_autocluster.runtime.schedule import Appointment
from emqx_autocluster.settings import SAFE_MIN_READY_SECONDS

logger = logging.getLogger(__name__)


class Reconciler:
    def __init__(
        self,
        observer: Observer,
        effects: Effects,
        resources: Resources,
        recorder: Recorder,
        brakeman: Brakeman,
        safe_seconds: int = SAFE_MIN_READY_SECONDS,
    ) -> None:
        self._observer = observer
        self._resources = resources
        self._recorder = recorder
        self._brakeman = brakeman
        self._now = observer.now
        self._actor = Actor(observer, effects, resources, recorder, observer.now)
        self._safe_seconds = safe_seconds
        self._refusals: dict[WorkloadRef, str] = {}
        self._appointments: dict[WorkloadRef, Appointment] = {}
        self._fleet = Fleet()
        # One: more of them would leave the event loop no more than its share of the interpreter.
        self._judge = ThreadPoolExecutor(1, "judge")

    async def reconcile(self, ref: WorkloadRef, *, changed: bool) -> float | None:
        """Seconds until the next look; None: nothing to look at. `changed`: an event brought us here."""
        try:
            return await self._turn(ref, changed=changed)
        except Exception:
            self._fleet.lose_sight(ref)
            raise

    async def _turn(self, ref: WorkloadRef, *, changed: bool) -> float | None:
        appointment, at = self._appointments.pop(ref, None), self._now()
        if appointment and not changed and appointment.wait(at, self._fleet.pulse) > 0:
            differences = await self._observer.pulse_differences(ref)
            if differences == ():
                self._appointments[ref] = appointment
                metrics.WORKLOADS.verified(series.key(ref), self._now().timestamp())
                return appointment.wait(self._now(), self._fleet.pulse)
            changed = bool(differences)
            if differences:
                told = "the members are asked, since %s"
                logger.info(told, "; ".join(differences), extra=journal.of(ref))
        workload, resource = await asyncio.gather(self._observer.workload(ref), self._resources.find(ref))
        if workload is None or not is_enrolled(workload):
            return await self._opt_out(ref, workload, resource)
        if resource is None:
            resource = await self._created(workload)
        elif resource.metadata.deletion_timestamp:
            return None  # its deletion brings another event
        elif is_ours(resource) and not is_of(resource, workload):
            resource = await self._resources.renew(resource, workload)
        if self._fleet.is_new(ref):
            believed = not changed and schedule.is_believed(resource, workload)
            wait = self._fleet.until_first_look(ref, at) if believed else 0.0
            if wait:
                return wait
            self._fleet.meets(ref)
            changed = True
        await self._tell_others(ref, resource)
        return await self._pass(workload, resource, changed=changed)

    async def _tell_others(self, ref: WorkloadRef, counting: EMQXAutoCluster) -> None:
        """Whoever makes a second resource for a workload takes nothing over, and is told."""
        for name in self._resources.untold(ref, counting.metadata.name):
            other = await self._resources.read(ref, name)
            if other is not None:
                await self._say(other, unattended.outranked(ref, counting.metadata.name))

    async def _created(self, workload: Workload) -> EMQXAutoCluster:
        """Without it nothing can be told but by an event."""
        try:
            resource = await self._resources.create(workload)
        except (Forbidden, Invalid, LookupError) as error:
            note = f"no EMQXAutoCluster can be made for it, so that nothing is looked after: {error}"
            self._complain(workload, "Create", note)
            raise
        self._refusals.pop(workload.ref, None)
        return resource

    def _complain(self, workload: Workload, action: str, note: str) -> None:
        """By an event, once for each new word."""
        if self._refusals.get(workload.ref) != note:
            self._refusals[workload.ref] = note
            self._recorder.record(None, workload, "Warning", str(Reason.ACTION_FAILED), action, note)

    async def _opt_out(
        self, ref: WorkloadRef, workload: Workload | None, resource: EMQXAutoCluster | None
    ) -> float | None:
        if workload and not await self._let_go(workload):
            return schedule.AGAIN
        self.forget(ref)
        if resource is None:
            return None
        if is_ours(resource):
            await self._resources.delete(resource)
            logger.info("no longer enrolled", extra=journal.of(ref))
            if workload and resource.status.procedure:
                note, reason = unattended.left_open(ref, resource.status), str(Reason.NOT_ENROLLED)
                self._recorder.record(resource, workload, "Warning", reason, "Leave", note)
            return None
        await self._say(
            resource, unattended.absent(ref) if workload is None else unattended.not_enrolled(ref)
        )
        return None

    def forget(self, ref: WorkloadRef) -> None:
        """Nothing is claimed any more of a workload that is not looked at."""
        self._observer.forget(ref)
        metrics.WORKLOADS.forget(series.key(ref))
        self._fleet.forget(ref)
        self._actor.forget(ref)
        self._refusals.pop(ref, None)
        self._appointments.pop(ref, None)
        self._brakeman.leave(ref)

    async def _say(self, resource: EMQXAutoCluster, found: Finding) -> None:
        """Nothing but this, of a resource by which nothing is looked after."""
        ready = replace(found, type=ConditionType.READY)
        generation = resource.metadata.generation
        merged = conditions.merge((ready, found), resource.status.conditions, self._now(), generation)
        await self._write(resource, StatusModel(observed_generation=generation, conditions=merged))

    async def _let_go(self, workload: Workload) -> bool:
        """A rollout that we hold is given back with its originals: nobody would ever let it go on."""
        step = brake.parting(workload)
        if step is None:
            return True
        outcome = await self._actor.act_unrecorded(workload, step)
        if not (outcome.succeeded or outcome.superseded):
            note = f"its rollout is still held, since that could not be taken back: {outcome.message}; {step.command}"
            self._complain(workload, str(step.action), note)
        return outcome.succeeded

    async def _pass(self, workload: Workload, resource: EMQXAutoCluster, *, changed: bool) -> float:
        self._brakeman.watch(workload)
        options = annotations.parse(workload.annotations)
        resource = _remembering(await self._actor.write_down(resource, workload.ref), workload)
        done = await self._look(workload, resource, options, changed=changed)
        self._fleet.sees(workload.ref)
        status = report.status(resource, done)
        metrics.WORKLOADS.note(series.key(workload.ref), series.state(status, done))
        for verdict in done.plan.guards:
            if verdict.refusal:
                metrics.REFUSALS.labels(verdict.guard).inc()
        resource = await self._report(resource, workload, status)
        if not done.plan.now:
            return self._wait(resource, done)
        complete = await self._actor.act(resource, workload, done)
        self._fleet.acts(workload.ref, self._now())
        return schedule.AT_ONCE if complete else schedule.AGAIN

    def _wait(self, resource: EMQXAutoCluster, done: Pass) -> float:
        """Until the next look, or the next pulse where one will do."""
        wait, ref = schedule.next_look(resource, done, self._fleet.around), done.case.workload.ref
        self._fleet.follows(ref, done.case.observation.pulses)
        pulse = self._fleet.pulse
        appointment = schedule.appointment(resource, wait, done, pulse)
        if appointment is None:
            return wait
        soon = appointment.wait(done.case.observation.at, pulse)
        if self._observer.knows_its_pulse(ref):
            self._appointments[ref] = appointment
            return soon
        return soon if self._observer.missed_its_pulse(ref) else wait

    async def _look(
        self, workload: Workload, resource: EMQXAutoCluster, options: WorkloadOptions, *, changed: bool
    ) -> Pass:
        """Remembered answers are enough to see that nothing is new, and for a join that follows another."""
        depth = schedule.depth(resource, changed=changed)
        done = await self._looked(workload, resource, options, depth)
        if not depth.believed or not schedule.needs_whole_look(resource, done):
            return done
        return await self._looked(workload, resource, options, schedule.whole(resource))

    async def _looked(
        self, workload: Workload, resource: EMQXAutoCluster, options: WorkloadOptions, depth: Depth
    ) -> Pass:
        observation = await self._observer.observe(
            workload, resource.metadata.name, options, self._now(), depth
        )
        # One workload's judgement may take long, and what else is to be done does not wait for it.
        judging = partial(self._judged, observation, options, resource)
        case, findings = await asyncio.get_running_loop().run_in_executor(self._judge, judging)
        before = self._fleet.still_counting(workload.ref, resource.status.suspects)
        suspected = suspects.noted(before, case)
        self._fleet.note(workload.ref, damaged=any(s.kind != suspects.STALE_NODE for s in suspected))
        memory = Memory.of(workload, resource.status, options, self._actor.setback(workload.ref))
        memory = replace(memory, suspects=suspected, fleet=self._fleet.refusal(workload.ref, self._now()))
        return Pass(case, findings, healing.plan(case, findings, memory, self._now()), memory)

    def _judged(
        self, observation: Observation, options: WorkloadOptions, resource: EMQXAutoCluster
    ) -> tuple[Case, Findings]:
        told = resource.status.discovery
        unreachable = told.unreachable if told else None
        case = diagnosis.build(observation, options, resource.spec, unreachable, self._safe_seconds)
        return case, diagnosis.diagnose(case)

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
        if status == resource.status:
            return resource
        written = await self._resources.write_status(resource, status)
        journal.changed(resource, status.conditions)
        return written


def is_enrolled(workload: Workload) -> bool:
    """Also with the annotation in the wrong place, so that there is a condition which says so."""
    return annotations.MODE in workload.annotations or annotations.MODE in workload.template.annotations


def _remembering(resource: EMQXAutoCluster, workload: Workload) -> EMQXAutoCluster:
    """Without what its status tells of an earlier workload of this name: a user's own resource outlives that."""
    if resource.status.workload_uid in {None, workload.uid}:
        return resource
    return resource.model_copy(update={"status": StatusModel(conditions=resource.status.conditions)})
