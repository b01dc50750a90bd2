"""How a workload ended, judged by what each member says itself; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from emqx_autocluster.observation import View


class Ending(StrEnum):
    ONE_CLUSTER = "one cluster"
    SPLIT = "split"
    HALF_JOINED = "half-joined"
    """A member runs and serves nothing."""
    LOST = "lost"
    """Of the cluster's data or its serving members too few were left."""
    UNFINISHED = "unfinished"
    """A pod is missing, too many, or going."""


@dataclass(frozen=True, slots=True)
class MemberSeen:
    pod: str
    ready: bool
    going: bool
    view: View | None
    """None: it gave no answer."""

    def __str__(self) -> str:
        state = "going" if self.going else "Ready" if self.ready else "not Ready"
        if self.view is None:
            return f"{self.pod} ({state}) gives no answer"
        running, stopped = (
            " ".join(sorted(names)) or "nobody" for names in (self.view.running, self.view.stopped)
        )
        return f"{self.pod} ({state}) sees running {running}, stopped {stopped}"


def judge(members: list[MemberSeen], replicas: int) -> Ending:
    """Each member lists itself, so equal lists of the right length are one cluster."""
    staying = [member for member in members if not member.going]
    if any(not member.ready or member.view is None for member in staying):
        return Ending.HALF_JOINED
    if len(members) != replicas or members != staying:
        return Ending.UNFINISHED
    lists = {member.view.running for member in members if member.view}
    return Ending.ONE_CLUSTER if len(lists) == 1 and len(lists.pop()) == replicas else Ending.SPLIT


def old_names(members: Sequence[MemberSeen]) -> frozenset[str]:
    return frozenset(name for member in members if member.view for name in member.view.stopped)
