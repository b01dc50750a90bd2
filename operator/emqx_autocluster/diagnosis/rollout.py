"""RolloutSafe: whether the next restart can end in a split, in a member that serves nothing, or in an empty node.

EMQX opens its listeners before it looks for its peers. A new pod is Ready first, the controller ends an
old one, and meanwhile the new one joins the oldest member that it sees, perhaps the one that is ending.
"""

from collections.abc import Iterator
from dataclasses import replace

from emqx_autocluster.api.findings import ConditionType, Finding, Reason, false, true, unknown
from emqx_autocluster.diagnosis import comeback, lastingnames
from emqx_autocluster.diagnosis.case import Case
from emqx_autocluster.diagnosis.formation import held, outsiders, replicants
from emqx_autocluster.objects import template
from emqx_autocluster.observation import Unobserved, Workload, WorkloadKind

_TYPE = ConditionType.ROLLOUT_SAFE


def check(case: Case) -> Finding:
    endangered = _endangered(case)
    if endangered:
        return endangered
    if case.settings is None or isinstance(case.settings.strategy, Unobserved):
        return unknown(_TYPE, Reason.INITIALIZING, "the discovery strategy is not known yet")
    found = problems(case)
    if found:
        return _in_one(found)
    why_not = _why_not(case)
    if why_not:
        return true(_TYPE, Reason.NOT_APPLICABLE, why_not)
    return true(
        _TYPE,
        Reason.MIN_READY_SECONDS_SUFFICIENT,
        f"minReadySeconds is {case.workload.min_ready_seconds}: a new member has"
        " joined before the next old one ends",
    )


def _in_one(found: tuple[Finding, ...]) -> Finding:
    """The first, which says what the others say besides; some of it may be for Repair."""
    told = "; besides, ".join(finding.message for finding in found)
    return replace(found[0], message=told, repairable=any(finding.repairable for finding in found))


def problems(case: Case) -> tuple[Finding, ...]:
    """What loses data is told first."""
    if case.is_replicant:
        return _pinned(case)
    unstable = lastingnames.problem(case)
    first = (unstable,) if unstable else ()
    if not case.joins_at_start:
        return first
    too_low = case.workload.min_ready_seconds < case.safe_seconds and _why_not(case) is None
    hidden = comeback.problem(case)
    return (
        *first,
        *((hidden,) if hidden else ()),
        *_all_at_once(case.workload),
        *((_too_low(case),) if too_low else ()),
    )


def _endangered(case: Case) -> Finding | None:
    """A rollout that ends its next old member although a new one has not joined, and that nobody holds."""
    watched = case.progressing and not case.held and not case.is_replicant
    outsider = None if not watched else outsiders.overdue(case, case.observation.at)
    if outsider is None or not outsiders.ends_more(case):
        return None
    told = f"the rollout goes on, although {outsider.told}: {_next(case)}; stop it with: {held.stop(case.workload)}"
    if not outsider.seen:
        return unknown(_TYPE, Reason.ROLLOUT_ENDANGERED, told)
    return false(_TYPE, Reason.ROLLOUT_ENDANGERED, told)


def _next(case: Case) -> str:
    """Which member Kubernetes ends next, as far as that can be told, and when."""
    workload = case.workload
    when = f"once it was Ready for {workload.min_ready_seconds} s"
    old = outsiders.old_members(case)
    if workload.ref.kind is WorkloadKind.STATEFUL_SET and old:
        return f"{when} Kubernetes ends {old[-1].pod.name}"
    left = workload.status_replicas - workload.updated_replicas
    return f"{when} Kubernetes ends the next of {left} pods of the old template"


def _why_not(case: Case) -> str | None:
    """Why minReadySeconds does not matter; None: it does."""
    workload = case.workload
    if case.is_replicant:
        return "a replicant is Ready only once it has a core, and joins nobody"
    for applies, why in (
        (case.joins_at_start, "by this strategy no member that starts joins another"),
        (workload.replicas > 1, f"{'one' if workload.replicas else 'no'} replica has nobody to join"),
        (
            workload.strategy == "RollingUpdate",
            f"strategy {workload.strategy} does not replace pods one by one",
        ),
    ):
        if not applies:
            return why
    return None


def _pinned(case: Case) -> tuple[Finding, ...]:
    """A join succeeds on a replicant, and what it wrote down replaces discovery for good."""
    found = [m for m in case.membership.replicants if isinstance(m.pinned_to, str)]
    return tuple(
        false(
            _TYPE,
            Reason.PINNED_TO_CORE,
            f"{m.pod.name} was told to join {m.pinned_to}, and looks for that core alone instead of discovering them:"
            " it serves nothing once that one is gone; let it discover again (its devices reconnect):"
            f" {replicants.leave_command(case, m)}",
        )
        for m in found
    )


def right_seconds(case: Case) -> int:
    """The minReadySeconds that Repair sets: what the resource asks for, and never less than what is safe."""
    return max(case.spec.repair.min_ready_seconds or 0, case.safe_seconds)


def fits_the_deadline(case: Case) -> bool:
    """Kubernetes refuses a minReadySeconds that is not below progressDeadlineSeconds."""
    deadline = case.workload.progress_deadline_seconds
    return deadline is None or right_seconds(case) < deadline


def _all_at_once(workload: Workload) -> Iterator[Finding]:
    if workload.replicas < 2 or workload.ref.kind is not WorkloadKind.DEPLOYMENT:  # noqa: PLR2004 - who has others
        return
    if workload.strategy == "Recreate":
        seen, cure, field = "strategy.type is Recreate", "set it to RollingUpdate", "strategy.type"
    elif workload.strategy == "RollingUpdate" and workload.away >= workload.replicas:
        seen = f"maxUnavailable is {workload.max_unavailable} with {workload.replicas} replicas"
        cure, field = "set it to 0, and maxSurge to 1", template.MAX_UNAVAILABLE
    else:
        return
    yield false(
        _TYPE,
        Reason.ALL_REPLACED_AT_ONCE,
        f"{seen}: each rollout ends all members at once, so that every device is offline until new ones are up, and"
        f" what only the pods hold is lost (retained messages, sessions, users made at run time); {cure}",
        field=field,
    )


def _too_low(case: Case) -> Finding:
    message = (
        f"minReadySeconds is {case.workload.min_ready_seconds}, it should be at least {case.safe_seconds}: in a rolling"
        " restart a new pod counts as available before it has joined, and may join the member that ends next"
    )
    if not fits_the_deadline(case):
        deadline = case.workload.progress_deadline_seconds
        message += f"; progressDeadlineSeconds is {deadline} and must be raised first"
    return false(
        _TYPE,
        Reason.MIN_READY_SECONDS_TOO_LOW,
        message,
        repairable=fits_the_deadline(case),
        field=template.MIN_READY_SECONDS,
    )
