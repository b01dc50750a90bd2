"""pod.status by the states of its containers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.kubelet.podstatus import (
    ContainerView,
    PodView,
    Running,
    State,
    Terminated,
    Waiting,
    build,
    phase,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
RUNNING = Running(NOW)
CREATING = Waiting("ContainerCreating")
OK = Terminated(0, "Completed", NOW, NOW, "containerd://1")
FAILED = replace(OK, exit_code=1, reason="Error")


def container(state: State, *, ready: bool = False, last: Terminated | None = None) -> ContainerView:
    return ContainerView(
        "emqx", "emqx:5", state, last, 0, ready, isinstance(state, Running), "containerd://1", "id"
    )


def pod(*containers: ContainerView, initialized: bool = True, gates: tuple[str, ...] = ()) -> PodView:
    return PodView(
        host_ip="10.0.1.1",
        pod_ip="10.244.0.9",
        start_time=NOW,
        restart_policy="Always",
        containers=containers,
        init_containers=(),
        initialized=initialized,
        sandbox_ready=True,
        generation=3,
        readiness_gates=gates,
    )


def conditions(view: PodView) -> dict[str, dict[str, Any]]:
    return {condition["type"]: condition for condition in build(view, (), NOW)["conditions"]}


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (pod(container(CREATING)), "Pending"),
        (pod(container(RUNNING)), "Running"),
        (pod(container(RUNNING), container(CREATING)), "Pending"),
        (pod(container(RUNNING), container(Waiting("CrashLoopBackOff"), last=FAILED)), "Running"),
        (pod(container(Waiting("CrashLoopBackOff"), last=FAILED)), "Running"),
        (pod(container(OK), container(RUNNING)), "Running"),
        (pod(container(OK), container(OK)), "Succeeded"),
        (pod(container(OK), container(FAILED)), "Failed"),
        (pod(container(RUNNING), initialized=False), "Pending"),
    ],
)
def test_phase(view: PodView, expected: str) -> None:
    assert phase(view) == expected


def test_a_ready_pod() -> None:
    status = build(pod(container(RUNNING, ready=True)), (), NOW)
    assert {c["type"]: c["status"] for c in status["conditions"]} == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"), "True"
    )
    assert status["podIPs"] == [{"ip": "10.244.0.9"}]
    assert status["startTime"] == "2026-01-02T03:04:05Z"
    assert status["containerStatuses"][0]["state"] == {"running": {"startedAt": "2026-01-02T03:04:05Z"}}


def test_an_unready_container_is_named() -> None:
    ready = conditions(pod(container(RUNNING)))["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [emqx]"


def test_a_completed_pod_is_not_ready() -> None:
    assert conditions(pod(container(OK)))["Ready"]["reason"] == "PodCompleted"


def test_a_readiness_gate_holds_ready_back_and_nothing_else() -> None:
    view = pod(container(RUNNING, ready=True), gates=("example.com/gate",))
    assert conditions(view)["ContainersReady"]["status"] == "True"
    assert conditions(view)["Ready"]["reason"] == "ReadinessGatesNotReady"
    opened = replace(view, foreign_conditions={"example.com/gate": "True"})
    assert conditions(opened)["Ready"]["status"] == "True"


def test_transition_times_move_only_with_the_status() -> None:
    first = build(pod(container(RUNNING)), (), NOW)["conditions"]
    later = build(pod(container(RUNNING, ready=True)), first, NOW + timedelta(minutes=1))["conditions"]
    times = {condition["type"]: condition["lastTransitionTime"] for condition in later}
    assert times["Ready"] == "2026-01-02T03:05:05Z"
    assert times["Initialized"] == "2026-01-02T03:04:05Z"


def test_the_last_run_is_kept_beside_the_waiting() -> None:
    waiting = container(Waiting("CrashLoopBackOff", "back-off 10s"), last=FAILED)
    status = build(pod(waiting), (), NOW)["containerStatuses"][0]
    assert status["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    assert status["lastState"]["terminated"]["exitCode"] == 1
