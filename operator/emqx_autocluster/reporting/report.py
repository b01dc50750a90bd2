"""What one pass will say in the custom resource's status: a pure function of what was seen and planned."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from emqx_autocluster.api.findings import Status
from emqx_autocluster.api.v1alpha1 import (
    Attempt,
    Discovery,
    Done,
    EMQXAutoCluster,
    Guard,
    Island,
    LastAction,
    Members,
    PlannedAction,
    Procedure,
    Rewrite,
    SeenMember,
    StatusModel,
)
from emqx_autocluster.clients.errors import one_line
from emqx_autocluster.diagnosis import Case, Findings, formation
from emqx_autocluster.diagnosis.configuration import address as api_server
from emqx_autocluster.emqx import apiaddress, discovery
from emqx_autocluster.healing import Memory, Plan, Step, guards, settle
from emqx_autocluster.healing.steps import PatchWorkload, Steer, Verdict
from emqx_autocluster.observation import Member, Unobserved
from emqx_autocluster.reporting import conditions

_MOST_LISTED = 64
_MOST_REWRITES = 5
_MOST_PAST, _MOST_COUNTED = 20, 60
"""Actions that are told, and those that a limit of one hour can have to count."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at one workload and what follows from it."""

    case: Case
    findings: Findings
    plan: Plan
    memory: Memory


def status(resource: EMQXAutoCluster, done: Pass) -> StatusModel:
    case, old = done.case, resource.status
    at = case.observation.at
    findings = conditions.complete(done.findings, done.plan.hold)
    seen = case.membership
    return StatusModel(
        observed_generation=resource.metadata.generation,
        workload_generation=case.workload.generation,
        workload_uid=case.workload.uid,
        conditions=conditions.merge(findings, old.conditions, at, resource.metadata.generation),
        members=_members(case),
        islands=tuple(_island(i) for i in seen.islands[:_MOST_LISTED]) if len(seen.islands) > 1 else (),
        stale_nodes=seen.stale[:_MOST_LISTED],
        planned_actions=tuple(_planned(step) for step in done.plan.steps[:_MOST_LISTED]),
        last_action=old.last_action,
        history=old.history,
        suspects=done.memory.suspects,
        guards=tuple(_guard(verdict) for verdict in done.plan.guards),
        discovery=_discovery(done, old.discovery),
        procedure=_procedure(done),
        original=done.memory.original,
        rewrites=done.memory.rewrites,
    )


def _members(case: Case) -> Members:
    seen = case.membership
    known = not seen.unseen and bool(seen.islands)
    return Members(
        expected=case.workload.replicas,
        ready=sum(1 for m in case.observation.each_member() if m.pod.ready and not m.pod.deleting),
        clustered=formation.clustered(case),
        stale=len(seen.stale) if seen.islands else None,
        islands=len(seen.islands) if known else None,
    )


def _island(members: Iterable[Member]) -> Island:
    return Island(pods=tuple(m.pod.name for m in members))


def _guard(verdict: Verdict) -> Guard:
    told = "Refused" if verdict.refusal else "Passed"
    return Guard(guard=verdict.guard, verdict=told, message=one_line(verdict.refusal or ""))


def _planned(step: Step) -> PlannedAction:
    return PlannedAction(action=step.action, subject=step.subject, message=step.message, command=step.command)


def _discovery(done: Pass, old: Discovery | None) -> Discovery | None:
    settings = done.case.settings
    if settings is None or isinstance(settings.strategy, Unobserved):
        return None
    address = discovery.text(settings.api_server)

    def shown(value: str | None) -> str | None:
        return None if value is None else done.case.veil.over(value)

    return Discovery(
        strategy=shown(discovery.text(settings.strategy)),
        api_server=shown(apiaddress.redacted(address)) if address and settings.uses_k8s else None,
        service_name=shown(settings.asked_service),
        namespace=shown(discovery.text(settings.namespace)) if settings.uses_k8s else None,
        address_type=shown(discovery.text(settings.address_type)) if settings.uses_k8s else None,
        dns_name=shown(settings.dns.asked) if settings.uses_dns else None,
        record_type=settings.dns.kind if settings.uses_dns else None,
        role=discovery.text(settings.role),
        unreachable=_unreachable(done.case, address) or _known_to_be_dead(done, old),
        emqx_version=str(settings.version) if settings.version.known else None,
    )


def _known_to_be_dead(done: Pass, old: Discovery | None) -> str | None:
    """As long as the repair lasts: members that it gathered do not prove that an address works which is put back."""
    return old.unreachable if old and done.memory.procedure else None


def _unreachable(case: Case, address: str | None) -> str | None:
    """Once the members are gathered nothing shows any more that the address never worked."""
    asked = api_server.problem(case)
    proven = asked is not None and asked.reason in api_server.PROVEN_BY_MEMBERS
    return case.veil.over(apiaddress.redacted(address)) if address and proven else None


def _procedure(done: Pass) -> Procedure | None:
    """Begins with the first step that is taken, ends when nothing is left and the cluster is whole."""
    case, plan, begun = done.case, done.plan, done.memory.procedure
    if begun is None and not (plan.procedure and plan.now):
        return None
    if begun is not None and _is_over(done):
        return None
    procedure = begun or Procedure(
        started_at=case.observation.at.replace(microsecond=0),
        origin="Heal" if plan.heals else "Repair",
        left_behind=() if plan.heals else settle.left_behind(case)[:_MOST_LISTED],
    )
    turned = {} if plan.heals or not plan.procedure else {"origin": "Repair"}
    return procedure.model_copy(update={"members": _seen(procedure.members, case), **turned})


def _is_over(done: Pass) -> bool:
    case, findings = done.case, done.findings
    seen = case.membership
    # While two members do not list each other no name is removed, so that none of those recorded may be forgotten.
    one = len(seen.islands) == 1 and not (seen.unseen or seen.one_sided or seen.parted)
    whole = (case.is_replicant or one) and not case.rolling
    # Its controller no longer counts a pod that is going, yet its name will be left in the cluster.
    settled = not any(member.pod.deleting for member in case.observation.each_member())
    known = all(findings[kind].status is not Status.UNKNOWN for kind in conditions.SUMMARISED)
    return not done.plan.steps and whole and settled and known


def _seen(before: Sequence[SeenMember], case: Case) -> tuple[SeenMember, ...]:
    known = {(member.uid, member.node) for member in before}
    new = (
        SeenMember(pod=m.pod.name, uid=m.pod.uid, node=m.node)
        for m in case.observation.each_member()
        if m.node and (m.pod.uid, m.node) not in known
    )
    return (*before, *new)


def after(
    old: StatusModel, step: Step, *, succeeded: bool, said: str, done: Pass, at: datetime
) -> StatusModel:
    """The status once a step was carried out: what was done last, and what later passes must know of it.

    `at`: when it was over. By the look that led to it, which may have taken a minute, guards would wait too little.
    """
    at = at.replace(microsecond=0)
    told = noted(old, step, succeeded=succeeded, said=said, at=at)
    changes: dict[str, object] = {}
    if old.procedure and told.last_action:
        attempts = _counted(old.procedure.attempts, step, told.last_action.message, done)
        changes["procedure"] = old.procedure.model_copy(update={"attempts": attempts})
    if succeeded and isinstance(step.operation, PatchWorkload | Steer):
        changes["original"] = step.operation.original
    if succeeded and isinstance(step.operation, PatchWorkload):
        rewrite = Rewrite(value=step.operation.value, time=at)
        changes["rewrites"] = (*old.rewrites, rewrite)[-_MOST_REWRITES:]
    return told.model_copy(update=changes)


def noted(old: StatusModel, step: Step, *, succeeded: bool, said: str, at: datetime) -> StatusModel:
    """The status with this step as what was done last, and in the history."""
    action = LastAction(
        action=step.action,
        subject=step.subject,
        result="Succeeded" if succeeded else "Failed",
        message=one_line(said or step.message),
        time=at.replace(microsecond=0),
    )
    past = Done(reason=step.message, **action.model_dump())
    return old.model_copy(update={"last_action": action, "history": _kept((*old.history, past), at)})


def _kept(history: Sequence[Done], at: datetime) -> tuple[Done, ...]:
    """The last ones, and of those before them what spec.healing.actionsPerHour counts."""
    before, last = history[:-_MOST_PAST], history[-_MOST_PAST:]
    counted = [d for d in before if d.action in guards.INTERRUPTING and at - d.time < guards.HOUR]
    return (*counted[-_MOST_COUNTED:], *last)


def _counted(attempts: Sequence[Attempt], step: Step, message: str, done: Pass) -> tuple[Attempt, ...]:
    before = done.memory.attempt(step.action, step.subject, done.case)
    count = (before.count if before else 0) + 1
    now = done.case.observation.at.replace(microsecond=0)
    attempt = Attempt(action=step.action, subject=step.subject, count=count, time=now, message=message)
    others = (a for a in attempts if (a.action, a.subject) != (step.action, step.subject))
    return (*others, attempt)
