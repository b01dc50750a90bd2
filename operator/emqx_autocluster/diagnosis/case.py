"""One workload's case: the observation, what the user asked for, and what follows from both at once."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from emqx_autocluster.api.annotations import WorkloadOptions
from emqx_autocluster.api.v1alpha1 import Spec
from emqx_autocluster.emqx import (
    choices,
    containers,
    discoveryreader,
    environment,
    membership,
    veil,
    versions,
)
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.generation import CANONICAL_API_SERVER
from emqx_autocluster.emqx.membership import Membership
from emqx_autocluster.emqx.veil import Veil
from emqx_autocluster.emqx.versions import UNKNOWN_VERSION, VersionRange
from emqx_autocluster.objects import steering
from emqx_autocluster.observation import (
    Container,
    Identity,
    Member,
    Observation,
    Pod,
    Service,
    Unobserved,
    View,
    Workload,
    WorkloadKind,
)
from emqx_autocluster.settings import SAFE_MIN_READY_SECONDS

_PATIENCE = timedelta(minutes=10)
"""Kubernetes' default for progressDeadlineSeconds."""
_BOOT = timedelta(seconds=60)
"""A replicant that has found a core is Ready well before that."""


@dataclass(frozen=True, slots=True)
class Case:
    """What every check judges. `settings` is None where no EMQX container was found."""

    observation: Observation
    options: WorkloadOptions
    spec: Spec
    container: Container | None
    settings: DiscoverySettings | None
    membership: Membership
    excess: str = ""
    """What the EMQX container has more of than is ever judged; then it counts as none."""
    unreachable: str | None = None
    """The API server address, redacted, that was proven dead while the members still stood apart."""
    safe_seconds: int = SAFE_MIN_READY_SECONDS
    """The least minReadySeconds under which a new member has joined before the next old one ends."""
    veil: Veil = field(default_factory=Veil)
    """Over what is told of it: values that come from a Secret are nobody's to see."""
    others: tuple["Case", ...] = ()
    """The same case as the other versions of EMQX that it may be; none where the version is known well enough."""

    def each(self) -> tuple["Case", ...]:
        """As each version that it may be, the newest first."""
        return (self, *self.others)

    @property
    def workload(self) -> Workload:
        return self.observation.workload

    @property
    def version(self) -> VersionRange:
        return self.settings.version if self.settings else UNKNOWN_VERSION

    def where(self, pod: str) -> str:
        """For `kubectl exec` and `kubectl logs`, which without a container take the first one."""
        several = self.container is not None and len(self.workload.template.containers) > 1
        container = f" -c {self.container.name}" if several and self.container else ""
        return f"-n {self.workload.ref.namespace} {pod}{container}"

    @property
    def running(self) -> tuple[Member, ...]:
        return tuple(m for m in self.observation.each_member() if m.pod.running and not m.pod.deleting)

    @property
    def has_booted(self) -> bool:
        """Whether a node has come through its boot, and so took its settings.

        That its container runs does not say so: one that ends at once runs for some seconds of each minute.
        """
        return any(m.pod.ready or isinstance(m.view, View) or self._is_old(m.pod) for m in self.running)

    @property
    def uses_k8s(self) -> bool:
        return self.settings is not None and self.settings.uses_k8s

    @property
    def uses_dns(self) -> bool:
        return self.settings is not None and self.settings.uses_dns

    @property
    def discovers(self) -> bool:
        """Whether its nodes ask Kubernetes for their peers: its API server, or its DNS."""
        return self.settings is not None and self.settings.discovers

    @property
    def joins_at_start(self) -> bool:
        """Whether a node that starts looks for peers by itself and joins them, by whatever strategy."""
        return self.settings is not None and self.settings.joins_at_start

    @property
    def is_replicant(self) -> bool:
        """Whether its nodes ask for cores, which are another workload, instead of for each other."""
        return self.settings is not None and self.settings.is_replicant

    @property
    def awaiting(self) -> tuple[Member, ...]:
        """Replicants that wait in their boot for a core, for longer than one takes that finds it."""
        return tuple(
            m
            for m in self.membership.replicants
            if isinstance(m.view, View)
            and m.view.running <= {m.node}
            and not m.pod.ready
            and self._is_old(m.pod)
        )

    def _is_old(self, pod: Pod) -> bool:
        return pod.running_since is not None and self.observation.at - pod.running_since >= _BOOT

    @property
    def cores(self) -> Membership:
        """For replicants: who of the cores that they ask for is clustered with whom."""
        return membership.examine(replace(self.observation, members=self.observation.cores))

    @property
    def apart(self) -> bool:
        """Whether members certainly stand apart, long enough for them to have found each other; replicants, a core."""
        if self.is_replicant:
            return bool(self.awaiting)
        seen = self.membership
        young = any(self.observation.is_settling(member) for member in self.running)
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
    def held(self) -> bool:
        """Whether the operator itself keeps this rollout from ending the next old member."""
        return steering.holding(self.workload) is not None

    @property
    def rolling(self) -> bool:
        """Whether a rollout is under way, held or not: to Kubernetes one that waits at a partition is over."""
        return self.workload.rolling or self.held

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
        if self.is_replicant:
            return bool(waiting) and all(map(self._is_overdue, waiting))
        if workload.ref.kind is WorkloadKind.DEPLOYMENT:
            return False
        waiting = [pod for pod in waiting if pod.revision == workload.update_revision]
        return bool(waiting) and all(map(self._is_overdue, waiting))

    def _is_overdue(self, pod: Pod) -> bool:
        """A replicant that runs and is not Ready waits for a core, which no rollout brings."""
        if self.is_replicant and self._is_old(pod):
            return True
        return self.observation.at - pod.created >= _PATIENCE


def build(
    observation: Observation,
    options: WorkloadOptions,
    spec: Spec,
    unreachable: str | None = None,
    safe_seconds: int = SAFE_MIN_READY_SECONDS,
) -> Case:
    container = containers.emqx_container(observation.workload.template, options.container)
    seen = membership.examine(observation)
    excess = environment.excess(container) if container else ""
    if container is None or excess:
        return Case(observation, options, spec, None, None, seen, excess, unreachable, safe_seconds)
    hidden = _veil(observation, container)
    first, *others = (
        Case(observation, options, spec, container, settings, seen, "", unreachable, safe_seconds, hidden)
        for settings in _readings(observation, options, container)
    )
    return replace(first, others=tuple(others))


def _readings(
    observation: Observation, options: WorkloadOptions, container: Container
) -> Iterator[DiscoverySettings]:
    """The settings as each version of EMQX reads them that it may be, the newest first."""
    version = containers.known_version(
        container.image, _of_the_template(observation, container), versions.parse(options.emqx_version)
    )
    known, unread = identities(observation), _unread(observation)
    for generation in version.generations:
        yield discoveryreader.read_settings(
            container, known, observation.config_maps, unread, version, generation
        )


def _veil(observation: Observation, container: Container) -> Veil:
    """Nothing is hidden that is the name of what everybody sees, or the same for everybody."""
    ref, network, service = observation.workload.ref, observation.network, observation.service
    found = service.name if isinstance(service, Service) else ""
    hosts = (CANONICAL_API_SERVER, f"{ref.namespace}.svc.{network.cluster_domain}")
    strategies = (word for each in UNKNOWN_VERSION.generations for word in each.strategies)
    words = (*strategies, *choices.ADDRESS_TYPES, "pod.cluster.local", "pod.local", "localhost")
    public = (*words, *hosts, ref.namespace, ref.name, container.name, found)
    return veil.drawn(container, identities(observation), public)


def _of_the_template(observation: Observation, container: Container) -> tuple[Identity, ...]:
    """Of members that run the template's image: while it is being replaced, others are of another version."""
    return tuple(
        m.identity
        for m in _newest_first(observation)
        if not isinstance(m.identity, Unobserved) and m.pod.running and m.pod.image in {"", container.image}
    )


def identities(observation: Observation) -> tuple[Identity, ...]:
    """Of the running members, newest pod first: it is made from the newest template."""
    found = _newest_first(observation)
    return tuple(m.identity for m in found if not isinstance(m.identity, Unobserved) and m.pod.running)


def _newest_first(observation: Observation) -> list[Member]:
    return sorted(observation.each_member(), key=lambda m: m.pod.created, reverse=True)


def _unread(observation: Observation) -> Unobserved | None:
    """Why no running member told what its process has; None: one did, or none runs."""
    running = [m.identity for m in observation.each_member() if m.pod.running]
    if isinstance(observation.members, Unobserved):
        return observation.members
    told = any(not isinstance(identity, Unobserved) for identity in running)
    return None if told else next((i for i in running if isinstance(i, Unobserved)), None)
