"""What was seen of one workload: the frozen values that flow from the observer to the decisions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from emqx_autocluster.observation.facts import NOT_ASKED, Fact, Unobserved
from emqx_autocluster.observation.members import (
    DiscoveryError,
    DiscoveryTrace,
    Identity,
    JoinTrace,
    Member,
    Pod,
    ResolvConf,
    View,
)
from emqx_autocluster.observation.surroundings import (
    ClusterDNS,
    DNSAnswer,
    DNSOutcome,
    EndpointAddress,
    Endpoints,
    ManagedObject,
    Network,
    NetworkPolicy,
    Rights,
    Service,
)
from emqx_autocluster.observation.workloads import (
    Container,
    ContainerPort,
    EnvFrom,
    EnvVar,
    PodTemplate,
    Workload,
    WorkloadKind,
    WorkloadRef,
)

__all__ = [
    "NOT_ASKED",
    "ClusterDNS",
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
    "Network",
    "NetworkPolicy",
    "Observation",
    "Pod",
    "PodTemplate",
    "ResolvConf",
    "Rights",
    "Service",
    "Unobserved",
    "View",
    "Workload",
    "WorkloadKind",
    "WorkloadRef",
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
    strangers: Mapping[str, str] = field(default_factory=dict)
    """Running node that no pod of the workload has -> what has it: a pod, and its workload if enrolled."""
    rights: Rights | None = None
    network: Network = field(default_factory=Network)

    def each_member(self) -> Iterator[Member]:
        """The members, or none where the pods could not be listed."""
        if not isinstance(self.members, Unobserved):
            yield from self.members
