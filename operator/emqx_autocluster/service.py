"""The running operator: puts the parts together, and ends when one of them cannot go on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from emqx_autocluster import exhaustion, handlers, health
from emqx_autocluster.clients import paths
from emqx_autocluster.clients.emqx_ctl import EmqxCtl
from emqx_autocluster.clients.errors import APIError, ClientError
from emqx_autocluster.clients.exec import Exec
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.connection import connect, observer
from emqx_autocluster.effects import Effects
from emqx_autocluster.events import Recorder
from emqx_autocluster.handlers import Enrolment
from emqx_autocluster.observation import WorkloadRef
from emqx_autocluster.reconciler import Reconciler
from emqx_autocluster.resources import Resources
from emqx_autocluster.settings import Settings
from emqx_autocluster.workqueue import WorkQueue

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
        queue: WorkQueue[WorkloadRef] = WorkQueue()
        resources = Resources(kube)
        enrolment = Enrolment(queue, resources)
        recorder = Recorder(kube)
        reconciler = _reconciler(kube, resources, recorder, settings)
        # kopf cancels every task that was made after its own start, so the workers come first.
        workers = [
            asyncio.create_task(queue.work(_handler(reconciler, queue))) for _ in range(settings.workers)
        ]
        writing = asyncio.create_task(recorder.write())
        watching = asyncio.create_task(handlers.watch(kube, enrolment, ready, stop))
        try:
            await _first_end(watching, [*workers, writing])
        finally:
            await _end(workers)
            with suppress(TimeoutError):
                await asyncio.wait_for(recorder.written(), _LAST_EVENTS)
            await _end([writing])


def _reconciler(kube: Kube, resources: Resources, recorder: Recorder, settings: Settings) -> Reconciler:
    emqx_ctl = EmqxCtl(Exec(kube, settings.execs))
    return Reconciler(
        observer(kube, emqx_ctl, settings),
        Effects(kube, emqx_ctl),
        resources,
        recorder,
        kube.now,
    )


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
        return await kube.get(paths.emqxautoclusters() + "?limit=1") is not None
    except APIError as error:
        logger.warning("waiting for the API server: %s", error)
        return False


def _handler(
    reconciler: Reconciler, queue: WorkQueue[WorkloadRef]
) -> Callable[[WorkloadRef, bool], Awaitable[None]]:
    async def handle(ref: WorkloadRef, changed: bool) -> None:  # noqa: FBT001 - the queue's signature
        fields = {"workload": str(ref), "namespace": ref.namespace}
        try:
            delay = await reconciler.reconcile(ref, changed=changed)
        except ClientError as error:
            retry = queue.retry(ref)
            logger.warning("the pass failed, again in %g s: %s", retry, error, extra=fields)
        except MemoryError:
            exhaustion.end()
        except Exception:
            # One workload's oddity must not end the look after all others; it stays visible in the log.
            retry = queue.retry(ref)
            logger.exception("the pass crashed, again in %g s", retry, extra=fields)
        else:
            queue.forget(ref)
            if delay is None:
                queue.drop(ref)
            else:
                queue.add_after(ref, delay, jitter=_JITTER if delay > 1 else 0.0)

    return handle
