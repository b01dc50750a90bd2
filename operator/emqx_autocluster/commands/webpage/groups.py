"""Which nodes stand together in the picture of a cluster, and as what each of them is drawn."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from emqx_autocluster.diagnosis import Case
from emqx_autocluster.diagnosis.formation import serving
from emqx_autocluster.observation import Member

_LONGEST_NAME = 12


class Kind(StrEnum):
    """What is known of a node; also its class in the style sheet."""

    MEMBER = "member"
    HALF_JOINED = "half-joined"
    NOT_READY = "not-ready"
    UNREAD = "unread"
    DOWN = "down"
    ENDING = "ending"
    STALE = "stale"
    REPLICANT = "replicant"


@dataclass(frozen=True, slots=True)
class Dot:
    """A node that has no place yet."""

    kind: Kind
    sign: str
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    dots: tuple[Dot, ...]
    alone: bool = False
    """Whether it stands apart from others that it should be one with."""


def of(case: Case) -> Iterator[Group]:
    seen, signs, half = case.membership, numbers(case), serving.half_joined(case)

    def dots(members: Iterable[Member], kind: Kind | None = None) -> tuple[Dot, ...]:
        return tuple(_dot(case, member, kind or _kind(member, half), signs) for member in members)

    for number, island in enumerate(seen.islands, start=1):
        which = f" {number} of {len(seen.islands)}" if len(seen.islands) > 1 else ""
        title = f"island{which}: {counted(len(island), 'member')}"
        yield Group(title, dots(island), alone=len(seen.islands) > 1)
    if seen.unseen:
        yield Group("could not be asked", dots(seen.unseen, Kind.UNREAD))
    if seen.down:
        yield Group("not running", dots(seen.down, Kind.DOWN))
    if leaving := ending(case):
        yield Group("ending", dots(leaving, Kind.ENDING))
    if seen.replicants:
        yield Group("replicants", dots(seen.replicants, Kind.REPLICANT))
    if seen.stale:
        stale = tuple(Dot(Kind.STALE, "×", _short(n.partition("@")[2], ""), n) for n in seen.stale)
        yield Group("stale names", stale)


def numbers(case: Case) -> dict[str, int]:
    """By pod, as in the table of views."""
    return {m.pod.uid: number for number, m in enumerate(case.observation.each_member(), start=1)}


def _dot(case: Case, member: Member, kind: Kind, signs: dict[str, int]) -> Dot:
    pod = member.pod
    name = _short(pod.name, case.workload.ref.name)
    return Dot(kind, str(signs[pod.uid]), name, f"{pod.name}, {member.node or 'no name known'}: {kind}")


def ending(case: Case) -> tuple[Member, ...]:
    """Their pods are being deleted, so that they count for no island."""
    return tuple(member for member in case.observation.each_member() if member.pod.deleting)


def _kind(member: Member, half_joined: Sequence[Member]) -> Kind:
    if member in half_joined:
        return Kind.HALF_JOINED
    return Kind.MEMBER if member.pod.ready else Kind.NOT_READY


def _short(name: str, workload: str) -> str:
    """The end tells them apart; what all pods of the workload begin with does not."""
    if len(name) <= _LONGEST_NAME:
        return name
    rest = name.removeprefix(f"{workload}-")
    return rest if len(rest) <= _LONGEST_NAME else f"…{rest[1 - _LONGEST_NAME :]}"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
