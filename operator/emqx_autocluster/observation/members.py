"""The members: a pod, and what the EMQX node in it says of itself, of its peers, and in its log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from emqx_autocluster.observation.facts import NOT_ASKED, Fact
from emqx_autocluster.observation.sockets import Pulse

_IMAGE_FAILURES = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
_OTHER_FAILURES = frozenset(
    {"CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
)


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
    image: str = ""
    """Of the EMQX container, as its spec has it; empty: not known."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Ours alone."""
    cookie: str | None = None
    """Where its Erlang cookie comes from, for comparison only: never the cookie, nor anything it could be told from."""

    @property
    def running(self) -> bool:
        return self.running_since is not None

    def runs_shorter_than(self, age: timedelta, at: datetime) -> bool:
        return self.running_since is not None and at - self.running_since < age

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
    connections: Fact[int] = NOT_ASKED
    join_trace: Fact[JoinTrace] = NOT_ASKED
    node: str | None = None
    """The node's name, where anything tells it."""
    discovery_trace: Fact[DiscoveryTrace | None] = NOT_ASKED
    """Asked only of members that are not clustered; it confirms a cause, and nothing depends on it."""
    rpc: Mapping[str, Fact[bool]] = field(default_factory=dict)
    """Name of a peer's pod -> whether its port for messages between nodes (gen_rpc, 5369) lets this member in."""
    replicant: bool = False
    """Whether it has role replicant: it keeps no data of the cluster, and belongs to whatever core it finds."""
    owner: str = ""
    """`StatefulSet core`: what its pod was made by, where that is another workload than the one that is looked at."""
    pinned_to: Fact[str | None] = NOT_ASKED
    """Of a replicant: the core that a `cluster join` wrote down for it, which replaces its discovery; None: no such."""
    pulse: Fact[Pulse] = NOT_ASKED
    """Taken before `view` was asked, so that what changes meanwhile is seen by the next one."""
    listening_since: datetime | None = None
    """When its pulse was first seen to have the listeners that it has; None: no pulse."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """What has a running node's name that no pod of the workload has."""

    holder: str
    """`pod core-0 of StatefulSet core`."""
    replicant: bool = False
