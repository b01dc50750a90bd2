"""One pass: what is due is done on what was seen, and the status does not forget it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import pytest

from builders import AT, a_case, a_resource, members
from emqx_autocluster.api.v1alpha1 import EMQXAutoCluster, StatusModel
from emqx_autocluster.clients.errors import Invalid, Unavailable
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.effects import Outcome
from emqx_autocluster.healing import Step
from emqx_autocluster.observation import Observation, Workload, WorkloadRef
from emqx_autocluster.runtime.reconciler import Reconciler

ORPHAN: dict[str, Any] = {"mode": "Heal", "members": members("a b", "c")}
LONE: dict[str, Any] = {
    "members": members("a", "b", "c"),
    "env": {"EMQX_CLUSTER__K8S__APISERVER": "nonsense"},
}


def nothing() -> None:
    pass


@dataclass
class Surroundings:
    """In the place of all that the reconciler talks with: one workload that stays as it is, and its resource."""

    case: Case
    resource: EMQXAutoCluster = field(default_factory=a_resource)
    clock: datetime = AT
    done: list[tuple[float, str]] = field(default_factory=list)
    """Seconds from the beginning, and what."""
    stands: bool = True
    """Whether workload and pod still are what was judged."""
    while_it_runs: Callable[[], None] = nothing
    version: int = 1
    refuses: bool = False
    """Whether no status can be written."""

    # what is seen
    def now(self) -> datetime:
        return self.clock

    async def workload(self, _: WorkloadRef) -> Workload:
        return self.case.workload

    async def observe(self, workload: Workload, *_: object) -> Observation:
        return replace(self.case.observation, workload=workload, at=self.clock)

    async def is_as_seen(self, *_: object) -> bool:
        return self.stands

    def knows_its_pulse(self, _: WorkloadRef) -> bool:
        return False

    missed_its_pulse = knows_its_pulse

    # what is done
    async def carry_out(self, step: Step, *_: object) -> Outcome:
        self.done.append(((self.clock - AT).total_seconds(), f"{step.action} {step.subject}"))
        self.while_it_runs()
        return Outcome(succeeded=True, message="done")

    # the resource
    async def find(self, _: WorkloadRef) -> EMQXAutoCluster:
        metadata = self.resource.metadata.model_copy(update={"resource_version": str(self.version)})
        return self.resource.model_copy(update={"metadata": metadata})

    async def read(self, ref: WorkloadRef, _: str) -> EMQXAutoCluster:
        return await self.find(ref)

    async def write_status(self, resource: EMQXAutoCluster, status: StatusModel) -> EMQXAutoCluster:
        if self.refuses:
            raise Unavailable(503, "ServiceUnavailable", "no")
        if resource.metadata.resource_version != str(self.version):
            raise Invalid(422, "Invalid", "it has changed")
        self.edit()
        self.resource = resource.model_copy(update={"status": status})
        return await self.find(self.case.workload.ref)

    def edit(self) -> None:
        """By somebody else."""
        self.version += 1

    # what is told beside it
    def untold(self, *_: object) -> list[str]:
        return []

    def transition(self, *_: object) -> None:
        pass

    record = watch = transition


async def passes(around: Surroundings, count: int, *, every: float = 15) -> None:
    door = cast("Any", around)
    reconciler = Reconciler(door, door, door, door, door)
    for _ in range(count):
        try:
            await reconciler.reconcile(around.case.workload.ref, changed=True)
        except Unavailable:
            around.refuses = False
        around.clock += timedelta(seconds=every)


@pytest.mark.parametrize("mode", ["Repair", "Heal"])
async def test_what_is_not_any_more_as_it_was_judged_is_left_alone(mode: str) -> None:
    around = Surroundings(a_case(**LONE | {"mode": mode}), stands=False)
    await passes(around, 3)
    assert around.done == []
    around.stands = True
    await passes(around, 1)
    assert [what for _, what in around.done] == ["JoinCluster Pod/emqx-b"]


@pytest.mark.parametrize("happens", ["edit", "refuse"])
async def test_what_was_done_is_not_forgotten_where_its_status_could_not_be_written(happens: str) -> None:
    """A limit that nobody remembers is none: spec.healing.coolDown is two minutes."""
    around = Surroundings(a_case(**ORPHAN))

    def meanwhile() -> None:
        around.edit()
        around.refuses = happens == "refuse"

    around.while_it_runs = meanwhile
    await passes(around, 30)
    times = [seconds for seconds, _ in around.done]
    assert len(times) > 1
    assert all(later - earlier >= 120 for earlier, later in pairwise(times))
    assert len(around.resource.status.history) == len(times)
    assert [what for _, what in around.done[:2]] == ["EnableDiscovery Pod/emqx-c", "JoinCluster Pod/emqx-c"]
