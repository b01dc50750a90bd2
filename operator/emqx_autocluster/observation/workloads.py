"""A Deployment or StatefulSet and its pod template, as far as clustering is concerned."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


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


_PREFIX = "EMQX_"
"""Of the names of EMQX's settings: as it stands, in capitals."""


@dataclass(frozen=True, slots=True)
class ConfigMapFiles:
    """What one ConfigMap brings into a volume."""

    name: str
    items: Mapping[str, str] | None = None
    """Path in the volume -> key; None: each key is a file of its own name."""


@dataclass(frozen=True, slots=True)
class Mount:
    """What is mounted at one path of a container."""

    path: str
    """Without a slash at its end."""
    volume_kind: str
    """For people: `Secret emqx-conf`, `persistentVolumeClaim`."""
    sub_path: str = ""
    config_maps: tuple[ConfigMapFiles, ...] | None = None
    """None: the volume has anything else in it than ConfigMaps."""
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    image: str
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    mounts: Mapping[str, str] = field(default_factory=dict)
    """Mount path -> name of the volume."""
    mounted: tuple[Mount, ...] = ()
    """The same, with what is in the volumes."""
    projects_token: bool = False
    """Whether a projected volume brings it a ServiceAccount token without automounting."""
    token_audience: str | None = None
    """The audience of that projected token; None: the API server's own."""
    brings_token: str = ""
    """What else is mounted where EMQX looks for its token, for people; empty: nothing is."""
    ports: tuple[ContainerPort, ...] = ()
    """Those with a name: a NetworkPolicy may mean them by it."""
    command: tuple[str, ...] = ()
    """What runs in place of the image's entrypoint; empty: that runs."""
    args: tuple[str, ...] = ()
    """What either is given, in place of the image's own."""
    probes: tuple[Mapping[str, Any], ...] = ()
    """The startup and the readiness probe, as they are written: its pod is not Ready before both succeed."""

    def last_env(self, name: str) -> EnvVar | None:
        """The entry that wins: of duplicate names Kubernetes takes the last."""
        return next((entry for entry in reversed(self.env) if entry.name == name), None)

    def spellings(self, name: str) -> tuple[str, ...]:
        """How `env` writes one of EMQX's settings, whose names EMQX reads in any letter case; each spelling once."""
        return tuple(dict.fromkeys(e.name for e in self.env if is_spelling(e.name, name)))


def is_spelling(given: str, name: str) -> bool:
    """Whether EMQX reads that as this setting, whose name it has in any letter case, but for its beginning."""
    return given.startswith(_PREFIX) and given.upper() == name.upper()


@dataclass(frozen=True, slots=True)
class PodTemplate:
    containers: tuple[Container, ...]
    service_account: str = "default"
    names_account: bool = False
    """Whether the ServiceAccount is spelled out; else the API server takes `default`."""
    automount_token: bool | None = None
    dns_policy: str = "ClusterFirst"
    dns_config: bool = False
    host_aliases: Mapping[str, str] = field(default_factory=dict)
    """Name -> the address that the pods' own /etc/hosts gives it, before any nameserver is asked."""
    host_network: bool = False
    hostname_as_fqdn: bool = False
    """Whether `hostname` in a pod is its whole name in DNS."""
    has_sidecars: bool = False
    """Whether anything runs beside its containers all the time: an initContainer that is restarted."""
    subdomain: str = ""
    """Written out; a StatefulSet's pods have its serviceName."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Volume name -> its kind, as the pod spec's key says it: `emptyDir`, `persistentVolumeClaim`, ..."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    keeps_apart: bool = False
    """Whether its pods refuse to share a node, so that one more than `replicas` may find no place."""


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
    max_surge: int | str | None = None
    """Of a Deployment's rolling update, as it is written: a number of pods, or `25%`. None: there is none."""
    max_unavailable: int | str | None = None
    """The same for pods that may be away meanwhile."""
    pod_management: str = "OrderedReady"
    service_name: str | None = None
    """The governing Service of a StatefulSet."""
    first_ordinal: int = 0
    """The number of a StatefulSet's first pod."""
    claim_templates: tuple[str, ...] = ()
    """Volumes that a StatefulSet's volumeClaimTemplates provide."""
    status_replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    update_revision: str = ""
    progress_deadline_exceeded: bool = False
    writers: Mapping[str, str] = field(default_factory=dict)
    """Who wrote a field last, by the name of their field manager.

    Of the template `env/NAME`, `dnsPolicy`, ...; of the rest `paused`, `strategy.rollingUpdate.maxSurge`, ...
    """

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

    @property
    def surge(self) -> int:
        """How many pods more than usual a Deployment's rolling update may have."""
        return _pods(self.max_surge, self.replicas, math.ceil)

    @property
    def away(self) -> int:
        """How many less: Kubernetes takes one pod away where it could otherwise not move at all."""
        return _pods(self.max_unavailable, self.replicas, math.floor) or int(self.surge == 0)


def _pods(given: int | str | None, replicas: int, rounded: Callable[[float], int]) -> int:
    if isinstance(given, str):
        return rounded(int(given.removesuffix("%")) * replicas / 100)
    return given or 0
