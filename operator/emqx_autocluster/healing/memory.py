"""What the planner must know of earlier passes; all but the setback lives in the custom resource's status."""

from dataclasses import dataclass

from emqx_autocluster.diagnosis import Case
from emqx_autocluster.healing.setback import Setback
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
    setback: Setback | None = None

    def attempt(self, action: Action, subject: str, case: Case) -> Attempt | None:
        """Not what was tried on an earlier pod of this name: a StatefulSet's new pods have the old ones' names."""
        attempts = self.procedure.attempts if self.procedure else ()
        made = (m.pod.created for m in case.observation.each_member() if f"Pod/{m.pod.name}" == subject)
        since = next(made, None)
        mine = (a for a in attempts if a.action == action and a.subject == subject)
        return next((a for a in mine if since is None or a.time >= since), None)
