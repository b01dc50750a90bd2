"""The running operator: puts the parts together, and ends when one of them cannot go on."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from emqx_autocluster import metrics
from emqx_autocluster.api.v1alpha1 import PLURAL
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import APIError, ClientError, Forbidden
from emqx_autocluster.clients.exec import Exec
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.effects import Effects
from emqx_autocluster.healing import Action, guards
from emqx_autocluster.observation import WorkloadRef
from emqx_autocluster.observer import Observer
from emqx_autocluster.observer.connection import connect, observer
from emqx_autocluster.reporting import journal
from emqx_autocluster.reporting.events import Recorder
from emqx_autocluster.reporting.resources import Resources
from emqx_autocluster.runtime import exhaustion, garbage, handlers, health
from emqx_autocluster.runtime.brakeman import Brakeman
from emqx_autocluster.runtime.enrolment import Enrolment
from emqx_autocluster.runtime.leadership import Leadership, Terms
from emqx_autocluster.runtime.reach import Reach
from emqx_autocluster.runtime.reconciler import Reconciler
from emqx_autocluster.runtime.renewal import renew
from emqx_autocluster.runtime.workqueue import WorkQueue
from emqx_autocluster.settings import Settings

_CRD_POLL = 1.0
_LAST_EVENTS = 2.0
"""Seconds that the last events are given when the process ends."""
_JITTER = 0.2

logger = logging.getLogger(__name__)


class CRDMissingError(Exception):
    """The API server does not serve EMQXAutoCluster."""


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop`. Raises where a watch or a worker ends by itself: Kubernetes then starts the process anew."""
    exhaustion.watch_for_it(asyncio.get_running_loop())
    ready = asyncio.Event()
    async with (
        connect(settings) as kube,
        health.serve(settings.health_address, settings.health_port, ready) as port,
    ):
        logger.info("health endpoints on port %d, API server %s", port, kube.host)
        await _crd_served(kube, settings.crd_deadline)
        process = _Process(kube, settings, ready, stop)
        if settings.lease_namespace is None:
            await process.lead(kube)
        else:
            terms = Terms(settings.lease_namespace, f"{socket.gethostname()}_{uuid4()}")
            await process.lead_in_turn(Leadership(kube, terms, kube.now))


@dataclass(frozen=True, slots=True)
class _Process:
    kube: Kube
    settings: Settings
    ready: asyncio.Event
    stop: asyncio.Event

    async def lead_in_turn(self, leadership: Leadership) -> None:
        """Stands by until the Lease is ours, then leads until it is lost. To stand by is to be ready."""
        self.ready.set()
        acquiring, stopping = _tasks(leadership.acquire(), _until(self.stop))
        await asyncio.wait([acquiring, stopping], return_when=asyncio.FIRST_COMPLETED)
        try:
            if not self.stop.is_set():
                acquiring.result()
                renewing = _tasks(renew(leadership, partial(connect, self.settings)))
                await self.lead(self.kube.fenced(leadership.confirm), *renewing)
        finally:
            await _end([acquiring, stopping])
            await leadership.release()

    async def lead(self, writer: Kube, *others: asyncio.Task[None]) -> None:
        """Watches and acts until `stop`, or until one of the tasks that have to go on ends."""
        queue: WorkQueue[WorkloadRef] = WorkQueue(tenant=lambda ref: ref.namespace)
        resources = Resources(writer)
        enrolment = Enrolment(queue, resources)
        reach = Reach(self.kube, self.settings.namespaces, handlers.WATCHED)
        recorder = Recorder(writer)
        observing, effects = self._doors(writer)
        brakeman = Brakeman(observing, effects, resources, recorder, queue.add)
        reconciler = Reconciler(
            observing, effects, resources, recorder, brakeman, self.settings.min_ready_seconds
        )
        metrics.QUEUE_DEPTH.set_function(lambda: queue.waiting)
        metrics.QUEUE_AGE.set_function(lambda: queue.oldest)
        _expect_counts()
        metrics.LEADER.set(1)
        # kopf cancels every task that was made after its own start, so the workers come first.
        workers = _tasks(
            *(queue.work(_handler(reconciler, queue, reach)) for _ in range(self.settings.workers))
        )
        others = (*others, *_tasks(recorder.write(), garbage.collect()))
        [watching] = _tasks(handlers.watch(self.kube, enrolment, reach, self.ready, self.stop))
        try:
            await _first_end(watching, [*workers, *others])
        finally:
            metrics.LEADER.set(0)
            await _end(workers)
            await brakeman.end()
            with suppress(TimeoutError):
                await asyncio.wait_for(recorder.written(), _LAST_EVENTS)
            await _end(list(others))

    def _doors(self, writer: Kube) -> tuple[Observer, Effects]:
        asking, acting = (EmqxCtl(Exec(door, self.settings.execs)) for door in (self.kube, writer))
        return observer(self.kube, asking, self.settings), Effects(writer, acting)


def _expect_counts() -> None:
    answers: list[type[APIError]] = [APIError, *APIError.__subclasses__()]
    actions = [action for action in Action if action is not Action.AWAIT_ROLLOUT]
    metrics.expect(actions=actions, guards=guards.NAMES, failures=[kind.__name__ for kind in answers])


def _tasks(*works: Coroutine[Any, Any, None]) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(work) for work in works]


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _first_end(watching: asyncio.Task[None], workers: list[asyncio.Task[None]]) -> None:
    done, _ = await asyncio.wait([watching, *workers], return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _crd_served(kube: Kube, deadline: float) -> None:
    """Waits: kopf looks once which kinds there are, and `kubectl apply -f deploy/` may have made ours just now."""
    try:
        async with asyncio.timeout(deadline):
            while not await _served(kube):
                await asyncio.sleep(_CRD_POLL)
    except TimeoutError:
        raise CRDMissingError(
            f"the API server does not serve emqxautoclusters after {deadline:g} s; apply crds/ first"
        ) from None


async def _served(kube: Kube) -> bool:
    try:
        served = await kube.get(paths.own_kinds()) or {}
        return any(kind["name"] == PLURAL for kind in served.get("resources") or ())
    except APIError as error:
        logger.warning("waiting for the API server: %s", error)
        return False


def _handler(
    reconciler: Reconciler, queue: WorkQueue[WorkloadRef], reach: Reach
) -> Callable[[WorkloadRef, bool], Awaitable[None]]:
    async def handle(ref: WorkloadRef, changed: bool) -> None:  # noqa: FBT001 - the queue's signature
        fields = journal.of(ref)
        if not reach.covers(ref.namespace):
            reconciler.forget(ref)
            queue.drop(ref)  # it comes back with the namespace
            return
        try:
            with metrics.timed(metrics.PASSES.observe):
                delay = await reconciler.reconcile(ref, changed=changed)
        except ClientError as error:
            retry = queue.retry(ref, changed=changed)
            metrics.RETRIES.labels(type(error).__name__).inc()
            if isinstance(error, Forbidden):
                reach.doubt(ref.namespace)
            logger.warning("the pass failed, again in %g s: %s", retry, error, extra=fields)
        except MemoryError:
            exhaustion.end()
        except Exception as error:
            # One workload's oddity must not end the look after all others; it stays visible in the log.
            retry = queue.retry(ref, changed=changed)
            metrics.RETRIES.labels(type(error).__name__).inc()
            logger.exception("the pass crashed, again in %g s", retry, extra=fields)
        else:
            queue.forget(ref)
            if delay is None:
                queue.drop(ref)
            else:
                queue.add_after(ref, delay, jitter=_JITTER if delay > 1 else 0.0)

    return handle
