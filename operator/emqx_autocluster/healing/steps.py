"""What the operator may do: a closed set of actions, each with its operation and the command for a person."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile
from typing import Any

from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.observation import Pod, WorkloadRef
from emqx_autocluster.text import grammar


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
    HOLD_ROLLOUT = "HoldRollout"
    CONTINUE_ROLLOUT = "ContinueRollout"
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

_MOST_NAMES = 16
"""In one command, since each takes the member over a second."""


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
    """Names that leave at once; run in any member that lists them as stopped."""

    pod: str
    container: str
    nodes: tuple[str, ...]


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


@dataclass(frozen=True, slots=True)
class Steer:
    """Holds a rollout, or lets it go on: a patch that restarts nothing."""

    body: Mapping[str, Any]
    original: str | None
    """The record of replaced fields afterwards, as the patch writes it."""


Operation = Join | EnableDiscovery | ForceLeave | Evict | Create | Update | Recreate | PatchWorkload | Steer


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
class Verdict:
    """What one guard of mode Heal says; `refusal` is None where it lets the step pass."""

    guard: str
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is left to do, in order, and what holds it back."""

    steps: tuple[Step, ...] = ()
    hold: Hold | None = None
    procedure: bool = False
    """Whether a repair is due or under way."""
    again: bool = False
    """Whether the step that the hold is about is tried once more now."""
    heals: bool = False
    """Whether it is for damage of any origin, and not for a setting."""
    guards: tuple[Verdict, ...] = ()
    """Of the first step, where it has to pass the guards of mode Heal."""

    @property
    def now(self) -> tuple[Step, ...]:
        """The steps of this pass: one, and the world is looked at again; or all rights, or all names, together."""
        if (self.hold and not self.again) or not self.steps or self.steps[0].operation is None:
            return ()
        rights = tuple(takewhile(lambda step: step.action in _RIGHTS, self.steps))
        names = tuple(takewhile(_is_name_that_leaves, self.steps))
        return rights or _at_once(names[:_MOST_NAMES]) or self.steps[:1]


def _is_name_that_leaves(step: Step) -> bool:
    """A text that is no node's name is never run, and shall not keep the others."""
    operation = step.operation
    return isinstance(operation, ForceLeave) and all(map(grammar.is_node, operation.nodes))


def _at_once(names: tuple[Step, ...]) -> tuple[Step, ...]:
    """One step for all of them, under the subject of the first; each command of its own would cost an interview."""
    told = [step.operation for step in names if isinstance(step.operation, ForceLeave)]
    if not told:
        return ()
    nodes = tuple(node for operation in told for node in operation.nodes)
    all_of_them = replace(told[0], nodes=nodes)
    plural = f"remove the names {', '.join(nodes)}, whose pods are gone"
    return (
        replace(names[0], message=names[0].message if len(nodes) == 1 else plural, operation=all_of_them),
    )


def exec_command(ref: WorkloadRef, target: str, container: str, *argv: str) -> str:
    return shlex.join(["kubectl", "exec", "-n", ref.namespace, target, "-c", container, "--", *argv])


def kubectl(ref: WorkloadRef, *argv: str) -> str:
    return shlex.join(["kubectl", *argv, "-n", ref.namespace])


def patch_command(ref: WorkloadRef, body: Mapping[str, Any]) -> str:
    patch = json.dumps(body, separators=(",", ":"), sort_keys=True)
    return kubectl(ref, "patch", str(ref.kind).lower(), ref.name, "--type=strategic", "-p", patch)


def join(ref: WorkloadRef, stray: Pod, container: str, node: str, why: str) -> Step:
    told = f"join {stray.name} to {node} ({why}); its own data is replaced and its devices reconnect"
    command, told = _about_node(ref, (stray.name, container), "join", node, told)
    return Step(Action.JOIN_CLUSTER, f"Pod/{stray.name}", told, command, Join(stray.name, container, node))


def force_leave(
    ref: WorkloadRef, where: tuple[str, str], node: str, when: str, operation: ForceLeave | None = None
) -> Step:
    """`where`: the pod, or what kubectl exec finds one by, and its container; `when`: why the name is nobody's."""
    command, told = _about_node(ref, where, "force-leave", node, f"remove the name {node} {when}")
    return Step(Action.FORCE_LEAVE, f"Node/{node}", told, command, operation)


def _about_node(
    ref: WorkloadRef, where: tuple[str, str], verb: str, node: str, told: str
) -> tuple[str | None, str]:
    """The command, and what is told of it: the name is what a member says, so it may be anything."""
    if not grammar.is_node(node):
        return None, f"{told}; no command is offered, since that is no name of an EMQX node"
    return exec_command(ref, *where, "emqx_ctl", "cluster", verb, node), told
