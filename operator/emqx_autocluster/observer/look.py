"""What one pass knows while it asks, and what it remembers of earlier passes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from emqx_autocluster import discovery
from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.discovery import DiscoverySettings
from emqx_autocluster.emqx_versions import CANONICAL_HOST
from emqx_autocluster.observation import Container, Fact, Identity, Pod, View, Workload


@dataclass(slots=True)
class Remembered:
    """What one workload's members said, by container id: it holds while the container lives."""

    identities: dict[str, Identity] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    lookups: dict[str, Mapping[str, Fact[tuple[str, ...]]]] = field(default_factory=dict)
    dialled: dict[str, "Dialled"] = field(default_factory=dict)
    strangers: dict[str, str] = field(default_factory=dict)
    """By node name: what has it, or an empty text where nothing is known that has."""
    turn: int = 0

    def keep_only(self, containers: set[str]) -> None:
        for memory in (self.identities, self.views, self.lookups, self.dialled):
            for gone in set(memory) - containers:
                del memory[gone]


@dataclass(frozen=True, slots=True)
class Dialled:
    """What one container found of its peers' ports, by their container ids."""

    at: datetime
    answers: Mapping[str, Fact[bool]]


@dataclass(frozen=True, slots=True)
class Depth:
    """How much a pass asks for."""

    thorough: bool
    """Every member is asked; else one in turn, and the others count as they last answered."""
    count_devices: bool = False
    """How many devices a restart would disconnect is asked for, too."""
    dial_ports: bool = True
    """Whether messages cross is tried, too: not each time that something changes on what was one cluster before."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What one pass knows before it asks any member."""

    workload: Workload
    container: Container
    pods: tuple[Pod, ...]
    memory: Remembered
    at: datetime
    depth: Depth

    @property
    def running(self) -> list[Pod]:
        return [pod for pod in self.pods if pod.running and not pod.deleting]

    def target(self, pod: Pod) -> ExecTarget:
        return ExecTarget(self.workload.ref.namespace, pod.name, self.container.name)


@dataclass(frozen=True, slots=True)
class Look(Visit):
    """What it knows once the members have said who they are."""

    resource: str
    identities: Mapping[str, Fact[Identity]]
    settings: DiscoverySettings

    def configured_names(self) -> list[str]:
        """The host of the configured API server, where it is a name that DNS has to know."""
        address = discovery.parse_address(discovery.text(self.settings.api_server) or "")
        if address is None or discovery.is_ip(address.host) or discovery.is_loopback(address.host):
            return []
        return [address.host] if address.host != CANONICAL_HOST else []

    def asks_elsewhere(self, cluster_domain: str) -> bool:
        """Whether EMQX asks by https at an address that is not the Service's name: then the API servers' own matter."""
        address = discovery.parse_address(discovery.text(self.settings.api_server) or "")
        if (
            address is None
            or address.scheme != "https"
            or not self.depth.thorough
            or not self.settings.uses_k8s
        ):
            return False
        return not discovery.names_the_service(address.host, cluster_domain)

    def host_names(self) -> list[str]:
        return [*self.configured_names(), *discovery.other_host_names(self.container)]

    def cluster_domain(self, default: str) -> str:
        """From the search list that Kubernetes writes into a pod: `<namespace>.svc.<domain>`."""
        prefix = f"{self.workload.ref.namespace}.svc."
        for identity in self.identities.values():
            conf = identity.resolv_conf if isinstance(identity, Identity) else None
            for domain in conf.search if conf else ():
                if domain.startswith(prefix):
                    return domain.removeprefix(prefix).rstrip(".")
        return default
