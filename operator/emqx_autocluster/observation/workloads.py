"""A Deployment or StatefulSet and its pod template, as far as clustering is concerned."""

from collections.abc import Mapping
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
