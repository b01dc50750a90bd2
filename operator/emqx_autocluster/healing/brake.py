"""The brake: no rollout ends an old member before the new one has joined and serves, whatever breaks.

Mode Repair answers for its own rollouts, mode Heal for any. A StatefulSet is walked: `partition` lets one member be
replaced, and is lowered by one whenever all have joined. The patch that begins a rollout of our own sets it; in that of
another hand it is set as soon as it is seen. It holds without an operator, too. A Deployment has no such field; it is
paused when a new member is about to count as available and has not joined. Holding is the safe side, so that it needs
no proof; going on does.
"""

from datetime import datetime
from typing import Any

from emqx_autocluster.api.annotations import ORIGINAL, Mode
from emqx_autocluster.diagnosis import Case, rollout
from emqx_autocluster.diagnosis.formation import held, outsiders
from emqx_autocluster.healing.memory import Memory
from emqx_autocluster.healing.steps import Action, Steer, Step
from emqx_autocluster.objects import steering, template
from emqx_autocluster.objects.recorded import Changes, FieldChange
from emqx_autocluster.observation import Workload, WorkloadKind

_ENOUGH = 8
"""Seconds of minReadySeconds in which a member that does not join can be seen, and the rollout held."""


def sees_through(case: Case, memory: Memory) -> bool:
    """Whether this rollout is the operator's to hold: in mode Repair its own, in mode Heal also that of another hand.

    Unless the old members are no cluster: then nothing of them could be lost that the rollout may be meant to mend.
    """
    own = memory.rolled and not memory.heals
    another = case.options.mode is Mode.HEAL and not outsiders.old_stand_alone(case)
    return not memory.undone and (case.held or own or another)


def step(case: Case, memory: Memory, now: datetime) -> Step | None:
    """What has to be done now with the rollout itself; before all else, since a member may be about to end."""
    if case.is_replicant:
        return None  # it is Ready only once it has a core, and has no data that could be lost
    steered = steering.in_force(case.workload)
    if memory.undone and steered:
        return _give_back(case.workload, memory.original, steered, "the change was rolled back")
    holding = steering.holding(case.workload)
    if holding:
        return _onward(case, memory, holding) if _has_caught_up(case) and outsiders.is_whole(case) else None
    if not case.workload.rolling:
        return _over(case, memory, steered)
    if not sees_through(case, memory) or steering.let_go(case.workload) or not _can_be_held(case):
        return None
    outsider = outsiders.overdue(case, now)
    why = outsider.told if outsider else _why_walked(case)
    return _hold(case, memory, why) if why else None


def _over(case: Case, memory: Memory, steered: Changes) -> Step | None:
    """What was steered is put back; and who took the brake off did it for that one rollout."""
    released = steering.let_go(case.workload) if case.options.may_repair else ()
    if not (steered or released) or not outsiders.is_whole(case):
        return None
    return _give_back(case.workload, memory.original, (*steered, *released), "it is over")


def _can_be_held(case: Case) -> bool:
    """What its user has paused, or given a partition, is the user's to steer."""
    workload = case.workload
    return (
        workload.strategy == "RollingUpdate"
        and workload.rolling
        and not workload.paused
        and workload.partition == 0
        and outsiders.ends_more(case)
    )


def _why_walked(case: Case) -> str | None:
    """A StatefulSet is held before anything goes wrong; but for its last member, once all others are whole."""
    if case.workload.ref.kind is not WorkloadKind.STATEFUL_SET or case.workload.replicas <= 1:
        return None
    if len(outsiders.old_members(case)) == 1 and outsiders.is_whole(case):
        return None
    return "one member is replaced at a time, and the next one once all have joined"


def _has_caught_up(case: Case) -> bool:
    """Whether the controller has done what it was let; a paused one does nothing."""
    return case.workload.paused or case.workload.all_updated


def _hold(case: Case, memory: Memory, why: str) -> Step:
    workload = case.workload
    if workload.ref.kind is WorkloadKind.DEPLOYMENT:
        change = FieldChange(template.PAUSED, None, now=True)
    else:
        lowest = outsiders.last_old(case) + 1
        change = FieldChange(template.PARTITION, workload.partition, min(lowest, workload.replicas - 1))
    return _steer(case, memory, change, Action.HOLD_ROLLOUT, f"hold the rollout: {why}")


def _onward(case: Case, memory: Memory, holding: FieldChange) -> Step:
    """One more member of a StatefulSet; all that are left of a Deployment, as long as each joins in time."""
    workload, why = case.workload, "all members have joined"
    lower = min(workload.partition, workload.replicas) - 1
    if holding.field == template.PARTITION and lower > holding.was:
        lowered = FieldChange(template.PARTITION, workload.partition, lower)
        message = f"let the rollout go on: {why}"
        return _steer(case, memory, lowered, Action.CONTINUE_ROLLOUT, message)
    return _give_back(workload, memory.original, (holding,), why)


def parting(workload: Workload) -> Step | None:
    """On opting out: what nobody looks after any more must not stay held."""
    changes = steering.in_force(workload)
    original = workload.annotations.get(ORIGINAL)
    return _give_back(workload, original, changes, "it is no longer enrolled") if changes else None


def _give_back(workload: Workload, original: str | None, changes: Changes, why: str) -> Step:
    names = ", ".join(change.field.rpartition(".")[2] for change in changes)
    body = template.give_back(workload, [change.field for change in changes], original)
    operation = Steer(body, _recorded(body))
    return _step(workload, Action.CONTINUE_ROLLOUT, f"put {names} of the rollout back: {why}", operation)


def _steer(case: Case, memory: Memory, change: FieldChange, action: Action, message: str) -> Step:
    body = template.steer(case.workload, (change,), memory.original)
    return _step(case.workload, action, message, Steer(body, _recorded(body)))


def _step(workload: Workload, action: Action, message: str, operation: Steer | None) -> Step:
    ref = workload.ref
    command = held.release(ref) if action is Action.CONTINUE_ROLLOUT else held.stop(workload)
    return Step(action, f"{ref.kind}/{ref.name}", message, command, operation)


def _recorded(body: dict[str, Any]) -> str | None:
    original: str | None = body["metadata"]["annotations"][ORIGINAL]
    return original


def preview(case: Case) -> tuple[Step, ...]:
    """What is left of a rollout that is held, for the plan."""
    message = "let the rollout go on, once every pod is Ready and every member has joined"
    return (_step(case.workload, Action.CONTINUE_ROLLOUT, message, None),) if case.held else ()


def guard(case: Case) -> Changes:
    """What the patch that begins a rollout sets beside its own changes, so that one member is replaced at a time."""
    workload = case.workload
    if workload.replicas <= 1 or workload.strategy != "RollingUpdate" or case.is_replicant:
        return ()
    if workload.ref.kind is WorkloadKind.STATEFUL_SET:
        return (FieldChange(template.PARTITION, workload.partition, workload.replicas - 1),)
    return _narrowed(workload)


def _narrowed(workload: Workload) -> Changes:
    """One pod more, and none less, where one more pod than usual surely finds a place."""
    if workload.surge == 0 or workload.template.keeps_apart or workload.max_surge is None:
        return ()
    found = []
    if workload.surge != 1:
        found.append(FieldChange(template.MAX_SURGE, workload.max_surge, 1))
    if workload.away != 0:
        found.append(FieldChange(template.MAX_UNAVAILABLE, workload.max_unavailable, 0))
    return tuple(found)


def promise(case: Case) -> str:
    """What the brake can do in this rollout, and what it cannot, said beforehand."""
    workload = case.workload
    if case.is_replicant:
        return "a replicant is Ready only once it has found a core, so that nothing has to be held"
    if workload.replicas <= 1:
        return "with one replica there is no other member that could keep its data meanwhile"
    if workload.strategy == "Recreate":
        return "strategy Recreate ends all pods at once: nothing can be held, and what only they have is lost"
    if workload.strategy == "OnDelete":
        return "by OnDelete no pod ends by itself: delete the next one only when the one before has joined"
    if workload.ref.kind is WorkloadKind.STATEFUL_SET:
        return "partition is lowered by one whenever all members have joined, so that no two end before a new one has"
    return _promise_of_pausing(case)


def _promise_of_pausing(case: Case) -> str:
    workload, narrowed = case.workload, _narrowed(case.workload)
    seconds = max(workload.min_ready_seconds, rollout.right_seconds(case))
    said = ["if a new member has not joined in time it is paused before the next old one ends"]
    if narrowed:
        values = ", ".join(f"{c.field.rpartition('.')[2]}={c.now} instead of {c.was}" for c in narrowed)
        said.append(f"until it is over with {values}")
    elif workload.away:
        said.append(
            f"maxUnavailable lets {workload.away} end before any new one is there, which cannot be held"
        )
    if seconds < _ENOUGH:
        said.append(f"with minReadySeconds {seconds} that may come too late")
    return "; ".join(said)
