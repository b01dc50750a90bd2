"""Builds pod.status from the state of the pod's containers, as a kubelet reports it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .api import Json


@dataclass(frozen=True, slots=True)
class Waiting:
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    since: datetime


@dataclass(frozen=True, slots=True)
class Terminated:
    exit_code: int
    reason: str
    started: datetime
    finished: datetime
    container_id: str


State = Waiting | Running | Terminated


@dataclass(frozen=True, slots=True)
class ContainerView:
    """One container at one moment."""

    name: str
    image: str
    state: State
    last: Terminated | None
    restarts: int
    ready: bool
    started: bool
    container_id: str
    image_id: str


@dataclass(frozen=True, slots=True)
class PodView:
    """One pod at one moment."""

    host_ip: str
    pod_ip: str
    start_time: datetime
    restart_policy: str
    containers: Sequence[ContainerView]
    init_containers: Sequence[ContainerView]
    initialized: bool
    sandbox_ready: bool
    generation: int
    readiness_gates: Sequence[str] = ()
    foreign_conditions: Mapping[str, str] = field(default_factory=dict)
    """Condition type -> status, as others wrote it: the readiness gates are among them."""


def rfc3339(moment: datetime) -> str:
    """Write a time as metav1.Time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build(view: PodView, previous: Sequence[Json], now: datetime) -> Json:
    """Give the status to write; `previous` conditions keep their transition time while their status holds."""
    pod_phase = phase(view)
    status: Json = {
        "phase": pod_phase,
        "observedGeneration": view.generation,
        "hostIP": view.host_ip,
        "hostIPs": [{"ip": view.host_ip}],
        "startTime": rfc3339(view.start_time),
        "conditions": _with_times(_conditions(view, pod_phase), previous, now),
        "containerStatuses": [_container(container) for container in view.containers],
    }
    if view.sandbox_ready:
        status |= {"podIP": view.pod_ip, "podIPs": [{"ip": view.pod_ip}]}
    if view.init_containers:
        status["initContainerStatuses"] = [_container(container) for container in view.init_containers]
    return status


def phase(view: PodView) -> str:
    """Judge the phase by the rules of the kubelet's getPhase."""
    if not view.initialized:
        failed = any(
            isinstance(container.state, Terminated) and container.state.exit_code
            for container in view.init_containers
        )
        return "Failed" if failed and view.restart_policy == "Never" else "Pending"
    states = [container.state for container in view.containers]
    if any(isinstance(c.state, Waiting) and c.last is None for c in view.containers):
        return "Pending"
    codes = [state.exit_code for state in states if isinstance(state, Terminated)]
    if len(codes) < len(states):
        return "Running"
    return "Failed" if any(codes) else "Succeeded"


def _conditions(view: PodView, pod_phase: str) -> list[Json]:
    unready = [container.name for container in view.containers if not container.ready]
    gates = [gate for gate in view.readiness_gates if view.foreign_conditions.get(gate) != "True"]
    over = pod_phase in ("Succeeded", "Failed")
    containers_ready = _condition("ContainersReady", value=not unready and not over)
    if over:
        containers_ready["reason"] = "PodCompleted" if pod_phase == "Succeeded" else "PodFailed"
    elif unready:
        containers_ready["reason"] = "ContainersNotReady"
        containers_ready["message"] = f"containers with unready status: [{' '.join(unready)}]"
    ready = containers_ready | {"type": "Ready"}
    if ready["status"] == "True" and gates:
        ready = _condition("Ready", value=False) | {
            "reason": "ReadinessGatesNotReady",
            "message": "\n".join(
                f'corresponding condition of pod readiness gate "{g}" does not exist.' for g in gates
            ),
        }
    initialized = _condition("Initialized", value=view.initialized)
    if not view.initialized:
        names = " ".join(container.name for container in view.init_containers)
        initialized["reason"] = "ContainersNotInitialized"
        initialized["message"] = f"containers with incomplete status: [{names}]"
    return [
        _condition("PodReadyToStartContainers", value=view.sandbox_ready),
        initialized,
        ready,
        containers_ready,
        _condition("PodScheduled", value=True),
    ]


def _condition(kind: str, *, value: bool) -> Json:
    return {"type": kind, "status": "True" if value else "False", "reason": None, "message": None}


def _with_times(conditions: Sequence[Json], previous: Sequence[Json], now: datetime) -> list[Json]:
    before = {condition["type"]: condition for condition in previous}
    stamped = []
    for condition in conditions:
        old = before.get(condition["type"], {})
        held = old.get("status") == condition["status"]
        time = old.get("lastTransitionTime") if held else None
        stamped.append({**condition, "lastTransitionTime": time or rfc3339(now)})
    return stamped


def _container(view: ContainerView) -> Json:
    status: Json = {
        "name": view.name,
        "image": view.image,
        "imageID": view.image_id,
        "restartCount": view.restarts,
        "ready": view.ready,
        "started": view.started,
        "state": _state(view.state),
        "lastState": {} if view.last is None else _state(view.last),
    }
    if view.container_id:
        status["containerID"] = view.container_id
    return status


def _state(state: State) -> dict[str, dict[str, Any]]:
    match state:
        case Waiting(reason, message):
            return {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        case Running(since):
            return {"running": {"startedAt": rfc3339(since)}}
        case Terminated():
            return {
                "terminated": {
                    "exitCode": state.exit_code,
                    "reason": state.reason,
                    "startedAt": rfc3339(state.started),
                    "finishedAt": rfc3339(state.finished),
                    "containerID": state.container_id,
                }
            }
