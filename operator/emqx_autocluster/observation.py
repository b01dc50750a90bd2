"""What was seen of one workload: the frozen values that flow from the observer to the decisions.

Two absences are kept apart everywhere. `None` means "looked, and it is not there"; `Unobserved` means
"could not look", and nothing may be concluded from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unobserved:
    """A fact that could not be read; `reason` says why, in words fit for a condition message."""

    reason: str


Fact: TypeAlias = T | Unobserved

_IMAGE_FAILURES = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
_OTHER_FAILURES = frozenset(
    {"CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)


class WorkloadKind(StrEnum):
    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"


@dataclass(frozen=True, slots=True, order=True)
class WorkloadRef:
    """Which workload is meant; the key of the work queue."""

    namespace: str
    kind: WorkloadKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}"


@dataclass(frozen=True, slots=True)
class EnvVar:
    """One entry of a container's `env`; with `value_from`, the raw source, `value` is None unless it is certain."""

    name: str
    value: str | None = None
    value_from: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class EnvFrom:
    """One entry of a container's `envFrom`; exactly one of `config_map` and `secret` is set."""

    config_map: str | None = None
    secret: str | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class ContainerPort:
    name: str
    number: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    image: str
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    mounts: Mapping[str, str] = field(default_factory=dict)
    """Mount path -> name of the volume."""
    projects_token: bool = False
    """Whether a projected volume brings it a ServiceAccount token without automounting."""
    token_audience: str | None = None
    """The audience of that projected token; None: the API server's own."""
    ports: tuple[ContainerPort, ...] = ()
    """Those with a name: a NetworkPolicy may mean them by it."""

    def last_env(self, name: str) -> EnvVar | None:
        """The entry that wins: of duplicate names Kubernetes takes the last."""
        return next((entry for entry in reversed(self.env) if entry.name == name), None)


@dataclass(frozen=True, slots=True)
class PodTemplate:
    containers: tuple[Container, ...]
    service_account: str = "default"
    names_account: bool = False
    """Whether the ServiceAccount is spelled out; else the API server takes `default`."""
    automount_token: bool | None = None
    dns_policy: str = "ClusterFirst"
    dns_config: bool = False
    host_network: bool = False
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Volume name -> its kind, as the pod spec's key says it: `emptyDir`, `persistentVolumeClaim`, ..."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or StatefulSet, as far as clustering is concerned."""

    ref: WorkloadRef
    uid: str
    generation: int
    observed_generation: int
    resource_version: str
    replicas: int
    template: PodTemplate
    selector: Mapping[str, Any]
    annotations: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[tuple[str, str], ...] = ()
    """(API group, kind) of each owner."""
    strategy: str = "RollingUpdate"
    """Deployment: RollingUpdate or Recreate; StatefulSet: RollingUpdate or OnDelete."""
    min_ready_seconds: int = 0
    progress_deadline_seconds: int | None = None
    paused: bool = False
    partition: int = 0
    pod_management: str = "OrderedReady"
    service_name: str | None = None
    """The governing Service of a StatefulSet."""
    claim_templates: tuple[str, ...] = ()
    """Volumes that a StatefulSet's volumeClaimTemplates provide."""
    status_replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    update_revision: str = ""
    progress_deadline_exceeded: bool = False
    writers: Mapping[str, str] = field(default_factory=dict)
    """Who wrote a field of the template last, by the name of their field manager: `env/NAME`, `dnsPolicy`, ..."""

    @property
    def rolling(self) -> bool:
        """Whether the controller has not yet brought every pod to the current template."""
        return not self.all_updated or self.available_replicas < self.status_replicas

    @property
    def all_updated(self) -> bool:
        """Whether every pod that shall be is made from the current template, available or not."""
        if self.observed_generation < self.generation:
            return False
        old = self.status_replicas - self.updated_replicas
        return self.updated_replicas >= self.replicas - self.partition and old <= self.partition


@dataclass(frozen=True, slots=True)
class Pod:
    name: str
    uid: str
    ip: str | None
    created: datetime
    ready: bool
    deleting: bool = False
    phase: str = "Running"
    hostname: str = ""
    """The host name inside the pod: `spec.hostname`, or the pod's name."""
    subdomain: str = ""
    service_account: str = "default"
    revision: str = ""
    """The template hash (Deployment) or controller revision (StatefulSet) it was made from."""
    container_id: str | None = None
    """Of the EMQX container; None while it has never run."""
    running_since: datetime | None = None
    """None while the EMQX container does not run."""
    waiting: str | None = None
    """Why the EMQX container does not run, in Kubernetes' words: CrashLoopBackOff, ImagePullBackOff, ..."""
    ready_since: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    cookie: str | None = None
    """Where its Erlang cookie comes from, for comparison only: never the cookie, nor anything it could be told from."""

    @property
    def running(self) -> bool:
        return self.running_since is not None

    @property
    def failing(self) -> bool:
        """Whether Kubernetes itself says that the container cannot start, and not just that it has not yet."""
        reason = (self.waiting or "").partition(":")[0]
        return reason in _IMAGE_FAILURES or reason in _OTHER_FAILURES

    @property
    def crashing(self) -> bool:
        return (self.waiting or "").startswith("CrashLoopBackOff")

    @property
    def lacks_image(self) -> bool:
        return (self.waiting or "").partition(":")[0] in _IMAGE_FAILURES


@dataclass(frozen=True, slots=True)
class View:
    """What one member answers to `emqx_ctl cluster status`."""

    running: frozenset[str]
    stopped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ResolvConf:
    nameservers: tuple[str, ...]
    search: tuple[str, ...] = ()
    ndots: int = 1

    def candidates(self, name: str) -> tuple[str, ...]:
        """The absolute names, each with its final dot, in the order in which they are tried.

        As glibc does. musl (Alpine images, EMQX 4.x) leaves the search list out when the name has `ndots` dots.
        """
        if name.endswith("."):
            return (name,)
        absolute = f"{name}."
        searched = tuple(f"{name}.{domain.strip('.')}." for domain in self.search if domain.strip("."))
        names = (absolute, *searched) if name.count(".") >= self.ndots else (*searched, absolute)
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Identity:
    """What the main process of a member's container says of itself, read without starting an Erlang VM."""

    environ: Mapping[str, str]
    """Only the variables of the allow-list in `clients.emqx_ctl`; never a cookie or a password."""
    version: str | None
    resolv_conf: ResolvConf | None

    @property
    def node(self) -> str | None:
        """The node's own name: the entrypoint exports it as EMQX_NODE_NAME (4.x) or EMQX_NODE__NAME (5.x)."""
        return self.environ.get("EMQX_NODE_NAME") or self.environ.get("EMQX_NODE__NAME")


@dataclass(frozen=True, slots=True)
class JoinTrace:
    """Where the member's own log leaves it, since its container started."""

    stopped_at: datetime | None
    """When it last stopped its applications to join; None: no such line."""
    listening_again: bool
    """Whether a listener started after that."""
    line: str = ""
    waits: str = ""
    """What it said first of waiting for its tables, if no listener started after it."""


class DiscoveryError(StrEnum):
    """Why a member's discovery failed, as its own log tells it; the same for both HTTP clients of EMQX."""

    NAME_NOT_FOUND = "NameNotFound"
    REFUSED = "Refused"
    TIMED_OUT = "TimedOut"
    UNAUTHORIZED = "Unauthorized"
    FORBIDDEN = "Forbidden"
    NOT_FOUND = "NotFound"
    TLS = "TLS"
    BAD_ADDRESS = "BadAddress"
    NO_HOSTNAME = "NoHostname"
    NO_TOKEN = "NoToken"  # noqa: S105 - a cause, not a secret
    PEERS_DEAD = "PeersDead"
    LICENCE = "Licence"


@dataclass(frozen=True, slots=True)
class DiscoveryTrace:
    """The last word of a member's log about its discovery, since its container started."""

    error: DiscoveryError
    line: str
    """In one line, without tokens, and short enough to be quoted."""


@dataclass(frozen=True, slots=True)
class Member:
    """One EMQX node and the pod that it lives in."""

    pod: Pod
    identity: Fact[Identity]
    view: Fact[View]
    lookups: Mapping[str, Fact[tuple[str, ...]]] = field(default_factory=dict)
    """Host name -> addresses that the pod's own resolver gives; an empty tuple: the name is unknown there."""
    connections: Fact[int] = Unobserved("not asked")
    join_trace: Fact[JoinTrace] = Unobserved("not asked")
    node: str | None = None
    """The node's name, where anything tells it."""
    discovery_trace: Fact[DiscoveryTrace | None] = Unobserved("not asked")
    """Asked only of members that are not clustered; it confirms a cause, and nothing depends on it."""
    rpc: Mapping[str, Fact[bool]] = field(default_factory=dict)
    """Name of a peer's pod -> whether its port for messages between nodes (gen_rpc, 5369) lets this member in."""


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


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    selector: Mapping[str, str]
    headless: bool
    publish_not_ready: bool


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
class ManagedObject:
    """A ServiceAccount, Role or RoleBinding as it is, and whether it is ours."""

    name: str
    uid: str
    ours: bool
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rights:
    """The objects that give the pods their one right, and what the authorizer itself says."""

    service_account: Fact[ManagedObject | None]
    """The one that the pod template names."""
    dedicated_account: Fact[ManagedObject | None]
    """The one that we would make instead of `default`."""
    role: Fact[ManagedObject | None]
    role_binding: Fact[ManagedObject | None]
    allowed: Fact[bool]
    """Whether the template's ServiceAccount may GET the Endpoints object that EMQX asks for."""
    dedicated_allowed: Fact[bool] = Unobserved("not asked")
    """The same for the dedicated ServiceAccount."""
    other_bindings: Fact[tuple[str, ...]] = ()
    """RoleBindings, not ours, that name the template's ServiceAccount: a switch would lose their rights."""


@dataclass(frozen=True, slots=True)
class ClusterDNS:
    """The cluster's own DNS, as its objects in kube-system show it."""

    addresses: Fact[tuple[str, ...]] = Unobserved("not asked")
    """ClusterIPs of its Service; none: there is no Service of that name."""
    backends: Fact[tuple[str, ...]] = Unobserved("not asked")
    """Addresses of its Ready pods, by the Endpoints of its Service."""
    corefile: Fact[str | None] = Unobserved("not asked")
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
    certificate_hosts: Fact[frozenset[str]] = Unobserved("not asked")
    """Host names and addresses in the certificate that the API server shows for kubernetes.default.svc."""
    cluster_domain: str = "cluster.local"
    cluster_dns: ClusterDNS = field(default_factory=ClusterDNS)
    """Read only where a name does not resolve as it should."""
    nameservers: Mapping[str, Fact[DNSAnswer]] = field(default_factory=dict)
    """Nameserver of a pod -> what it answers to the operator for the API server's absolute name."""
    service_address: Fact[str | None] = Unobserved("not asked")
    """ClusterIP of the Service `kubernetes`, from the API server itself."""
    api_servers: Fact[frozenset[str]] = Unobserved("not asked")
    """Addresses of the API servers behind that Service."""
    api_ports: frozenset[int] = frozenset()
    """The ports that they listen on; none: not known."""
    policies: Fact[tuple[NetworkPolicy, ...]] = Unobserved("not asked")


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
    service: Fact[Service | None] = Unobserved("not asked")
    endpoints: Fact[Endpoints | None] = Unobserved("not asked")
    governing: Fact[Service | None] = Unobserved("not asked")
    """The Service that a StatefulSet names for its pods' host names, where it is another one than `service`."""
    strangers: Mapping[str, str] = field(default_factory=dict)
    """Running node that no pod of the workload has -> what has it: a pod, and its workload if enrolled."""
    rights: Rights | None = None
    network: Network = field(default_factory=Network)

    def each_member(self) -> Iterator[Member]:
        """The members, or none where the pods could not be listed."""
        if not isinstance(self.members, Unobserved):
            yield from self.members
