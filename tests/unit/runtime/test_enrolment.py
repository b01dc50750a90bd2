"""What the watches tell, and whether it is news: what is listed as a watch begins need not have changed."""

import asyncio
from typing import Any

import pytest

from emqx_autocluster.api.annotations import MODE
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.reporting.resources import Resources
from emqx_autocluster.runtime.enrolment import Enrolment
from emqx_autocluster.runtime.workqueue import DEBOUNCE, TAKEN_IN, WorkQueue

Object = dict[str, Any]
REF = WorkloadRef("iot", WorkloadKind.DEPLOYMENT, "emqx")


class Watched:
    """An enrolment, and the queue that it fills."""

    def __init__(self) -> None:
        self.queue: WorkQueue[WorkloadRef] = WorkQueue()
        # Of the API server nothing is asked here.
        self.enrolment = Enrolment(self.queue, Resources(Kube.from_kubeconfig()))

    def workload(self, uid: str = "w", generation: int = 1, **when: bool) -> None:
        metadata: Object = {"namespace": "iot", "name": "emqx", "uid": uid, "generation": generation}
        metadata["annotations"] = {MODE: "Observe"}
        self.enrolment.workload(WorkloadKind.DEPLOYMENT, {"metadata": metadata}, **when)

    def resource(self, name: str = "emqx", **when: bool) -> None:
        metadata = {"namespace": "iot", "name": name, "uid": name}
        spec = {"targetRef": {"kind": "Deployment", "name": "emqx"}}
        self.enrolment.resource({"metadata": metadata, "spec": spec}, **when)

    @property
    def due_in(self) -> float:
        """Seconds."""
        return self.queue._timers[REF].when() - asyncio.get_running_loop().time()

    async def is_news(self) -> bool:
        """How the worker gets it that comes next."""
        told: asyncio.Queue[bool] = asyncio.Queue()

        async def handle(ref: WorkloadRef, changed: bool) -> None:  # noqa: FBT001 - the queue's signature
            assert ref == REF
            told.put_nowait(changed)

        worker = asyncio.create_task(self.queue.work(handle))
        try:
            return await asyncio.wait_for(told.get(), 10)
        finally:
            worker.cancel()


async def test_what_is_there_when_the_process_starts_is_no_news() -> None:
    watched = Watched()
    watched.workload(listed=True)
    watched.resource(listed=True)
    assert not await watched.is_news()


async def test_what_a_watch_tells_is_news() -> None:
    watched = Watched()
    watched.workload()
    assert await watched.is_news()


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param(
            lambda watched: watched.workload(listed=True), id="the workload, which may have changed"
        ),
        pytest.param(lambda watched: watched.workload("new", listed=True), id="another workload of its name"),
        pytest.param(
            lambda watched: watched.resource("mine", listed=True), id="a resource that was made meanwhile"
        ),
    ],
)
async def test_what_is_listed_after_a_watch_broke_off_is_news(meanwhile: Any) -> None:
    watched = Watched()
    watched.workload(listed=True)
    watched.resource(listed=True)
    assert not await watched.is_news()
    meanwhile(watched)
    assert await watched.is_news()


async def test_of_a_workload_that_was_deleted_nothing_is_kept() -> None:
    watched = Watched()
    watched.workload(listed=True)
    watched.workload(deleted=True)
    assert not watched.enrolment._met
    assert not watched.enrolment._intake._latest


async def test_a_change_waits_for_its_controller_and_no_longer() -> None:
    """A look before that sees a rollout that is none."""
    watched = Watched()
    watched.workload(generation=2)
    assert TAKEN_IN < watched.due_in <= DEBOUNCE
    watched.workload(generation=3)
    assert TAKEN_IN < watched.due_in <= DEBOUNCE, "changed again before the controller had taken that in"
    watched.workload(generation=3)
    assert watched.due_in <= TAKEN_IN


async def test_what_follows_of_a_rollout_is_collected() -> None:
    watched = Watched()
    watched.workload(generation=2)
    watched.workload(generation=2)
    assert await watched.is_news()
    watched.workload(generation=2)
    assert TAKEN_IN < watched.due_in <= DEBOUNCE


async def test_what_is_listed_was_taken_in_long_ago() -> None:
    watched = Watched()
    watched.workload(generation=2, listed=True)
    assert not await watched.is_news()
    watched.workload(generation=2)
    assert TAKEN_IN < watched.due_in <= DEBOUNCE
