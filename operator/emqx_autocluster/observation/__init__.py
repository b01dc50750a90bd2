"""What was seen of one workload: the frozen values that flow from the observer to the decisions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from emqx_autocluster.observation.facts import NOT_ASKED, Fact, Unobserved
from emqx_autocluster.observation.members import (
    DiscoveryError,
    DiscoveryTrace,
    Identity,
    JoinTrace,
    Member,
    Pod,
    ResolvConf,
    Stranger,
    View,
)
from emqx_autocluster.observation.network import (
    CANONICAL_HOST,
    ClusterDNS,
    DNSAnswer,
    DNSOutcome,
    EndpointAddress,
    Endpoints,
    Network,
    NetworkPolicy,
    OtherPods,
    Service,
    TargetPort,
)
from emqx_autocluster.observation.rights import ManagedObject, Rights
from emqx_autocluster.observation.sockets import Pulse, Socket
from emqx_autocluster.observation.workloads import (
    ConfigMapFiles,
    Container,
    ContainerPort,
    EnvFrom,
    EnvVar,
    Mount,
    PodTemplate,
    Workload,
    WorkloadKind,
    WorkloadRef,
    is_spelling,
)
from emqx_autocluster.settings import SETTLING_SECONDS

__all__ = [
    "CANONICAL_HOST",
    "NOT_ASKED",
    "ClusterDNS",
    "ConfigMapFiles",
    "Container",
    "ContainerPort",
    "DNSAnswer",
    "DNSOutcome",
    "DiscoveryError",
    "DiscoveryTrace",
    "EndpointAddress",
    "Endpoints",
    "EnvFrom",
    "EnvVar",
    "Fact",
    "Identity",
    "JoinTrace",
    "ManagedObject",
    "Member",
    "Mount",
    "Network",
    "NetworkPolicy",
    "Observation",
    "OtherPods",
    "Pod",
    "PodTemplate",
    "Pulse",
    "ResolvConf",
    "Rights",
    "Service",
    "Socket",
    "Stranger",
    "TargetPort",
    "Unobserved",
    "View",
    "Workload",
    "WorkloadKind",
    "WorkloadRef",
    "is_spelling",
]


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that one pass knows. `at` is the wall clock of the pass."""

    at: datetime
    resource: str
    """Name of the custom resource; the names of the objects that we make begin with it."""
    workload: Workload
    members: Fact[tuple[Member, ...]]
    """One for each pod that is not finished, sorted by pod name."""
    config_maps: Mapping[str, Fact[Mapping[str, str] | None]] = field(default_factory=dict)
    service: Fact[Service | None] = NOT_ASKED
    endpoints: Fact[Endpoints | None] = NOT_ASKED
    governing: Fact[Service | None] = NOT_ASKED
    """The Service that a StatefulSet names for its pods' host names, where it is another one than `service`."""
    selecting: tuple[Service, ...] = ()
    """Services of its namespace that select the pods, as far as they are known: one of them may be meant."""
    beside: tuple[OtherPods, ...] = ()
    """Other pods of its namespace, by what makes them: told by a manifest alone; live, the Endpoints show them."""
    strangers: Mapping[str, Stranger] = field(default_factory=dict)
    """Running node that no pod of the workload has -> the pod that has it, as far as that is known."""
    holders: Fact[Mapping[str, str]] = field(default_factory=dict)
    """Name of a stopped node that no pod of the workload has -> what else has it, or may have it again."""
    cores: Fact[tuple[Member, ...]] = NOT_ASKED
    """For replicants: the members that they ask for, which are pods of another workload."""
    mute: int = 0
    """How many looks in a row, this one included, a command in a member did not end in its time."""
    impostors: Mapping[str, str] = field(default_factory=dict)
    """Name of a pod that says it is the workload's own -> why it is not."""
    rights: Rights | None = None
    network: Network = field(default_factory=Network)
    settling: timedelta = timedelta(seconds=SETTLING_SECONDS)
    """The age until which a member that stands alone may still find others by itself."""

    def is_settling(self, member: Member) -> bool:
        """Whether the broker is so young that being alone is no news."""
        return member.pod.runs_shorter_than(self.settling, self.at)

    def each_member(self) -> Iterator[Member]:
        """The members, or none where the pods could not be listed."""
        if not isinstance(self.members, Unobserved):
            yield from self.members

    @property
    def pulses(self) -> int:
        """How many pods' sockets are looked at between two looks: the members', and those of the cores they ask for."""
        cores = 0 if isinstance(self.cores, Unobserved) else len(self.cores)
        return cores + sum(1 for _ in self.each_member())
