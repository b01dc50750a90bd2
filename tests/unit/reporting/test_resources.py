"""Which custom resource of a workload counts, by what the watches have told. What is written: tests/hostile."""

from typing import Any

import pytest

from emqx_autocluster.api.findings import Reason
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.reporting.resources import Resources

REF = WorkloadRef("iot", WorkloadKind.DEPLOYMENT, "emqx")


def body(name: str, hour: int = 1, reason: str = "TargetFound", uid: str = "") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "iot", "creationTimestamp": f"2026-11-23T{hour:02}:00:00Z"},
        "spec": {"targetRef": {"kind": "Deployment", "name": "emqx"}},
        "status": {"conditions": [{"type": "Accepted", "reason": reason}], "workloadUID": uid},
    }


def known(*bodies: dict[str, Any]) -> Resources:
    resources = Resources(Kube.from_kubeconfig())  # of which nothing is asked here
    for each in bodies:
        assert resources.learn(each, deleted=False) == REF
    return resources


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        pytest.param([body("emqx")], ["emqx"], id="the only one"),
        pytest.param([body("aaa", 2), body("emqx", 1)], ["emqx", "aaa"], id="an earlier name, made later"),
        pytest.param([body("tuned", 1), body("emqx", 2)], ["tuned", "emqx"], id="one that was there before"),
        pytest.param([body("b"), body("a")], ["a", "b"], id="of one second, the first by name"),
        pytest.param(
            [body("b", uid="1"), body("a")], ["b", "a"], id="of one second, the one that counted before"
        ),
    ],
)
def test_the_oldest_counts(bodies: list[dict[str, Any]], expected: list[str]) -> None:
    assert known(*bodies).by_age(REF) == expected


def test_the_others_are_told_a_few_at_a_time_and_once() -> None:
    others = [body(f"other-{number}", hour=2) for number in range(7)]
    resources = known(body("emqx"), body("told", 2, Reason.OLDER_RESOURCE_COUNTS), *others)
    assert resources.untold(REF, "emqx") == [f"other-{number}" for number in range(5)]


def test_nothing_is_kept_of_what_is_gone() -> None:
    resources = known(body("emqx"), body("other", 2))
    resources.learn(body("emqx"), deleted=True)
    assert resources.by_age(REF) == ["other"]
    resources.learn(body("other"), deleted=True)
    assert not resources.has(REF)
    assert not resources._known
