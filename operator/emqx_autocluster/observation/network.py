"""The network around the members: Service, Endpoints, names, the API server, and policies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from emqx_autocluster.observation.facts import NOT_ASKED, Fact
from emqx_autocluster.observation.workloads import ContainerPort

CANONICAL_HOST = "kubernetes.default.svc"
"""The API server, by the name that every pod's resolver knows, whatever its namespace and the cluster's domain."""


class DNSOutcome(StrEnum):
    """How a nameserver answered; five different causes when it is not an answer."""

    ANSWER = "answer"
    NXDOMAIN = "NXDOMAIN"
    NODATA = "NODATA"
    SERVFAIL = "SERVFAIL"
    REFUSED = "REFUSED"
    TIMEOUT = "timeout"
    """Also where nothing listens: over UDP a refusal is not told."""


@dataclass(frozen=True, slots=True)
class DNSAnswer:
    name: str
    outcome: DNSOutcome
    addresses: tuple[str, ...] = ()
    """Of SRV records the names that they lead to."""
    ttl: int | None = None
    """For how many seconds the answer may be kept; None: not told."""


@dataclass(frozen=True, slots=True)
class TargetPort:
    """Where a port of a Service leads in the pods: to a number, or to whichever port has that name there."""

    target: int | str
    protocol: str = "TCP"

    def is_among(self, ports: Iterable[ContainerPort]) -> bool:
        named = {(port.name, port.protocol) for port in ports}
        return isinstance(self.target, int) or (self.target, self.protocol) in named


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    selector: Mapping[str, str]
    headless: bool
    publish_not_ready: bool
    ports: tuple[str, ...] | None = None
    """Names of its ports, empty for one without; None: not known."""
    targets: tuple[TargetPort, ...] = ()
    """Where these ports lead; none: it has no ports, or that is not known."""
    families: tuple[str, ...] = ()
    """`IPv4`, `IPv6` in their order; Endpoints have addresses of the first alone. None of them: not told."""
    single_stack: bool = False
    """Whether it certainly has no family besides the first."""
    external_name: str = ""
    """Of type ExternalName: where it leads; such a Service has no Endpoints, whatever it selects."""

    def selects(self, labels: Mapping[str, str]) -> bool:
        return bool(self.selector) and not self.unmet(labels)

    def leads_to(self, ports: Iterable[ContainerPort]) -> bool:
        """Whether its Endpoints take in a pod with these named ports: only if a port of the Service is found there."""
        known = tuple(ports)
        return not self.targets or any(each.is_among(known) for each in self.targets)

    def unmet(self, labels: Mapping[str, str]) -> list[str]:
        """Keys of the selector that these labels do not fit."""
        return [key for key, value in self.selector.items() if labels.get(key) != value]


@dataclass(frozen=True, slots=True)
class OtherPods:
    """Those of another object than the workload, before any of them runs."""

    owner: str
    """`Deployment/web`."""
    labels: Mapping[str, str]
    governing: str | None = None
    """The Service that gives them host names; None: they have none."""
    ports: tuple[ContainerPort, ...] = ()
    """Those with a name."""


@dataclass(frozen=True, slots=True)
class EndpointAddress:
    ip: str
    hostname: str | None = None
    pod: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoints:
    ready: tuple[EndpointAddress, ...]
    not_ready: tuple[EndpointAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterDNS:
    """The cluster's own DNS, as its objects in kube-system show it."""

    addresses: Fact[tuple[str, ...]] = NOT_ASKED
    """ClusterIPs of its Service; none: there is no Service of that name."""
    backends: Fact[tuple[str, ...]] = NOT_ASKED
    """Addresses of its Ready pods, by the Endpoints of its Service."""
    corefile: Fact[str | None] = NOT_ASKED
    """CoreDNS's configuration; None: there is no ConfigMap `coredns` with one, so it is another DNS or renamed."""


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """One policy of the workload's namespace: whom it selects, and its rules as the API server has them."""

    name: str
    pod_selector: Mapping[str, Any]
    types: frozenset[str]
    """`Ingress`, `Egress`."""
    ingress: tuple[Mapping[str, Any], ...] = ()
    egress: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Network:
    """What is known of names and of the API server's certificate."""

    dns: Mapping[str, Fact[DNSAnswer]] = field(default_factory=dict)
    """Absolute name -> answer of the cluster's DNS to the operator itself."""
    certificate_hosts: Fact[frozenset[str]] = NOT_ASKED
    """Host names and addresses in the certificate that the API server shows for kubernetes.default.svc."""
    cluster_domain: str = "cluster.local"
    cluster_dns: ClusterDNS = field(default_factory=ClusterDNS)
    """Read only where a name does not resolve as it should."""
    nameservers: Mapping[str, Fact[DNSAnswer]] = field(default_factory=dict)
    """Nameserver of a pod -> what it answers to the operator for the API server's absolute name."""
    service_address: Fact[str | None] = NOT_ASKED
    """ClusterIP of the Service `kubernetes`, from the API server itself."""
    api_servers: Fact[frozenset[str]] = NOT_ASKED
    """Addresses of the API servers behind that Service."""
    api_ports: frozenset[int] = frozenset()
    """The ports that they listen on; none: not known."""
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    """Of the workload's namespace, as far as they are known; its annotations likewise."""
    namespace_annotations: Mapping[str, str] = field(default_factory=dict)
    policies: Fact[tuple[NetworkPolicy, ...]] = NOT_ASKED
    peers: Fact[DNSAnswer] = NOT_ASKED
    """What the cluster's DNS answers to the operator for the question by which strategy dns looks for peers."""
