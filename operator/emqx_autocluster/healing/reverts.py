"""Somebody sets back what a repair changed: a person who rolls back, or a GitOps tool that has the manifest."""

from collections.abc import Collection
from datetime import timedelta

from emqx_autocluster.api.annotations import MANAGER, ROLL
from emqx_autocluster.api.findings import Reason
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx import apiaddress, discovery
from emqx_autocluster.healing.memory import Memory
from emqx_autocluster.healing.steps import Hold, kubectl
from emqx_autocluster.objects import recorded, template
from emqx_autocluster.objects.recorded import Changes, FieldChange, Record
from emqx_autocluster.text.plain import plain

_FIGHT_WINDOW = timedelta(minutes=30)
_FIGHT_ROUNDS = 2
_AND = ", "


def undone(case: Case, memory: Memory) -> Hold | None:
    """A person's decision, in the middle of a repair as well as after it: not even a member is touched any more."""
    if not memory.undone or case.options.roll:
        return None
    return Hold(
        Reason.EXTERNAL_REVERT,
        f"somebody rolled back to {_held(case, _variables(Record.load(memory.original).changes))}, so it is left alone;"
        f" let the repair go on with: {let_go(case)}",
    )


def fight(case: Case, wanted: Changes, memory: Memory) -> Hold | None:
    """Somebody sets the same value back again and again: a GitOps tool that has the manifest.

    What counts is how close the last two patches are to each other, not to now: else the restarts would begin anew
    after half an hour.
    """
    before, last = replaced(case, wanted), memory.rewrites[-_FIGHT_ROUNDS:]
    # Only what its manifest has is set back by a tool; what it never had stays as the first patch made it.
    again = set(before.split(_AND))
    same = len(last) == _FIGHT_ROUNDS and all(again <= set(rewrite.value.split(_AND)) for rewrite in last)
    if not same or last[-1].time - last[0].time >= _FIGHT_WINDOW or case.options.roll:
        return None
    return Hold(
        Reason.EXTERNAL_REVERT,
        f"{before} was set back {_FIGHT_ROUNDS} times within 30 minutes after the operator had replaced it, by"
        f" {_writers(case, wanted)}; commit the patch of status.plannedActions where that has the manifest from:"
        f" {', '.join(map(shown, wanted))}",
    )


def replaced(case: Case, wanted: Changes) -> str:
    """By what a fight is recognised: what the variables held, or, where nothing restarts, the minReadySeconds."""
    if template.rolls(wanted):
        return plain(_held(case, _variables(wanted)))
    return f"{template.MIN_READY_SECONDS} {case.workload.min_ready_seconds}"


def _writers(case: Case, wanted: Changes) -> str:
    found = {case.workload.writers.get(change.field, "") for change in wanted} - {"", MANAGER}
    return f"the field manager {', '.join(sorted(found))}" if found else "something that left no name"


def let_go(case: Case) -> str:
    ref = case.workload.ref
    return kubectl(ref, "annotate", f"{str(ref.kind).lower()}/{ref.name}", f"{ROLL}=now")


def shown(change: FieldChange) -> str:
    return f"{change.field.removeprefix(recorded.ENV)}={change.now}"


def _held(case: Case, names: Collection[str]) -> str:
    """What these variables of the template hold, as far as it may be told; the address by itself."""
    others = sorted(set(names) - {discovery.API_SERVER})
    entries = [template.env_change(case.container, name, "").was for name in others] if case.container else []
    told = [
        f"{name}={apiaddress.redacted(template.shown(e))}" for name, e in zip(others, entries, strict=True)
    ]
    return _AND.join(told if told and discovery.API_SERVER not in names else [_address(case), *told])


def _variables(changes: Changes) -> set[str]:
    return {c.field.removeprefix(recorded.ENV) for c in changes if c.field.startswith(recorded.ENV)}


def _address(case: Case) -> str:
    value = discovery.text(case.settings.api_server) if case.settings else None
    return case.veil.over(apiaddress.redacted(value or ""))
