"""The custom resource EMQXAutoCluster, version v1alpha1, as pydantic models.

`crds/` holds the schema that users see; a test holds its property paths and these models equal.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from emqx_autocluster.text.plain import Told

GROUP = "emqx-autocluster.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "EMQXAutoCluster"
PLURAL = "emqxautoclusters"

_UNITS = {"h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"([0-9]{1,5})([hms])")
_LONGEST_DURATION = 7 * 24 * 3600.0


def _is_duration(text: str) -> str:
    if not re.fullmatch(r"([0-9]{1,5}[hms]){1,3}", text):
        raise ValueError(f'"{text}" is not a duration such as 15s, 5m or 1h30m')
    return text


Duration = Annotated[str, AfterValidator(_is_duration)]


def seconds(duration: str) -> float:
    """`1h30m` -> 5400.0; a week at most."""
    told = sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(duration))
    return min(float(told), _LONGEST_DURATION)


def delta(duration: str) -> timedelta:
    return timedelta(seconds=seconds(duration))


def _cut_at(longest: int) -> AfterValidator:
    """For what is said in a status: a text that the schema refuses would keep the whole status from being written."""
    return AfterValidator(lambda text: text if len(text) <= longest else text[: longest - 1] + "…")


def _first(most: int) -> AfterValidator:
    return AfterValidator(lambda values: values[:most])


def _last(most: int) -> AfterValidator:
    return AfterValidator(lambda values: values[-most:])


_LONGEST_COMMAND = 16 * 1024
Message = Annotated[Told, _cut_at(8192)]
Word = Annotated[Told, _cut_at(1024)]
"""A name or a value: longer than any that EMQX or Kubernetes takes."""
Names = Annotated[tuple[Word, ...], _first(64)]


class Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class TargetRef(Model):
    api_version: str = "apps/v1"
    kind: Literal["Deployment", "StatefulSet"]
    name: str


class Verification(Model):
    pulse: Duration = "30s"
    interval: Duration = "30m"
    suspicious_interval: Duration = "15s"


class DNS(Model):
    negative_grace: Duration = "60s"


class DiscoverySpec(Model):
    create_service: bool = False


class Repair(Model):
    seed: str | None = None
    rollout: Literal["Automatic", "Manual"] = "Automatic"
    min_ready_seconds: int | None = None
    half_joined_after: Duration = "60s"
    create_service_account: bool = False


class Healing(Model):
    split_policy: Literal["Report", "LargestWins"] = "Report"
    orphan_after: Duration = "2m"
    stale_after: Duration = "15m"
    cool_down: Duration = "2m"
    actions_per_hour: int = 6
    actions: tuple[Literal["EvictPod"], ...] = ()


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
    message: Message = ""
    observed_generation: int = 0
    last_transition_time: datetime


class Members(Model):
    expected: int
    ready: int
    clustered: int | None = None
    stale: int | None = None
    islands: int | None = None


class Island(Model):
    pods: Annotated[tuple[Word, ...], _first(1024)]


class PlannedAction(Model):
    action: str
    subject: Word
    message: Message
    command: Annotated[
        Told | None, AfterValidator(lambda text: text if len(text or "") <= _LONGEST_COMMAND else None)
    ] = None
    """Whole or not at all: half a command is another one."""


class LastAction(Model):
    action: str
    subject: Word
    result: Literal["Succeeded", "Failed"]
    message: Message = ""
    time: datetime


class Discovery(Model):
    strategy: Word | None = None
    api_server: Word | None = None
    service_name: Word | None = None
    namespace: Word | None = None
    address_type: Word | None = None
    dns_name: Word | None = None
    record_type: Word | None = None
    role: Word | None = None
    """core or replicant."""
    unreachable: Word | None = None
    """The address by which members were seen not to find each other; it counts until they are given another."""
    emqx_version: Word | None = None


class SeenMember(Model):
    pod: Word
    uid: str
    node: Word


class Attempt(Model):
    action: str
    subject: Word
    count: int
    time: datetime
    message: Message = ""


class Procedure(Model):
    """What the operator must still know after a restart of its own, while a repair is under way."""

    started_at: datetime
    origin: Literal["Repair", "Heal"] = "Repair"
    members: Annotated[tuple[SeenMember, ...], _last(1024)] = ()
    left_behind: Names = ()
    """Names that no pod had any more when it began."""
    attempts: Annotated[tuple[Attempt, ...], _last(256)] = ()


class Suspect(Model):
    """Damage that mode Heal may act on; `uid` is the pod's, if it is about one."""

    kind: str
    subject: str
    uid: str = ""
    since: datetime
    looks: int


class Guard(Model):
    guard: str
    verdict: Literal["Passed", "Refused"]
    message: str = ""


class Done(Model):
    """One action of the past: what, why, when, and how it ended."""

    action: str
    subject: str
    reason: str = ""
    result: Literal["Succeeded", "Failed"]
    message: str = ""
    time: datetime


class Rewrite(Model):
    """One template patch of ours, for telling when somebody else puts the old value back."""

    value: Message
    time: datetime


class StatusModel(Model):
    observed_generation: int | None = None
    workload_generation: int | None = None
    workload_uid: str | None = Field(default=None, alias="workloadUID")
    conditions: tuple[Condition, ...] = ()
    members: Members | None = None
    islands: Annotated[tuple[Island, ...], _first(64)] = ()
    stale_nodes: Names = ()
    planned_actions: Annotated[tuple[PlannedAction, ...], _first(64)] = ()
    last_action: LastAction | None = None
    history: tuple[Done, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    guards: tuple[Guard, ...] = ()
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
