"""What the operator may do: a closed set of actions, each with its operation and the command for a person."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Any

from emqx_autocluster.findings import ConditionType, Reason
from emqx_autocluster.observation import Pod, WorkloadRef


class Action(StrEnum):
    JOIN_CLUSTER = "JoinCluster"
    CREATE_SERVICE = "CreateService"
    CREATE_SERVICE_ACCOUNT = "CreateServiceAccount"
    CREATE_ROLE = "CreateRole"
    UPDATE_ROLE = "UpdateRole"
    CREATE_ROLE_BINDING = "CreateRoleBinding"
    UPDATE_ROLE_BINDING = "UpdateRoleBinding"
    PATCH_WORKLOAD = "PatchWorkload"
    AWAIT_ROLLOUT = "AwaitRollout"
    ENABLE_DISCOVERY = "EnableDiscovery"
    EVICT_POD = "EvictPod"
    FORCE_LEAVE = "ForceLeave"


_RIGHTS = frozenset(
    {
        Action.CREATE_SERVICE_ACCOUNT,
        Action.CREATE_ROLE,
        Action.UPDATE_ROLE,
        Action.CREATE_ROLE_BINDING,
        Action.UPDATE_ROLE_BINDING,
    }
)


@dataclass(frozen=True, slots=True)
class Join:
    pod: str
    container: str
    node: str


@dataclass(frozen=True, slots=True)
class EnableDiscovery:
    pod: str
    container: str


@dataclass(frozen=True, slots=True)
class ForceLeave:
    pod: str
    container: str
    node: str


@dataclass(frozen=True, slots=True)
class Evict:
    pod: str
    uid: str


@dataclass(frozen=True, slots=True)
class Create:
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """Overwrites an object of ours; `uid` guards against another object of the same name."""

    body: Mapping[str, Any]
    uid: str


@dataclass(frozen=True, slots=True)
class Recreate:
    """Deletes an object of ours and makes it anew: the only way to change a roleRef."""

    body: Mapping[str, Any]
    uid: str


@dataclass(frozen=True, slots=True)
class PatchWorkload:
    body: Mapping[str, Any]
    value: str
    """What is replaced, such as the API server address: by it is told whether somebody sets it back."""
    original: str
    """The record of replaced fields, as the patch writes it into the workload's annotation."""
    rolls: bool


Operation = Join | EnableDiscovery | ForceLeave | Evict | Create | Update | Recreate | PatchWorkload


@dataclass(frozen=True, slots=True)
class Step:
    """`subject` is Kind/name; `operation` None: nothing to do but wait, or a preview of what will be known later."""

    action: Action
    subject: str
    message: str
    command: str | None = None
    operation: Operation | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Why the next step is not taken."""

    reason: Reason
    message: str
    concerns: ConditionType | None = None
    """Where it is told; None: by its reason, or on the first finding that Repair could put right."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is left to do, in order, and what holds it back."""

    steps: tuple[Step, ...] = ()
    hold: Hold | None = None
    procedure: bool = False
    """Whether a repair is due or under way."""
    again: bool = False
    """Whether the step that the hold is about is tried once more now."""

    @property
    def now(self) -> tuple[Step, ...]:
        """The steps of this pass: one, and the world is looked at again; or all rights together."""
        if (self.hold and not self.again) or not self.steps or self.steps[0].operation is None:
            return ()
        rights = tuple(takewhile(lambda step: step.action in _RIGHTS, self.steps))
        return rights or self.steps[:1]


def exec_command(ref: WorkloadRef, target: str, container: str, *argv: str) -> str:
    return shlex.join(["kubectl", "exec", "-n", ref.namespace, target, "-c", container, "--", *argv])


def kubectl(ref: WorkloadRef, *argv: str) -> str:
    return shlex.join(["kubectl", *argv, "-n", ref.namespace])


def patch_command(ref: WorkloadRef, body: Mapping[str, Any]) -> str:
    patch = json.dumps(body, separators=(",", ":"), sort_keys=True)
    return kubectl(ref, "patch", str(ref.kind).lower(), ref.name, "--type=strategic", "-p", patch)


def join(ref: WorkloadRef, stray: Pod, container: str, node: str, why: str) -> Step:
    return Step(
        Action.JOIN_CLUSTER,
        f"Pod/{stray.name}",
        f"join {stray.name} to {node} ({why}); its own data is replaced and its devices reconnect",
        exec_command(ref, stray.name, container, "emqx_ctl", "cluster", "join", node),
        Join(stray.name, container, node),
    )
