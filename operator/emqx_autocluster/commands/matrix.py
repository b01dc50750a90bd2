"""Who sees whom: one row for each name in the cluster, and what each member, asked itself, says of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from emqx_autocluster.diagnosis import Case
from emqx_autocluster.observation import Member, Unobserved, View


class Seen(StrEnum):
    """What one member says of one name. The value is the sign for it."""

    RUNNING = "●"
    STOPPED = "○"
    NOT_LISTED = "·"
    NO_ANSWER = "?"


@dataclass(frozen=True, slots=True)
class Row:
    number: int | None
    """Of a member, by which its column is called; None: a name that no pod of the workload has."""
    node: str
    holder: str
    """The pod that has the name, or why none does."""
    seen: tuple[Seen, ...]
    """By each member, in the order of their numbers."""
    devices: int | None = None
    """So many are connected to it; None: not counted, as where nothing depends on it, or not known."""


def rows(case: Case) -> tuple[Row, ...]:
    """The members' own first, in their order; none while the workload has no member."""
    members = tuple(case.observation.each_member())
    return (*_own(members), *_others(members, case))


def _own(members: tuple[Member, ...]) -> Iterator[Row]:
    for number, member in enumerate(members, start=1):
        node = member.node or "(no name known)"
        devices = None if isinstance(member.connections, Unobserved) else member.connections
        yield Row(number, node, member.pod.name, tuple(_seen(by, node) for by in members), devices)


def _others(members: tuple[Member, ...], case: Case) -> Iterator[Row]:
    views = [member.view for member in members if isinstance(member.view, View)]
    listed = {name for view in views for name in (*view.running, *view.stopped)}
    for name in sorted(listed - {member.node for member in members}):
        yield Row(None, name, _holder(name, case), tuple(_seen(by, name) for by in members))


def _holder(name: str, case: Case) -> str:
    """Cores and replicants are two workloads and one cluster."""
    stranger = case.observation.strangers.get(name)
    if stranger is not None:
        return f"{stranger.holder}{', a replicant' if stranger.replicant else ''}"
    return "(stale: no pod has it)" if name in case.membership.stale else "(no pod of this workload)"


def _seen(by: Member, name: str) -> Seen:
    if not isinstance(by.view, View):
        return Seen.NO_ANSWER
    if name in by.view.running:
        return Seen.RUNNING
    return Seen.STOPPED if name in by.view.stopped else Seen.NOT_LISTED
