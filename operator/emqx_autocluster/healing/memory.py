"""What the planner must know of earlier passes; it lives in the custom resource's status."""

from dataclasses import dataclass

from emqx_autocluster.healing.steps import Action
from emqx_autocluster.v1alpha1 import Attempt, Procedure, Rewrite


@dataclass(frozen=True, slots=True)
class Memory:
    """`original` is the record of replaced fields, from the workload's annotation or our copy of it."""

    procedure: Procedure | None = None
    rewrites: tuple[Rewrite, ...] = ()
    original: str | None = None
    undone: bool = False
    """Whether a person rolled back what the operator had changed."""

    def attempt(self, action: Action, subject: str) -> Attempt | None:
        attempts = self.procedure.attempts if self.procedure else ()
        return next((a for a in attempts if a.action == action and a.subject == subject), None)
