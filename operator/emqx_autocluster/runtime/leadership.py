"""Leader election by a Lease: of all replicas one watches and acts, and the others stand by.

The rules are client-go's. A holder renews its Lease; a candidate takes it once it has been unchanged for its duration
by the candidate's own clock, so that no two clocks are ever compared. Beyond that two promises are made here. Who
holds it reads it again right before each write, since a process that was frozen does not know for how long. And who
ends gives it back, so that the next one need not wait.

The client library's own election keeps neither, and counts by the wall clock, which jumps.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emqx_autocluster.clients import paths
from emqx_autocluster.clients.errors import ClientError, Conflict
from emqx_autocluster.clients.kube import Kube

NAME = "emqx-autocluster"
_FRESH = 1.0
"""Seconds for which one look at the Lease serves several writes; much less than any duration."""

logger = logging.getLogger(__name__)

Lease = Mapping[str, Any]


class LeadershipLostError(ClientError):
    """Another replica has the Lease, or may have it: nothing may be written any more."""


def suspended_too() -> float:
    """Seconds that also pass while the machine sleeps, where the system has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Terms:
    """`identity` is unique to one process; all else is the same for all replicas. Times in seconds."""

    namespace: str
    identity: str
    duration: float = 15.0
    """After this without a renewal others take over. A holder that could not renew stops acting before."""
    renewal: float = 3.0
    retry: float = 1.0

    @property
    def deadline(self) -> float:
        """How old the last renewal may be for its holder to act."""
        return self.duration * 2 / 3

    @property
    def patience(self) -> float:
        """For one attempt: a second one has to be possible."""
        return self.deadline / 2


class Leadership:
    def __init__(
        self,
        kube: Kube,
        terms: Terms,
        now: Callable[[], datetime],
        clock: Callable[[], float] = suspended_too,
    ) -> None:
        self._kube = kube
        self._terms = terms
        self._now = now
        self._clock = clock
        self._path = paths.leases(terms.namespace, NAME)
        self._seen: Any = None
        self._seen_at = 0.0
        self._held_at: float | None = None
        """When the request was sent that last made the Lease ours."""
        self._confirmed_at = 0.0

    async def acquire(self) -> None:
        """Waits until the Lease is ours. An API server that does not answer is waited for."""
        waiting_for = None
        while (holder := await self._attempt(self._kube)) is not None:
            if holder != waiting_for:
                logger.info("standing by: %s", holder)
            waiting_for = holder
            await asyncio.sleep(self._terms.retry)
        logger.info("leading", extra={"identity": self._terms.identity})

    async def keep(self, kube: Kube) -> None:
        """Renews for ever; raises LeadershipLostError once that has failed for too long.

        `kube` is a connection of the event loop in which this runs, which may be another thread's.
        """
        while True:
            await asyncio.sleep(self._terms.renewal)
            while (trouble := await self._attempt(kube)) is not None:
                self._raise_unless_ours(trouble)
                logger.warning("the Lease could not be renewed: %s", trouble)
                await asyncio.sleep(self._terms.retry)

    async def confirm(self) -> None:
        """To be called right before each write. Raises LeadershipLostError, or why the Lease could not be read."""
        self._raise_unless_ours("the process was held up")
        if self._clock() - self._confirmed_at < _FRESH:
            return
        asked = self._clock()
        lease = await self._kube.get(self._path)
        if _holder(lease) != self._terms.identity:
            self._held_at = None
        self._raise_unless_ours(f"{_holder(lease) or 'nobody'} holds the Lease")
        self._confirmed_at = asked

    async def release(self) -> None:
        """Gives the Lease back, if it is still ours; as well as it can."""
        if self._held_at is None:
            return
        self._held_at = None
        try:
            lease = await self._kube.get(self._path)
            if lease is not None and _holder(lease) == self._terms.identity:
                given = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                await self._kube.replace(self._path, {**lease, "spec": given})
        except ClientError as error:
            logger.warning("the Lease could not be given back: %s", error)

    def _raise_unless_ours(self, why: str) -> None:
        if self._held_at is None or self._clock() - self._held_at > self._terms.deadline:
            self._held_at = None
            raise LeadershipLostError(f"this replica does not lead any more: {why}")

    async def _attempt(self, kube: Kube) -> str | None:
        """Takes the Lease or renews it. None: it is ours; else who has it, or why it could not be asked for."""
        asked = self._clock()
        try:
            async with asyncio.timeout(self._terms.patience):
                lease = await kube.get(self._path)
                if lease is not None and not self._is_free(lease):
                    self._held_at = None
                    return f"{_holder(lease)} holds the Lease"
                await self._take(kube, lease)
        except Conflict:
            return "another replica was quicker"
        except ClientError as error:
            return str(error)
        except TimeoutError:
            return "the API server does not answer"
        self._held_at = self._confirmed_at = asked
        return None

    def _is_free(self, lease: Lease) -> bool:
        """Ours, given back, or unchanged for its duration by our own clock."""
        spec = lease.get("spec") or {}
        if spec != self._seen:
            self._seen, self._seen_at = spec, self._clock()
        holder = _holder(lease)
        duration = spec.get("leaseDurationSeconds") or self._terms.duration
        return not holder or self._is_held_by_us(holder) or self._clock() - self._seen_at >= duration

    def _is_held_by_us(self, holder: str) -> bool:
        return holder == self._terms.identity and self._held_at is not None

    async def _take(self, kube: Kube, lease: Lease | None) -> None:
        """By the resourceVersion that was read: of two who try only one succeeds."""
        at = self._now().isoformat(timespec="microseconds").replace("+00:00", "Z")
        old = (lease or {}).get("spec") or {}
        changed = old.get("holderIdentity") != self._terms.identity
        spec = {
            "holderIdentity": self._terms.identity,
            "leaseDurationSeconds": round(self._terms.duration),
            "acquireTime": at if changed else old.get("acquireTime", at),
            "renewTime": at,
            "leaseTransitions": old.get("leaseTransitions", 0) + (1 if lease and changed else 0),
        }
        if lease is None:
            metadata = {"name": NAME, "namespace": self._terms.namespace}
            body = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": metadata,
                "spec": spec,
            }
            await kube.create(paths.leases(self._terms.namespace), body)
        else:
            await kube.replace(self._path, {**lease, "spec": spec})


def _holder(lease: Lease | None) -> str:
    return str(((lease or {}).get("spec") or {}).get("holderIdentity") or "")
