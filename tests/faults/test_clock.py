"""The clock jumps by an hour in the middle of a repair, in either direction: nothing is done twice, nothing spins."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.exec import Exec
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.effects import Effects
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.observer import Observer, connection
from emqx_autocluster.reporting.events import Recorder
from emqx_autocluster.reporting.resources import Resources
from emqx_autocluster.runtime.brakeman import Brakeman
from emqx_autocluster.runtime.reconciler import Reconciler
from emqx_autocluster.settings import Settings
from keeper import Keeper
from repairs import JOIN, alone, is_whole, tried
from sandbox.faultgate import FaultGate
from story import Story

HOUR = timedelta(hours=1)
MOST_LOOKS = 40
"""In a repair of two joins and two rights: one look for each step, some while members start, none without a pause."""


@dataclass(slots=True)
class Clock:
    ahead: timedelta = timedelta(0)
    looks: int = 0

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
async def test_a_repair_ends_as_if_the_clock_had_not_jumped(
    story: Story, gate: FaultGate, operator: Keeper, jump: timedelta
) -> None:
    await operator.terminate()  # the one with the jumping clock is this very process
    await alone(story, replicas=3)
    await story.annotate(mode="Repair")
    clock = Clock()
    config = operator.kubeconfig
    async with Kube.from_kubeconfig(config) as kube:
        settings = Settings(cluster_dns=story.sandbox.dns)
        emqx_ctl = EmqxCtl(Exec(kube, 4))
        kube.clock = clock
        observer = Observer(kube, emqx_ctl, connection.resolver(kube, settings), "cluster.local")
        effects, resources, recorder = Effects(kube, emqx_ctl), Resources(kube), Recorder(kube)
        brakeman = Brakeman(observer, effects, resources, recorder, lambda _: None)
        reconciler = Reconciler(observer, effects, resources, recorder, brakeman)
        looking = asyncio.create_task(look_again_and_again(reconciler, story, clock))

        async def first_join() -> bool:
            return len(tried(gate, story, JOIN)) == 1

        await story.until("the first join", first_join)
        clock.ahead = jump
        await story.until_repaired(seconds=180)
        looking.cancel()
    await is_whole(gate, story, replicas=3, joins=2)
    assert clock.looks < MOST_LOOKS


async def look_again_and_again(reconciler: Reconciler, story: Story, clock: Clock) -> None:
    """As the work queue does for one workload that nothing else happens to."""
    ref = WorkloadRef(story.namespace, WorkloadKind.DEPLOYMENT, "emqx")
    while True:
        clock.looks += 1
        delay = await reconciler.reconcile(ref, changed=True)
        assert delay is not None
        await asyncio.sleep(delay)
