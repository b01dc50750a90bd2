"""One workload's case: the observation, what the user asked for, and what follows from both at once."""

from dataclasses import dataclass
from datetime import timedelta

from emqx_autocluster import discovery, membership
from emqx_autocluster.annotations import WorkloadOptions
from emqx_autocluster.discovery import DiscoverySettings
from emqx_autocluster.membership import Membership
from emqx_autocluster.observation import (
    Container,
    Identity,
    Member,
    Observation,
    Pod,
    Unobserved,
    Workload,
    WorkloadKind,
)
from emqx_autocluster.v1alpha1 import Spec

_PATIENCE = timedelta(minutes=10)
"""Kubernetes' default for progressDeadlineSeconds."""


@dataclass(frozen=True, slots=True)
class Case:
    """What every check judges. `settings` is None where no EMQX container was found."""

    observation: Observation
    options: WorkloadOptions
    spec: Spec
    container: Container | None
    settings: DiscoverySettings | None
    membership: Membership
    unreachable: str | None = None
    """The API server address, redacted, that was proven dead while the members still stood apart."""

    @property
    def workload(self) -> Workload:
        return self.observation.workload

    @property
    def running(self) -> tuple[Member, ...]:
        return tuple(m for m in self.observation.each_member() if m.pod.running and not m.pod.deleting)

    @property
    def uses_k8s(self) -> bool:
        return self.settings is not None and self.settings.uses_k8s

    @property
    def apart(self) -> bool:
        """Whether members certainly stand apart, long enough for them to have found each other."""
        seen = self.membership
        young = any(membership.is_settling(member, self.observation.at) for member in self.running)
        doubtful = seen.unseen or seen.one_sided or young or self.progressing
        return not doubtful and len(seen.islands) > 1

    @property
    def may_be_broken(self) -> bool:
        """Whether no running members disprove what looks wrong: none runs yet, or they certainly stand apart.

        For what only mostly does harm: a cluster that is whole, or may be, stays well with whatever is odd about it.
        """
        listed = not isinstance(self.observation.members, Unobserved)
        return self.apart or (listed and not self.running)

    @property
    def progressing(self) -> bool:
        """A rollout that goes on; one that is paused, or that waits for a pod in vain, is stuck instead."""
        workload = self.workload
        stuck = workload.paused or workload.progress_deadline_exceeded or self._waits_in_vain()
        return workload.rolling and not stuck

    def _waits_in_vain(self) -> bool:
        """Kubernetes has no deadline for StatefulSets, and none for members that fail after a rollout."""
        workload = self.workload
        waiting = [m.pod for m in self.observation.each_member() if not m.pod.ready and not m.pod.deleting]
        if workload.all_updated:
            return bool(waiting) and all(pod.failing or self._is_overdue(pod) for pod in waiting)
        if workload.ref.kind is WorkloadKind.DEPLOYMENT:
            return False
        waiting = [pod for pod in waiting if pod.revision == workload.update_revision]
        return bool(waiting) and all(map(self._is_overdue, waiting))

    def _is_overdue(self, pod: Pod) -> bool:
        return self.observation.at - pod.created >= _PATIENCE


def build(
    observation: Observation, options: WorkloadOptions, spec: Spec, unreachable: str | None = None
) -> Case:
    container = discovery.emqx_container(observation.workload.template, options.container)
    settings = (
        discovery.read_settings(
            container, identities(observation), observation.config_maps, _unread(observation)
        )
        if container
        else None
    )
    return Case(observation, options, spec, container, settings, membership.examine(observation), unreachable)


def identities(observation: Observation) -> tuple[Identity, ...]:
    """Of the running members, newest pod first: it is made from the newest template."""
    newest_first = sorted(observation.each_member(), key=lambda m: m.pod.created, reverse=True)
    return tuple(m.identity for m in newest_first if not isinstance(m.identity, Unobserved) and m.pod.running)


def _unread(observation: Observation) -> Unobserved | None:
    """Why no running member told what its process has; None: one did, or none runs."""
    running = [m.identity for m in observation.each_member() if m.pod.running]
    if isinstance(observation.members, Unobserved):
        return observation.members
    told = any(not isinstance(identity, Unobserved) for identity in running)
    return None if told else next((i for i in running if isinstance(i, Unobserved)), None)
