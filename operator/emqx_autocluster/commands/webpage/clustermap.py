"""The members as a picture: a frame for each island, a circle for each node, a line for each pair that has something.

Geometry alone, in the units of the picture, which is `WIDTH` wide; what it looks like is for the style sheet.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from emqx_autocluster.commands.webpage import groups
from emqx_autocluster.commands.webpage.groups import Group, Kind
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
_SIDE_BY_SIDE = ("left", "right")
"""How two stand."""


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
class _Box:
    """The room that a group takes."""

    group: Group

    @property
    def count(self) -> int:
        return len(self.group.dots)

    @property
    def ring(self) -> float:
        """The radius on which the nodes stand; 0: one alone in the middle, or rows."""
        return (
            0 if self.count == 1 or self.count > _MOST_IN_A_RING else max(52, self.count * _CELL / math.tau)
        )

    @property
    def width(self) -> float:
        """The whole of the picture, or half of it for one node: then two groups stand side by side."""
        return (WIDTH - _GAP) / 2 if self.count == 1 else WIDTH

    @property
    def height(self) -> float:
        rows = math.ceil(self.count / self.columns)
        flat = self.count == len(_SIDE_BY_SIDE)
        return _HEAD + (2 * self.ring + _CELL if self.ring and not flat else rows * _CELL)

    @property
    def columns(self) -> int:
        return max(1, int(self.width // _CELL))


def draw(case: Case) -> ClusterMap | None:
    """None: there is nothing to be drawn."""
    boxes = tuple(map(_Box, groups.of(case)))
    if not boxes:
        return None
    frames, height = _framed(boxes)
    nodes = tuple(node for box, frame in zip(boxes, frames, strict=True) for node in _placed(box, frame))
    return ClusterMap(height, frames, tuple(_lines(case, nodes)), nodes, summary(case))


def summary(case: Case) -> str:
    seen = case.membership
    told = [f"{groups.counted(len(seen.islands), 'island')}: {'; '.join(map(_named, seen.islands))}"]
    told = told if seen.islands else ["no member could be asked for its view"]
    parts = {
        "half-joined": serving.half_joined(case),
        "could not be asked": seen.unseen,
        "not running": seen.down,
        "ending": groups.ending(case),
        "replicants": seen.replicants,
    }
    told += [f"{what}: {_named(members)}" for what, members in parts.items() if members]
    told += [f"{a} sees {b}, and not the other way round" for a, b in seen.one_sided]
    told += [f"{a} and {b} do not see each other" for a, b in seen.parted]
    told += [f"stale: {', '.join(seen.stale)}"] if seen.stale else []
    return ". ".join(told)


def _named(members: Iterable[Member]) -> str:
    return ", ".join(member.pod.name for member in members)


# where it stands


def _framed(boxes: Sequence[_Box]) -> tuple[tuple[Frame, ...], float]:
    """From the top downwards, two side by side where both fit; and the height of all."""
    frames, x, y, row = list[Frame](), 0.0, 0.0, 0.0
    for box in boxes:
        if x and x + box.width > WIDTH:
            x, y, row = 0.0, y + row + _GAP, 0.0
        frames.append(Frame(x, y, box.width, box.height, box.group.title, box.group.alone))
        x, row = x + box.width + _GAP, max(row, box.height)
    return tuple(frames), y + row


def _placed(box: _Box, frame: Frame) -> Iterator[Node]:
    spots = _ring(box, frame) if box.ring else _rows(box, frame)
    for dot, (x, y) in zip(box.group.dots, spots, strict=False):
        yield Node(round(x, 1), round(y, 1), dot.kind, dot.sign, dot.name, dot.title)


def _ring(box: _Box, frame: Frame) -> Iterator[tuple[float, float]]:
    count, wide = box.count, frame.width / 2
    across = min(wide - _CELL / 2, box.ring * 1.4)  # an ellipse: names are wider than they are high
    middle = frame.y + _HEAD + (frame.height - _HEAD) / 2 - RADIUS / 2
    first = math.pi if count == len(_SIDE_BY_SIDE) else -math.pi / 2
    for place in range(count):
        angle = first + 2 * math.pi * place / count
        yield frame.x + wide + across * math.cos(angle), middle + box.ring * math.sin(angle)


def _rows(box: _Box, frame: Frame) -> Iterator[tuple[float, float]]:
    columns = min(box.columns, box.count)
    left = frame.x + (frame.width - columns * _CELL) / 2 + _CELL / 2
    for place in range(box.count):
        row, column = divmod(place, columns)
        yield left + column * _CELL, frame.y + _HEAD + row * _CELL + _CELL / 2 - RADIUS / 2


# what is between them


def _lines(case: Case, nodes: Iterable[Node]) -> Iterator[Line]:
    at = {node.sign: node for node in nodes if node.kind is not Kind.STALE}
    members = {m.pod.name: m for m in case.observation.each_member()}
    numbers = groups.numbers(case)

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
