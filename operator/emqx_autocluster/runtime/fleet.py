"""How many workloads are damaged at the same time: where a node or a zone goes away, one is healed after the other.

Most of what breaks together heals together when the cause is gone, and an operator that joins members everywhere at
once would turn an outage of one zone into a restart of everything.
"""

from emqx_autocluster.observation import WorkloadRef

_MANY = 3
"""So many damaged workloads at a time are no coincidence."""


class Fleet:
    """Kept in the process alone: after a restart the first looks tell it anew."""

    def __init__(self) -> None:
        self._damaged: dict[WorkloadRef, None] = {}

    def note(self, ref: WorkloadRef, *, damaged: bool) -> None:
        """In the order in which they were first seen damaged."""
        if damaged:
            self._damaged.setdefault(ref)
        else:
            self._damaged.pop(ref, None)

    def refusal(self, ref: WorkloadRef) -> str | None:
        """Why this one has to wait: another one's turn comes first."""
        if len(self._damaged) < _MANY:
            return None
        first = next(iter(self._damaged))
        if first == ref:
            return None
        return (
            f"{len(self._damaged)} workloads are damaged at the same time, so that they are healed one after the other,"
            f" and {first} in namespace {first.namespace} comes first"
        )
