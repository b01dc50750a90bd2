"""What one look at the cluster shows, as plain values, and which members belong together; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from emqx_autocluster.api.v1alpha1 import Condition, EMQXAutoCluster


@dataclass(frozen=True, slots=True)
class Member:
    pod: str
    uid: str
    node: str
    new: bool
    """Made from the pod template as it is now."""
    ready: bool
    ending: bool
    ready_since: datetime | None
    sees: frozenset[str] | None
    """The running nodes that it tells itself; None: it does not answer."""
    stopped: frozenset[str]

    @property
    def state(self) -> str:
        return "ending" if self.ending else "Ready" if self.ready else "starting"


@dataclass(frozen=True, slots=True)
class Happening:
    """An Event that the operator wrote on the workload."""

    at: datetime
    name: str
    warning: bool
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class Look:
    at: datetime
    members: tuple[Member, ...]
    replicas: int
    revision: str
    """The Deployment's own count of its pod templates."""
    new_available: int
    rolled_out: bool
    resource: EMQXAutoCluster | None
    happenings: tuple[Happening, ...]

    @property
    def clusters(self) -> tuple[tuple[Member, ...], ...]:
        return clusters(self.members)

    @property
    def conditions(self) -> Sequence[Condition]:
        return self.resource.status.conditions if self.resource else ()

    def condition(self, kind: str) -> Condition | None:
        return next((c for c in self.conditions if c.type == kind), None)

    @property
    def old_names(self) -> frozenset[str]:
        """Names that a member still lists as stopped."""
        return frozenset(name for m in self.members if not m.ending for name in m.stopped)


def clusters(members: Iterable[Member]) -> tuple[tuple[Member, ...], ...]:
    """Members that see each other, the largest group first; those that do not answer are in none."""
    left = [m for m in members if m.sees is not None and not m.ending]
    groups = []
    while left:
        group, left = [left[0]], left[1:]
        for member in group:  # grows while it is walked
            friends = [m for m in left if sees_each_other(member, m)]
            left = [m for m in left if m not in friends]
            group.extend(friends)
        groups.append(tuple(group))
    return tuple(sorted(groups, key=len, reverse=True))


def sees_each_other(one: Member, other: Member) -> bool:
    return one.node in (other.sees or ()) and other.node in (one.sees or ())
