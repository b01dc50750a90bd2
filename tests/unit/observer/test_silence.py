"""Which pods are not asked, since they answered nothing a moment ago."""

from collections.abc import Set as AbstractSet
from datetime import timedelta

import pytest

from builders import AT, a_pod, a_workload
from emqx_autocluster.observer.look import Depth, Remembered, Visit

PODS = tuple(a_pod(suffix, container_id=f"containerd://{suffix}") for suffix in "abc")
A, B, _ = (pod.name for pod in PODS)


def visit(memory: Remembered, seconds: float) -> Visit:
    workload, at = a_workload(), AT + timedelta(seconds=seconds)
    return Visit(workload, workload.template.containers[0], PODS, memory, at, Depth(thorough=True))


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
        visit(memory, seconds).note_silence(silent)
    assert visit(memory, 20).silent == spared


def test_a_container_that_was_started_anew_is_asked() -> None:
    memory = Remembered()
    visit(memory, 0).note_silence({A})
    memory.keep_only({pod.container_id for pod in PODS[1:] if pod.container_id})
    assert visit(memory, 1).silent == set()
