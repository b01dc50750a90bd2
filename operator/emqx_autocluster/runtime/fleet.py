"""What one workload's turn depends on beside itself: how many are damaged at the same time, and how many there are.

Where a node or a zone goes away, one is healed after the other: most of what breaks together heals together when the
cause is gone, and an operator that joins members everywhere at once would turn an outage of one zone into a restart of
everything. And all together may cost the API server, the nodes and a processor of ours no more than a little.
"""

from datetime import datetime, timedelta

from emqx_autocluster.api.v1alpha1 import Suspect
from emqx_autocluster.healing import suspects
from emqx_autocluster.observation import WorkloadRef

_MANY = 3
"""So many damaged workloads at a time are no coincidence."""
_TURN = timedelta(minutes=5)
"""So long after its last action the others wait for one of them: it may be one that waits for its user."""
_PULSES_EACH_SECOND = 15
"""Of members, each an exec that costs about 4 ms of a processor here, and as much at the API server."""
_LOOKS_EACH_SECOND = 1.5
"""At what is around healthy workloads, each about 20 ms."""
_BETWEEN_FIRST_LOOKS = timedelta(seconds=0.5)
"""Each of them asks every member, which takes 1.2 s of a processor there."""
_AFTER_START = timedelta(seconds=10)
"""Until then a process that has just started takes in what there is."""


class Fleet:
    """Kept in the process alone: after a restart the first looks tell it anew."""

    def __init__(self) -> None:
        self._damaged: dict[WorkloadRef, None] = {}
        """The one whose turn it is stands first."""
        self._turn: tuple[WorkloadRef, datetime] | None = None
        """Whose it is, and since when nothing was done there."""
        self._members: dict[WorkloadRef, int] = {}
        self._met: set[WorkloadRef] = set()
        self._in_sight: set[WorkloadRef] = set()
        self._first_looks: dict[WorkloadRef, datetime] = {}
        self._last_first_look: datetime | None = None

    def note(self, ref: WorkloadRef, *, damaged: bool) -> None:
        """They take turns, first those that were first seen damaged."""
        if damaged:
            self._damaged.setdefault(ref)
        else:
            self._damaged.pop(ref, None)

    def is_new(self, ref: WorkloadRef) -> bool:
        """Whether this process has not looked at it yet."""
        return ref not in self._met

    def meets(self, ref: WorkloadRef) -> None:
        self._met.add(ref)
        self._first_looks.pop(ref, None)

    def sees(self, ref: WorkloadRef) -> None:
        """From now on nothing comes and goes there without being noticed, until sight of it is lost."""
        self._in_sight.add(ref)

    def still_counting(self, ref: WorkloadRef, before: tuple[Suspect, ...]) -> tuple[Suspect, ...]:
        """What counts of its suspects: less before its first look by this process, and after one that failed."""
        return before if ref in self._in_sight else suspects.unwatched(before)

    def lose_sight(self, ref: WorkloadRef) -> None:
        self._in_sight.discard(ref)

    def forget(self, ref: WorkloadRef) -> None:
        self._damaged.pop(ref, None)
        self._members.pop(ref, None)
        self._met.discard(ref)
        self._first_looks.pop(ref, None)
        self._in_sight.discard(ref)

    def until_first_look(self, ref: WorkloadRef, at: datetime) -> float:
        """Seconds until one whose status can be believed is looked at: one after the other, however often one asks."""
        if ref not in self._first_looks:
            last = self._last_first_look
            due = at + _AFTER_START if last is None else max(at, last + _BETWEEN_FIRST_LOOKS)
            self._first_looks[ref] = self._last_first_look = due
        return max(0.0, (self._first_looks[ref] - at).total_seconds())

    def follows(self, ref: WorkloadRef, members: int) -> None:
        """That many have their pulse taken from now on."""
        self._members[ref] = members

    @property
    def pulse(self) -> float:
        """The least seconds from one pulse of a member to its next, by how many have one now."""
        return sum(self._members.values()) / _PULSES_EACH_SECOND

    @property
    def around(self) -> float:
        """The least seconds from one look around a healthy workload to the next."""
        return len(self._members) / _LOOKS_EACH_SECOND

    def acts(self, ref: WorkloadRef, at: datetime) -> None:
        """Something is done there, whose effect has to be seen before it is another one's turn."""
        if self._turn and self._turn[0] == ref:
            self._turn = ref, at

    def refusal(self, ref: WorkloadRef, at: datetime) -> str | None:
        """Why this one has to wait: it is another one's turn."""
        if len(self._damaged) < _MANY:
            return None
        first = self._whose_turn(at)
        if first == ref:
            return None
        return (
            f"{len(self._damaged)} workloads are damaged at the same time, so that they are healed one after the other,"
            f" and it is the turn of {first} in namespace {first.namespace}"
        )

    def _whose_turn(self, at: datetime) -> WorkloadRef:
        first = next(iter(self._damaged))
        if self._turn and self._turn[0] == first and at - self._turn[1] >= _TURN:
            del self._damaged[first]
            self._damaged[first] = None
            first = next(iter(self._damaged))
        if self._turn is None or self._turn[0] != first:
            self._turn = first, at
        return first
