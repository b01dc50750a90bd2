"""`status`: which workloads stand together, and that what one resource holds keeps no other from being told."""

from typing import Any

import pytest

from builders import a_resource
from emqx_autocluster.api.v1alpha1 import Discovery, EMQXAutoCluster, StatusModel
from emqx_autocluster.commands import tables


def a_row(
    name: str, role: str | None = "core", *, service: str = "cores", namespace: str = "iot"
) -> EMQXAutoCluster:
    seen = StatusModel(discovery=Discovery(strategy="k8s", service_name=service, role=role) if role else None)
    resource = a_resource(seen)
    metadata: Any = resource.metadata.model_copy(update={"name": name, "namespace": namespace})
    return resource.model_copy(update={"metadata": metadata})


@pytest.mark.parametrize(
    ("resources", "shown"),
    [
        pytest.param(
            [a_row("edge", "replicant"), a_row("core")], ["core", "└ edge"], id="replicants below their cores"
        ),
        pytest.param([a_row("a"), a_row("b")], ["a", "b"], id="cores of one Service are two workloads"),
        pytest.param([a_row("edge", "replicant")], ["edge"], id="cores that nobody enrolled"),
        pytest.param(
            [a_row("core"), a_row("edge", "replicant", service="other")],
            ["core", "edge"],
            id="another Service",
        ),
        pytest.param(
            [a_row("core"), a_row("edge", "replicant", namespace="lab")],
            ["core", "edge"],
            id="another namespace",
        ),
        pytest.param([a_row("new", None), a_row("core")], ["new", "core"], id="one that is not judged yet"),
    ],
)
def test_replicants_stand_below_the_cores_that_they_ask_for(
    resources: list[EMQXAutoCluster], shown: list[str]
) -> None:
    rows = [f"{'└ ' if below else ''}{r.metadata.name}" for r, below in tables._by_cluster(resources)]
    assert rows == shown


def test_a_resource_of_another_form_is_named_beside_the_others() -> None:
    good = a_resource().model_dump(mode="json", by_alias=True)
    odd = {
        "metadata": {"name": "odd", "namespace": "lab"},
        "spec": {"targetRef": {"kind": "Pod", "name": "x"}},
    }
    resources, told = tables.readable([odd, good])
    assert [resource.metadata.name for resource in resources] == ["emqx"]
    [line] = told
    assert line.startswith("lab/odd cannot be read: spec.targetRef.kind: ")
