"""Where many workloads are damaged at once, they are healed one after the other."""

from dataclasses import dataclass, field

from emqx_autocluster.healing import suspects
from simulation.harm import Harm
from simulation.operator import Operator

MANY = 3
TURN = 300.0
"""Seconds after an action that the others leave to whom it was done."""


@dataclass(slots=True)
class Turns:
    watched: list[tuple[Harm, Operator]] = field(default_factory=list)
    last: tuple[Harm, float] | None = None
    """Whose members were interrupted last, while many were damaged, and when."""

    def watch(self, harm: Harm, operator: Operator | None) -> None:
        if operator is not None:
            self.watched.append((harm, operator))
            harm.on_interruption = self.interrupted

    def interrupted(self, harm: Harm) -> str | None:
        """What is wrong about it; None: it is its turn, or not many are damaged, as the operator has seen."""
        if sum(map(self._is_damaged, self.watched)) < MANY:
            self.last = None
            return None
        now = harm.cluster.now
        before, at = self.last or (harm, now)
        self.last = harm, now
        still = now - at < TURN and any(h is before and self._is_damaged((h, o)) for h, o in self.watched)
        return "although another workload is being healed" if still and before is not harm else None

    @staticmethod
    def _is_damaged(watched: tuple[Harm, Operator]) -> bool:
        harm, operator = watched
        seen = any(s.kind != suspects.STALE_NODE for s in operator.status.suspects)
        return seen and harm.truth.damaged_since is not None
