"""The custom resource EMQXAutoCluster, version v1alpha1, as pydantic models.

`crds/` holds the schema that users see; a test holds its property paths and these models equal.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "emqx-autocluster.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "EMQXAutoCluster"
PLURAL = "emqxautoclusters"

_UNITS = {"h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(\d+)([hms])")


def _is_duration(text: str) -> str:
    if not re.fullmatch(r"(\d+[hms])+", text):
        raise ValueError(f'"{text}" is not a duration such as 15s, 5m or 1h30m')
    return text


Duration = Annotated[str, AfterValidator(_is_duration)]


def seconds(duration: str) -> float:
    """`1h30m` -> 5400.0."""
    return float(sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(duration)))


def delta(duration: str) -> timedelta:
    return timedelta(seconds=seconds(duration))


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class TargetRef(Model):
    api_version: str = "apps/v1"
    kind: Literal["Deployment", "StatefulSet"]
    name: str


class Verification(Model):
    interval: Duration = "5m"
    suspicious_interval: Duration = "15s"


class DNS(Model):
    negative_grace: Duration = "60s"


class DiscoverySpec(Model):
    create_service: bool = False


class Repair(Model):
    seed: str | None = None
    rollout: Literal["Automatic", "Manual"] = "Automatic"
    min_ready_seconds: int = 20
    half_joined_after: Duration = "60s"


class Healing(Model):
    split_policy: Literal["Report", "LargestWins"] = "Report"


class Spec(Model):
    target_ref: TargetRef
    verification: Verification = Verification()
    dns: DNS = Field(default=DNS(), alias="dns")
    discovery: DiscoverySpec = DiscoverySpec()
    repair: Repair = Repair()
    healing: Healing = Healing()


class Condition(Model):
    """Exactly metav1.Condition."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition_time: datetime


class Members(Model):
    expected: int
    ready: int
    clustered: int | None = None
    stale: int | None = None
    islands: int | None = None


class Island(Model):
    pods: tuple[str, ...]


class PlannedAction(Model):
    action: str
    subject: str
    message: str
    command: str | None = None


class LastAction(Model):
    action: str
    subject: str
    result: Literal["Succeeded", "Failed"]
    message: str = ""
    time: datetime


class Discovery(Model):
    strategy: str | None = None
    api_server: str | None = None
    service_name: str | None = None
    namespace: str | None = None
    address_type: str | None = None
    unreachable: str | None = None
    """The address by which members were seen not to find each other; it counts until they are given another."""
    emqx_version: str | None = None


class SeenMember(Model):
    pod: str
    uid: str
    node: str


class Attempt(Model):
    action: str
    subject: str
    count: int
    time: datetime
    message: str = ""


class Procedure(Model):
    """What the operator must still know after a restart of its own, while a repair is under way."""

    started_at: datetime
    members: tuple[SeenMember, ...] = ()
    left_behind: tuple[str, ...] = ()
    """Names that no pod had any more when it began."""
    attempts: tuple[Attempt, ...] = ()


class Rewrite(Model):
    """One template patch of ours, for telling when somebody else puts the old value back."""

    value: str
    time: datetime


class StatusModel(Model):
    observed_generation: int | None = None
    workload_generation: int | None = None
    workload_uid: str | None = Field(default=None, alias="workloadUID")
    conditions: tuple[Condition, ...] = ()
    members: Members | None = None
    islands: tuple[Island, ...] = ()
    stale_nodes: tuple[str, ...] = ()
    planned_actions: tuple[PlannedAction, ...] = ()
    last_action: LastAction | None = None
    discovery: Discovery | None = None
    procedure: Procedure | None = None
    original: str | None = None
    """JSON of what `revert` puts back: a copy of the workload's annotation, which a rollback may lose."""
    rewrites: tuple[Rewrite, ...] = ()


class Owner(Model):
    uid: str = ""


class Metadata(Model):
    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    owner_references: tuple[Owner, ...] = ()
    deletion_timestamp: datetime | None = None


class EMQXAutoCluster(Model):
    metadata: Metadata
    spec: Spec
    status: StatusModel = StatusModel()


def status_body(status: StatusModel) -> dict[str, Any]:
    """The status as the API server stores it: empty lists and absent values are left out."""
    body: dict[str, Any] = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {key: value for key, value in body.items() if value not in ([], {})}
