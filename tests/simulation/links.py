"""The network between nodes: what is cut, in one direction or both, who noticed, and who parted for good."""

from collections.abc import Callable
from dataclasses import dataclass, field

NET_TICK = 130
"""Seconds after which a node that cannot be reached counts as stopped."""

Pair = frozenset[str]


@dataclass(slots=True)
class Links:
    know_each_other: Callable[[Pair], bool]
    now: float = 0.0
    _cut: dict[Pair, float] = field(default_factory=dict)
    """Links that are down, and since when."""
    _deaf: dict[tuple[str, str], float] = field(default_factory=dict)
    """(a, b): a hears nothing of b, and since when."""
    _lost: dict[str, float] = field(default_factory=dict)
    """Nodes that nobody reaches, and since when."""
    _parted: dict[Pair, float | None] = field(default_factory=dict)
    """Pairs that lost each other for good, and since when the link between them is up again."""

    # --- what happens to them

    def cut(self, one: str, other: str) -> None:
        self._cut.setdefault(frozenset({one, other}), self.now)

    def deafen(self, one: str, other: str) -> None:
        """From now on `one` hears nothing of `other`, which still hears `one`."""
        self._deaf.setdefault((one, other), self.now)

    def lose(self, name: str) -> None:
        """It runs on, cut off from all others until it ends."""
        self._lost.setdefault(name, self.now)

    def mend(self) -> None:
        for (one, other), since in self._deaf.items():
            if self.now - since > NET_TICK and self.know_each_other(frozenset({one, other})):
                self._parted[frozenset({one, other})] = None
        self._deaf.clear()
        self._cut.clear()
        self._parted = dict.fromkeys(self._parted, self.now)

    def tick(self, now: float) -> None:
        self.now = now
        for pair, since in list(self._cut.items()):
            if now - since > NET_TICK and self.know_each_other(pair):
                self._parted[pair] = None

    def ended(self, name: str) -> float:
        """When all others lost it: one that was cut off is gone for them since then."""
        return self._lost.pop(name, self.now)

    def forget(self, name: str) -> None:
        """It begins anew, with whomever it parted from."""
        self._parted = {pair: since for pair, since in self._parted.items() if name not in pair}

    # --- what follows from them

    def connected(self, one: str, other: str) -> bool:
        deaf = (one, other) in self._deaf or (other, one) in self._deaf
        away = one in self._lost or other in self._lost
        return one == other or not (deaf or away or frozenset({one, other}) in self._cut)

    def holds(self, one: str, other: str) -> bool:
        """Whether `one` calls the other running, as far as the network goes."""
        if not (self._parted or self._cut or self._deaf or self._lost):
            return True
        pair = frozenset({one, other})
        if pair in self._parted:
            return False
        gone = (
            (self._cut.get(pair), NET_TICK),
            (self._deaf.get((one, other)), NET_TICK),
            (self._deaf.get((other, one)), 2 * NET_TICK),
            (self._lost.get(other), NET_TICK),
            (self._lost.get(one), NET_TICK),
        )
        return not any(since is not None and self.now - since > after for since, after in gone)

    def up_again(self, seconds: float) -> list[Pair]:
        """Pairs that parted for good, and whose link is up for longer than that."""
        return [p for p, since in self._parted.items() if since is not None and self.now - since > seconds]
