"""`heal`: what mode Heal would do about a workload's damage, by the hand of a person and with the person's rights."""

import asyncio
import sys
from datetime import datetime, timedelta

import typer

from emqx_autocluster import diagnosis
from emqx_autocluster.api import annotations
from emqx_autocluster.api.findings import ConditionType
from emqx_autocluster.api.v1alpha1 import EMQXAutoCluster, Metadata, Spec, StatusModel, TargetRef, seconds
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import Forbidden
from emqx_autocluster.clients.exec import Exec
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.commands import damage, terminal
from emqx_autocluster.commands.damage import Verdict
from emqx_autocluster.commands.targets import TargetError, parse_target
from emqx_autocluster.effects import Effects
from emqx_autocluster.healing import Action, Step, suspects
from emqx_autocluster.observation import Workload
from emqx_autocluster.observer import Depth, Observer, connection
from emqx_autocluster.reporting import report
from emqx_autocluster.reporting.report import Pass
from emqx_autocluster.reporting.resources import Resources
from emqx_autocluster.settings import Settings

_SETTLES = timedelta(minutes=2)
"""So long after a step a member may answer nothing that can be used: to join, it stops its applications."""


async def heal(
    settings: Settings, namespace: str, text: str, *, action: Action | None, dry_run: bool, yes: bool
) -> Verdict:
    """Until nothing is left to do, a guard refuses that no waiting helps, or the person says no."""
    ref = parse_target(namespace, text)
    async with connection.connect(settings, deadline=connection.FOR_PEOPLE) as kube:
        emqx_ctl = EmqxCtl(Exec(kube, settings.execs))
        observer = connection.observer(kube, emqx_ctl, settings)
        workload = await observer.workload(ref)
        if workload is None:
            raise TargetError(f"{ref} does not exist in namespace {ref.namespace}")
        resource = await _resource(kube, workload, action)
        healer = _Healer(observer, Effects(kube, emqx_ctl), settings.min_ready_seconds, resource, action)
        if dry_run or not (yes or sys.stdin.isatty()):
            done = await healer.look(workload)
            _show(done, action)
            return damage.verdict(done)
        at_work = damage.busy(annotations.parse(workload.annotations), resource.status)
        if at_work:
            pause = f"kubectl annotate -n {ref.namespace} {ref} {annotations.PAUSED}=true"
            raise TargetError(f"{ref}: {at_work}; to act by hand pause it first: {pause}")
        return await healer.work(workload, yes=yes)


async def _resource(kube: Kube, workload: Workload, action: Action | None) -> EMQXAutoCluster:
    """The workload's own, with what it remembers; where there is none, or it may not be read, the defaults."""
    ref = workload.ref
    try:
        found = await Resources(kube).find(ref)
    except Forbidden:
        found = None
    if found is None:
        metadata = Metadata(name=ref.name, namespace=ref.namespace)
        found = EMQXAutoCluster(
            metadata=metadata,
            spec=Spec(target_ref=TargetRef(kind=ref.kind, name=ref.name)),
            status=StatusModel(),
        )
    return found.model_copy(update={"spec": damage.spec_by_hand(found.spec, action)})


class _Healer:
    def __init__(
        self,
        observer: Observer,
        effects: Effects,
        safe_seconds: int,
        resource: EMQXAutoCluster,
        action: Action | None,
    ) -> None:
        self._observer = observer
        self._effects = effects
        self._safe_seconds = safe_seconds
        self._resource = resource
        self._action = action
        self._acted: datetime | None = None

    async def work(self, workload: Workload, *, yes: bool) -> Verdict:
        pause, told = seconds(self._resource.spec.verification.suspicious_interval), ""
        while True:
            done = await self.look(workload)
            step = damage.step_of(done.plan, self._action)
            if step is not None:
                await self._take(step, done, yes=yes)
                continue
            if not self._may_change(done):
                _show(done, self._action)
                return damage.verdict(done)
            why = done.plan.hold.message if done.plan.hold else ""
            if why != told:
                terminal.line(f"waiting: {why}")
                told = why
            await asyncio.sleep(pause)

    def _may_change(self, done: Pass) -> bool:
        """Whether to look again a moment later is enough."""
        at, acted = done.case.observation.at, self._acted
        if not suspects.is_known(done.case) and acted and at - acted < _SETTLES:
            return True
        return damage.verdict(done) is Verdict.DUE and damage.passes_with_time(done.plan)

    async def look(self, workload: Workload) -> Pass:
        """With the memory of the looks before; it is kept here alone, and nothing is written for it."""
        workload = await self._observer.workload(workload.ref) or workload
        options = damage.options_by_hand(annotations.parse(workload.annotations))
        name, spec = self._resource.metadata.name, self._resource.spec
        seen = await self._observer.observe(
            workload, name, options, self._observer.now(), Depth(thorough=True)
        )
        case = diagnosis.build(seen, options, spec, safe_seconds=self._safe_seconds)
        done = damage.judged(case, self._resource.status)
        self._remember(report.status(self._resource, done))
        return done

    async def _take(self, step: Step, done: Pass, *, yes: bool) -> None:
        _tell(step)
        if not yes:
            typer.confirm("Go on?", abort=True)
        outcome = await self._effects.carry_out(step, done.case.workload, self._observer.now())
        self._acted = self._observer.now()
        terminal.line(f"  {'done' if outcome.succeeded else 'failed'} {outcome.message}".rstrip())
        self._remember(
            report.after(
                self._resource.status,
                step,
                succeeded=outcome.succeeded,
                said=outcome.message,
                done=done,
                at=self._acted,
            )
        )

    def _remember(self, status: StatusModel) -> None:
        self._resource = self._resource.model_copy(update={"status": status})


def _tell(step: Step) -> None:
    terminal.line(f"{step.action} {step.subject}: {step.message}")
    if step.command:
        terminal.line(f"  {step.command}")


def _show(done: Pass, action: Action | None) -> None:
    plan = done.plan
    steps = [step for step in plan.steps if step.action in damage.ACTIONS]
    for step in steps:
        _tell(step)
    for verdict in plan.guards:
        terminal.line(f"  {'✗' if verdict.refusal else '✓'} {verdict.guard} {verdict.refusal or ''}".rstrip())
    hold = damage.hold_of(plan, action)
    if hold:
        terminal.line(f"{hold.reason}: {hold.message}")
    elif damage.verdict(done) is Verdict.WELL:
        terminal.line("nothing is to be healed")
    elif not steps:
        terminal.line(f"it cannot be told: {done.findings[ConditionType.CLUSTER_FORMED].message}")
