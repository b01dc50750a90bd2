"""What one pass knows while it asks, and what it remembers of earlier passes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Self

from emqx_autocluster.clients.exec import ExecTarget
from emqx_autocluster.clients.patience import Patience
from emqx_autocluster.emqx import apiaddress, discovery, dnsdiscovery
from emqx_autocluster.emqx.configfiles import ConfigMaps
from emqx_autocluster.emqx.discovery import DiscoverySettings
from emqx_autocluster.emqx.ports import NodePorts
from emqx_autocluster.objects.makers import CoreMakers, Makers
from emqx_autocluster.observation import (
    CANONICAL_HOST,
    Container,
    Fact,
    Identity,
    Member,
    Pod,
    Pulse,
    Socket,
    Stranger,
    View,
    Workload,
)
from emqx_autocluster.settings import SETTLING_SECONDS

_MOST_HOSTS = 32
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_SILENCE = timedelta(seconds=30)
"""So long nothing is asked of a pod that answered nothing: each such question takes seconds, and a worker."""


@dataclass(slots=True)
class Remembered:
    """What one workload's members said, by container id: it holds while the container lives."""

    identities: dict[str, Identity] = field(default_factory=dict)
    answers: dict[str, "Answer"] = field(default_factory=dict)
    lookups: dict[str, "LookedUp"] = field(default_factory=dict)
    dialled: dict[str, "Dialled"] = field(default_factory=dict)
    strangers: dict[str, Stranger | None] = field(default_factory=dict)
    """By node name: what has it; None: nothing is known that has."""
    core_answers: dict[str, "Answer"] = field(default_factory=dict)
    """Of the cores that replicants ask for, by container id."""
    core_beats: dict[str, "Beat"] = field(default_factory=dict)
    """The same cores' pulses at the last look, as far as they could be told."""
    core_makers: CoreMakers = field(default_factory=dict)
    """What makes these cores."""
    pins: dict[str, Fact[str | None]] = field(default_factory=dict)
    """Of replicants: the core that a join wrote down."""
    pulseless: dict[str, str] = field(default_factory=dict)
    """Why its sockets cannot be read."""
    listening: dict[str, tuple[frozenset[int], datetime]] = field(default_factory=dict)
    """Its listeners, and since when it was seen to have just them."""
    missed: bool = False
    """Whether the last look did not read some member's sockets, and the next one may."""
    beats: tuple["Beat", ...] = ()
    """The members' pulses at the last look; none where one of them could not be told, or members come and go."""
    makers: Makers = field(default_factory=dict)
    """The workload's own ReplicaSets, as far as pods of theirs were seen."""
    silent: dict[str, datetime] = field(default_factory=dict)
    """Containers that were asked then, and answered nothing."""
    mute: int = 0
    """How many looks in a row a command in a member did not end."""

    def keep_only(self, containers: set[str]) -> None:
        by_container = (
            self.identities,
            self.answers,
            self.lookups,
            self.dialled,
            self.pins,
            self.pulseless,
            self.listening,
            self.silent,
        )
        for memory in by_container:
            for gone in set(memory) - containers:
                del memory[gone]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one container answered to `emqx_ctl cluster status`, and its pulse just before that."""

    view: View
    pulse: Fact[Pulse]
    at: datetime


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What one container's own resolver said of each host."""

    answers: Mapping[str, Fact[tuple[str, ...]]]
    at: datetime

    def finds(self, hosts: Iterable[str]) -> bool:
        """Whether it has found each of them; one that could not be asked for is not found."""
        found = (self.answers.get(host) for host in hosts)
        return all(isinstance(addresses, tuple) and addresses for addresses in found)


@dataclass(frozen=True, slots=True)
class Beat:
    """One member's pulse, and how it is taken again without any look at the API."""

    container: str
    target: ExecTarget
    ports: NodePorts
    pulse: Pulse


@dataclass(frozen=True, slots=True)
class Listing:
    """One container's sockets, as far as they have to do with these ports."""

    ports: frozenset[int]
    sockets: frozenset[Socket]


@dataclass(frozen=True, slots=True)
class Dialled:
    """What one container found of its peers' ports, by their container ids."""

    at: datetime
    answers: Mapping[str, Fact[bool]]


@dataclass(frozen=True, slots=True)
class Depth:
    """How much a pass asks for."""

    thorough: bool
    """What is around the members is read anew; else what cannot have changed unseen counts as it was."""
    believed: timedelta = timedelta(0)
    """So long a member's answer counts while its pulse is as it was; zero: every member is asked."""
    in_turn: bool = False
    """Of answers that are older only the oldest is asked for again."""
    pulse: bool = True
    """Whether pulses are taken: not where members are asked as often anyway."""
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
    settling: timedelta = field(default=timedelta(seconds=SETTLING_SECONDS), kw_only=True)
    sockets: dict[str, "Listing"] = field(default_factory=dict, kw_only=True)
    """By container id: of members that have just said who they are."""

    @property
    def running(self) -> list[Pod]:
        return [pod for pod in self.pods if pod.running and not pod.deleting]

    @property
    def silent(self) -> set[str]:
        """The names of the pods that answered nothing a moment ago."""
        since = self.memory.silent
        return {p.name for p in self.pods if self.at - since.get(p.container_id or "", _LONG_AGO) < _SILENCE}

    def note_silence(self, spent: Patience) -> None:
        """Who is silent now; of those who were not even asked it is known from before, and nothing new."""
        known, before = self.silent, self.memory.silent
        self.memory.silent = {
            pod.container_id: before[pod.container_id] if pod.name in known else self.at
            for pod in self.pods
            if pod.container_id and pod.name in spent.silent
        }
        if spent.lost:
            self.memory.mute += 1
        elif not spent.spared:
            self.memory.mute = 0

    def is_settling(self, member: Member) -> bool:
        """As the observation that comes of it says."""
        return member.pod.runs_shorter_than(self.settling, self.at)

    def target(self, pod: Pod) -> ExecTarget:
        return ExecTarget(self.workload.ref.namespace, pod.name, self.container.name, str(self.workload.ref))


@dataclass(frozen=True, slots=True)
class Look(Visit):
    """What it knows once the members have said who they are."""

    resource: str
    identities: Mapping[str, Fact[Identity]]
    settings: DiscoverySettings
    config_maps: ConfigMaps = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        visit: Visit,
        resource: str,
        identities: Mapping[str, Fact[Identity]],
        settings: DiscoverySettings,
        config_maps: ConfigMaps,
    ) -> Self:
        known = {field.name: getattr(visit, field.name) for field in fields(Visit)}
        return cls(
            **known, resource=resource, identities=identities, settings=settings, config_maps=config_maps
        )

    def configured_names(self) -> list[str]:
        """The host of the configured API server, where it is a name that DNS has to know."""
        address = apiaddress.parse(discovery.text(self.settings.api_server) or "")
        if address is None or apiaddress.is_ip(address.host) or apiaddress.is_loopback(address.host):
            return []
        return [address.host] if address.host != CANONICAL_HOST else []

    def asks_elsewhere(self, cluster_domain: str) -> bool:
        """Whether EMQX asks by https at an address that is not the Service's name: then the API servers' own matter."""
        address = apiaddress.parse(discovery.text(self.settings.api_server) or "")
        if (
            address is None
            or address.scheme != "https"
            or not self.depth.thorough
            or not self.settings.uses_k8s
        ):
            return False
        return not apiaddress.names_the_service(address.host, cluster_domain)

    def peer_name(self, default_domain: str) -> str | None:
        """The absolute name that strategy dns has to ask for; None: it asks for none, or for none that is known."""
        if not self.settings.uses_dns:
            return None
        domain = self.cluster_domain(default_domain)
        return dnsdiscovery.name_to_ask(self.settings.dns, self.workload.ref.namespace, domain)

    def host_names(self) -> list[str]:
        """No more of them than a container can need: each is a question to the cluster's DNS in each pass."""
        return [*self.configured_names(), *discovery.other_host_names(self.container)][:_MOST_HOSTS]

    def cluster_domain(self, default: str) -> str:
        """From the search list that Kubernetes writes into a pod: `<namespace>.svc.<domain>`."""
        prefix = f"{self.workload.ref.namespace}.svc."
        for identity in self.identities.values():
            conf = identity.resolv_conf if isinstance(identity, Identity) else None
            for domain in conf.search if conf else ():
                if domain.startswith(prefix):
                    return domain.removeprefix(prefix).rstrip(".")
        return default
