"""Which trials there are, and in what order they are made; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

VERSIONS = ("4.4.19", "5.4.1", "5.8.9")


class Sort(StrEnum):
    """What is done to three members that do not know each other."""

    REPAIR = "repair"
    NAIVE = "naive"
    RESTART = "restart"
    HALF = "half"
    CALAMITY = "calamity"
    UNHELD = "unheld"


class Kind(StrEnum):
    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"


class Variant(StrEnum):
    """What a sort of trial does in more than one way."""

    NONE = ""
    WAITING = "waiting"
    RESTARTED = "restart"
    ROLLOUT_RESTART = "rollout"
    IMAGE_CHANGE = "image"
    TARGET_GONE = "target goes"
    HANGS = "hangs"


SORTS = {
    Sort.REPAIR: "annotated with mode Repair",
    Sort.NAIVE: "not enrolled; rights and address put right by hand, as `kubectl set env` does; or the same, waiting,"
    " with minReadySeconds 20; or a healthy cluster that is restarted without it",
    Sort.RESTART: "repaired, then a rollout restart or another image",
    Sort.HALF: "annotated with mode Repair; the first new member is made half-joined: its join target goes away, or its"
    " join hangs",
    Sort.CALAMITY: "annotated with mode Repair; at a random moment of the rollout something breaks for a minute, so"
    " that a new member does not join",
    Sort.UNHELD: "the same rollout and calamity without the operator, and so without its brake: joined by hand, then"
    " patched with minReadySeconds 20",
}
CONTROL = {Sort.NAIVE: Sort.REPAIR, Sort.UNHELD: Sort.CALAMITY}
"""What is done without the operator, and with what it is compared."""
_VARIANTS = {
    Sort.REPAIR: (Variant.NONE,),
    Sort.NAIVE: (Variant.NONE, Variant.WAITING, Variant.RESTARTED),
    Sort.RESTART: (Variant.ROLLOUT_RESTART, Variant.IMAGE_CHANGE),
    Sort.HALF: (Variant.TARGET_GONE, Variant.HANGS),
    Sort.CALAMITY: (Variant.NONE,),
    Sort.UNHELD: (Variant.NONE,),
}
_TAKES = {
    Sort.REPAIR: 150,
    Sort.NAIVE: 130,
    Sort.RESTART: 285,
    Sort.HALF: 300,
    Sort.CALAMITY: 280,
    Sort.UNHELD: 250,
}
"""Seconds, as measured, for telling beforehand how long it will take."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Trials that are counted together."""

    sort: Sort
    version: str
    kind: Kind
    variant: Variant = Variant.NONE

    @property
    def name(self) -> str:
        return f"{self.sort} {self.variant}".rstrip()

    @property
    def promises(self) -> bool:
        """The control groups promise nothing: they are what the others are compared with."""
        return self.sort not in CONTROL


@dataclass(frozen=True, slots=True)
class Trial:
    cell: Cell
    number: int

    @property
    def name(self) -> str:
        """The namespace, hence short and plain."""
        cell = self.cell
        words = (cell.sort, cell.variant, cell.kind, cell.version, str(self.number))
        return "-".join(word.lower().replace(".", "").replace(" ", "-") for word in words if word)


def cells(sorts: Sequence[Sort], versions: Sequence[str], kinds: Sequence[Kind]) -> list[Cell]:
    return [
        Cell(sort, version, kind, variant)
        for sort in sorts
        for version in versions
        for kind in kinds
        for variant in _VARIANTS[sort]
        if _exists(sort, version, kind, variant)
    ]


def _exists(sort: Sort, version: str, kind: Kind, variant: Variant) -> bool:
    if sort is not Sort.HALF:
        return True
    # Data on a volume is not the operator's to give up, and a join that hangs was never seen on 4.x.
    return kind is Kind.DEPLOYMENT and not (variant is Variant.HANGS and version.startswith("4."))


def trials(wanted: Sequence[Cell], count: int) -> list[Trial]:
    """One of each cell, then the next of each: whoever stops early has seen something of all."""
    return [
        Trial(cell, number)
        for number in range(1, count + 1)
        for cell in wanted
        if number <= _most(cell, count)
    ]


def _most(cell: Cell, count: int) -> int:
    """Variants share the trials of a version and kind between them."""
    return -(-count // len(_VARIANTS[cell.sort]))


def expected(made: Sequence[Trial], side_by_side: int) -> timedelta:
    seconds = [_TAKES[trial.cell.sort] for trial in made]
    return timedelta(seconds=max(sum(seconds) / side_by_side, *seconds, 0))
