"""The members as a picture: a frame for each island, a circle for each node, a line for each pair that has something.

Geometry alone, in the units of the picture, which is `WIDTH` wide; what it looks like is for the style sheet.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from emqx_autocluster.diagnosis import Case
from emqx_autocluster.diagnosis.formation import serving
from emqx_autocluster.observation import Member

WIDTH = 460
RADIUS = 18
"""Of a node."""
_GAP = 12
_HEAD = 30
"""Height of a frame's title."""
_CELL = 76
"""Room for one node and the name below it."""
_MOST_IN_A_RING = 10
"""More than these are put in rows, without lines: who could tell them apart?"""
_LONGEST_NAME = 12
_SIDE_BY_SIDE = ("left", "right")
"""How two stand."""


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


class Tie(StrEnum):
    """What is between two nodes; also its class in the style sheet."""

    MUTUAL = "mutual"
    ONE_SIDED = "one-sided"
    PARTED = "parted"
    PORT_CLOSED = "port-closed"


@dataclass(frozen=True, slots=True)
class Node:
    x: float
    y: float
    kind: Kind
    sign: str
    """Its number in the table of views, or `×` for a name that no pod has."""
    name: str
    """Short, to stand below it."""
    title: str
    """In full."""


@dataclass(frozen=True, slots=True)
class Line:
    """From rim to rim."""

    x1: float
    y1: float
    x2: float
    y2: float
    tie: Tie
    title: str


@dataclass(frozen=True, slots=True)
class Frame:
    x: float
    y: float
    width: float
    height: float
    title: str
    alone: bool
    """Whether it stands apart from others that it should be one with."""


@dataclass(frozen=True, slots=True)
class ClusterMap:
    height: float
    frames: tuple[Frame, ...]
    lines: tuple[Line, ...]
    nodes: tuple[Node, ...]
    summary: str
    """The picture in one sentence, for those who do not see it."""

    @property
    def ties(self) -> tuple[Tie, ...]:
        """Those that a legend has to explain."""
        return tuple(tie for tie in Tie if any(line.tie is tie for line in self.lines))

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(kind for kind in Kind if any(node.kind is kind for node in self.nodes))


@dataclass(frozen=True, slots=True)
class _Dot:
    """A node that has no place yet."""

    kind: Kind
    sign: str
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class _Group:
    title: str
    dots: tuple[_Dot, ...]
    alone: bool = False

    @property
    def ring(self) -> float:
        """The radius on which the nodes stand; 0: one alone in the middle, or rows."""
        count = len(self.dots)
        return 0 if count == 1 or count > _MOST_IN_A_RING else max(52, count * _CELL / (2 * math.pi))

    @property
    def width(self) -> float:
        """The whole of the picture, or half of it for one node: then two groups stand side by side."""
        return (WIDTH - _GAP) / 2 if len(self.dots) == 1 else WIDTH

    @property
    def height(self) -> float:
        rows = math.ceil(len(self.dots) / self.columns)
        flat = len(self.dots) == len(_SIDE_BY_SIDE)
        return _HEAD + (2 * self.ring + _CELL if self.ring and not flat else rows * _CELL)

    @property
    def columns(self) -> int:
        return max(1, int(self.width // _CELL))


def draw(case: Case) -> ClusterMap | None:
    """None: there is nothing to be drawn."""
    groups = tuple(_groups(case))
    if not groups:
        return None
    frames, height = _framed(groups)
    nodes = tuple(node for group, frame in zip(groups, frames, strict=True) for node in _placed(group, frame))
    return ClusterMap(height, frames, tuple(_lines(case, nodes)), nodes, summary(case))


def summary(case: Case) -> str:
    seen = case.membership
    told = [f"{_counted(len(seen.islands), 'island')}: {'; '.join(map(_named, seen.islands))}"]
    told = told if seen.islands else ["no member could be asked for its view"]
    parts = {
        "half-joined": serving.half_joined(case),
        "could not be asked": seen.unseen,
        "not running": seen.down,
        "ending": _ending(case),
        "replicants": seen.replicants,
    }
    told += [f"{what}: {_named(members)}" for what, members in parts.items() if members]
    told += [f"{a} sees {b}, and not the other way round" for a, b in seen.one_sided]
    told += [f"{a} and {b} do not see each other" for a, b in seen.parted]
    told += [f"stale: {', '.join(seen.stale)}"] if seen.stale else []
    return ". ".join(told)


def _named(members: Iterable[Member]) -> str:
    return ", ".join(member.pod.name for member in members)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


# what stands together


def _groups(case: Case) -> Iterator[_Group]:
    seen, numbers, half = case.membership, _numbers(case), serving.half_joined(case)

    def dots(members: Iterable[Member], kind: Kind | None = None) -> tuple[_Dot, ...]:
        return tuple(_dot(case, member, kind or _kind(member, half), numbers) for member in members)

    for number, island in enumerate(seen.islands, start=1):
        of = f" {number} of {len(seen.islands)}" if len(seen.islands) > 1 else ""
        title = f"island{of}: {_counted(len(island), 'member')}"
        yield _Group(title, dots(island), alone=len(seen.islands) > 1)
    if seen.unseen:
        yield _Group("could not be asked", dots(seen.unseen, Kind.UNREAD))
    if seen.down:
        yield _Group("not running", dots(seen.down, Kind.DOWN))
    ending = _ending(case)
    if ending:
        yield _Group("ending", dots(ending, Kind.ENDING))
    if seen.replicants:
        yield _Group("replicants", dots(seen.replicants, Kind.REPLICANT))
    if seen.stale:
        stale = tuple(_Dot(Kind.STALE, "×", _short(n.partition("@")[2], ""), n) for n in seen.stale)
        yield _Group("stale names", stale)


def _numbers(case: Case) -> dict[str, int]:
    """By pod, as in the table of views."""
    return {m.pod.uid: number for number, m in enumerate(case.observation.each_member(), start=1)}


def _dot(case: Case, member: Member, kind: Kind, numbers: dict[str, int]) -> _Dot:
    pod = member.pod
    name = _short(pod.name, case.workload.ref.name)
    return _Dot(kind, str(numbers[pod.uid]), name, f"{pod.name}, {member.node or 'no name known'}: {kind}")


def _ending(case: Case) -> tuple[Member, ...]:
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


# where it stands


def _framed(groups: Sequence[_Group]) -> tuple[tuple[Frame, ...], float]:
    """From the top downwards, two side by side where both fit; and the height of all."""
    frames, x, y, row = list[Frame](), 0.0, 0.0, 0.0
    for group in groups:
        if x and x + group.width > WIDTH:
            x, y, row = 0.0, y + row + _GAP, 0.0
        frames.append(Frame(x, y, group.width, group.height, group.title, group.alone))
        x, row = x + group.width + _GAP, max(row, group.height)
    return tuple(frames), y + row


def _placed(group: _Group, frame: Frame) -> Iterator[Node]:
    spots = _ring(group, frame) if group.ring else _rows(group, frame)
    for dot, (x, y) in zip(group.dots, spots, strict=False):
        yield Node(round(x, 1), round(y, 1), dot.kind, dot.sign, dot.name, dot.title)


def _ring(group: _Group, frame: Frame) -> Iterator[tuple[float, float]]:
    count, wide = len(group.dots), frame.width / 2
    across = min(wide - _CELL / 2, group.ring * 1.4)  # an ellipse: names are wider than they are high
    middle = frame.y + _HEAD + (frame.height - _HEAD) / 2 - RADIUS / 2
    first = math.pi if count == len(_SIDE_BY_SIDE) else -math.pi / 2
    for place in range(count):
        angle = first + 2 * math.pi * place / count
        yield frame.x + wide + across * math.cos(angle), middle + group.ring * math.sin(angle)


def _rows(group: _Group, frame: Frame) -> Iterator[tuple[float, float]]:
    columns = min(group.columns, len(group.dots))
    left = frame.x + (frame.width - columns * _CELL) / 2 + _CELL / 2
    for place in range(len(group.dots)):
        row, column = divmod(place, columns)
        yield left + column * _CELL, frame.y + _HEAD + row * _CELL + _CELL / 2 - RADIUS / 2


# what is between them


def _lines(case: Case, nodes: Iterable[Node]) -> Iterator[Line]:
    at = {node.sign: node for node in nodes if node.kind is not Kind.STALE}
    members = {m.pod.name: m for m in case.observation.each_member()}
    numbers = _numbers(case)

    def line(a: str, b: str, tie: Tie, title: str) -> Iterator[Line]:
        one, other = (
            at.get(str(numbers[members[name].pod.uid])) if name in members else None for name in (a, b)
        )
        if one and other:
            yield _between(one, other, tie, title)

    closed = [
        (m.pod.name, peer) for m in members.values() for peer, lets_in in m.rpc.items() if lets_in is False
    ]
    for a, b in _mutual(case):
        if (a, b) not in closed and (b, a) not in closed:
            yield from line(a, b, Tie.MUTUAL, f"{a} and {b} see each other")
    for a, b in case.membership.parted:
        yield from line(a, b, Tie.PARTED, f"{a} and {b} do not see each other")
    for a, b in case.membership.one_sided:
        yield from line(a, b, Tie.ONE_SIDED, f"{a} sees {b}, and not the other way round")
    for a, b in closed:
        yield from line(a, b, Tie.PORT_CLOSED, f"{a} does not get through to the port of {b}")


def _mutual(case: Case) -> Iterator[tuple[str, str]]:
    apart = {frozenset(pair) for pair in (*case.membership.parted, *case.membership.one_sided)}
    for island in case.membership.islands:
        if len(island) > _MOST_IN_A_RING:
            continue
        for a, b in combinations([member.pod.name for member in island], 2):
            if frozenset((a, b)) not in apart:
                yield a, b


def _between(one: Node, other: Node, tie: Tie, title: str) -> Line:
    dx, dy = other.x - one.x, other.y - one.y
    far = math.hypot(dx, dy) or 1
    ux, uy = dx / far * (RADIUS + 3), dy / far * (RADIUS + 3)
    ends = (one.x + ux, one.y + uy, other.x - ux, other.y - uy)
    x1, y1, x2, y2 = (round(end, 1) for end in ends)
    return Line(x1, y1, x2, y2, tie, title)
