"""What the planner must know of earlier passes; all but the setback lives in the custom resource's status."""

from dataclasses import dataclass
from typing import Self

from emqx_autocluster.api import annotations
from emqx_autocluster.api.annotations import Mode, WorkloadOptions
from emqx_autocluster.api.v1alpha1 import Attempt, Done, Procedure, Rewrite, StatusModel, Suspect
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.healing.setback import Setback
from emqx_autocluster.healing.steps import Action
from emqx_autocluster.objects import recorded, template
from emqx_autocluster.objects.recorded import Record
from emqx_autocluster.observation import Workload


@dataclass(frozen=True, slots=True)
class Memory:
    """`original` is the record of replaced fields, from the workload's annotation or our copy of it."""

    procedure: Procedure | None = None
    rewrites: tuple[Rewrite, ...] = ()
    original: str | None = None
    undone: bool = False
    """Whether a person rolled back what the operator had changed."""
    setback: Setback | None = None
    suspects: tuple[Suspect, ...] = ()
    """What mode Heal may act on, this look included."""
    history: tuple[Done, ...] = ()
    """What was done lately, oldest first."""
    fleet: str | None = None
    """Why nothing that interrupts anybody is to be done now, since many workloads broke at once."""

    @property
    def heals(self) -> bool:
        """Whether what is under way began as healing, and not as a repair of settings."""
        return self.procedure is not None and self.procedure.origin == "Heal"

    @classmethod
    def of(
        cls, workload: Workload, status: StatusModel, options: WorkloadOptions, setback: Setback | None = None
    ) -> Self:
        original = recorded.believed(workload.annotations.get(annotations.ORIGINAL), status.original).dump()
        # Who sets Observe after a rollback, or by `revert`, and Repair later, asks for the repair anew.
        # By our own copy: the annotation of a StatefulSet outlives that, too.
        undone = options.mode is not Mode.OBSERVE and template.is_undone(workload, status.original)
        kept = original if undone else template.still_held(workload, original)
        return cls(status.procedure, status.rewrites, kept, undone, setback, history=status.history)

    @property
    def rolled(self) -> bool:
        """Whether the workload has a pod template by which this repair replaces the pods."""
        return self.procedure is not None and template.rolls(Record.load(self.original).changes)

    def attempt(self, action: Action, subject: str, case: Case) -> Attempt | None:
        """Not what was tried on an earlier pod of this name: a StatefulSet's new pods have the old ones' names."""
        attempts = self.procedure.attempts if self.procedure else ()
        made = (m.pod.created for m in case.observation.each_member() if f"Pod/{m.pod.name}" == subject)
        since = next(made, None)
        mine = (a for a in attempts if a.action == action and a.subject == subject)
        return next((a for a in mine if since is None or a.time >= since), None)
