"""Which pods are not asked, since they answered nothing a moment ago."""

from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import cast

import pytest

from builders import AT, a_case, a_pod, a_workload, half_joined, members
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.clients.patience import Patience, patience
from emqx_autocluster.observation import JoinTrace, Unobserved
from emqx_autocluster.observer.logs import Logs
from emqx_autocluster.observer.look import Depth, Look, Remembered, Visit

PODS = tuple(a_pod(suffix, container_id=f"containerd://{suffix}") for suffix in "abc")
A, B, _ = (pod.name for pod in PODS)


def visit(memory: Remembered, seconds: float) -> Visit:
    workload, at = a_workload(), AT + timedelta(seconds=seconds)
    return Visit(workload, workload.template.containers[0], PODS, memory, at, Depth(thorough=True))


def spent(*silent: str, lost: int = 0, spared: int = 0) -> Patience:
    return Patience(90, 90, lost=lost, spared=spared, silent=set(silent))


@pytest.mark.parametrize(
    ("looks", "spared"),
    [
        pytest.param([(0, set())], set(), id="none was silent"),
        pytest.param([(0, {A})], {A}, id="one answered nothing 20 s ago"),
        pytest.param([(-15, {A})], set(), id="35 s ago: it is asked again"),
        pytest.param([(-15, {A}), (-5, {A})], set(), id="that it was not asked once more makes it no longer"),
        pytest.param([(-40, {A}), (-5, {A})], {A}, id="asked again, it answered nothing again"),
        pytest.param([(-5, {A, B}), (0, {B})], {B}, id="one answers again"),
    ],
)
def test_which_pods_are_spared_20_s_after(
    looks: list[tuple[float, AbstractSet[str]]], spared: set[str]
) -> None:
    memory = Remembered()
    for seconds, silent in looks:
        visit(memory, seconds).note_silence(spent(*silent))
    assert visit(memory, 20).silent == spared


def test_a_container_that_was_started_anew_is_asked() -> None:
    memory = Remembered()
    visit(memory, 0).note_silence(spent(A))
    memory.keep_only({pod.container_id for pod in PODS[1:] if pod.container_id})
    assert visit(memory, 1).silent == set()


def test_looks_become_seldom_with_each_that_lost_a_command_and_not_with_those_that_asked_nothing() -> None:
    memory = Remembered()
    visit(memory, 0).note_silence(spent(A, lost=2))
    for seconds in (5, 10, 15):
        visit(memory, seconds).note_silence(spent(A, spared=3))
    assert memory.mute == 1
    visit(memory, 35).note_silence(spent(A, lost=1, spared=2))
    assert memory.mute == 2
    visit(memory, 70).note_silence(spent())
    assert memory.mute == 0


class Requests:
    """In the place of the API server: whose log was asked for."""

    def __init__(self) -> None:
        self.read: list[str] = []

    async def read_log(self, namespace: str, pod: str, container: str, *, tail_lines: int) -> str:
        assert (namespace, container, tail_lines) == ("iot", "emqx", 1000)
        self.read.append(pod)
        return ""


async def test_nor_is_the_log_of_a_silent_pod_read_which_only_its_node_has() -> None:
    """Of both a log would tell whether they hang in a join."""
    group = half_joined(half_joined(members("a b c"), "a"), "b")
    case = a_case(members=group)
    assert case.settings
    pods = tuple(member.pod for member in group)
    container, depth = case.workload.template.containers[0], Depth(thorough=True)
    look = Look(case.workload, container, pods, Remembered(), AT, depth, "emqx", {}, case.settings)
    requests = Requests()
    with patience(90, {"emqx-a"}):
        read = await Logs(cast("Kube", requests)).read(look, group)
    assert requests.read == ["emqx-b"]
    traces = {member.pod.name: member.join_trace for member in read}
    assert isinstance(traces["emqx-a"], Unobserved)
    assert "answered nothing" in traces["emqx-a"].reason
    assert traces["emqx-b"] == JoinTrace(None, listening_again=False, line=""), "its log tells of no join"
