"""Whether the operator holds a rollout is told by the workload alone."""

import pytest

from builders import a_stateful_set, a_workload
from emqx_autocluster.api.annotations import ORIGINAL
from emqx_autocluster.objects import steering, template
from emqx_autocluster.objects.recorded import FieldChange, Record
from emqx_autocluster.observation import Workload

PAUSED = FieldChange(template.PAUSED, None, now=True)
PARTITION = FieldChange(template.PARTITION, 0, 2)
SURGE = FieldChange(template.MAX_SURGE, "100%", 1)


def noting(*changes: FieldChange) -> dict[str, str]:
    return {ORIGINAL: Record("emqx", changes).dump()}


@pytest.mark.parametrize(
    ("workload", "held", "let_go"),
    [
        pytest.param(a_workload(paused=True, annotations=noting(PAUSED)), True, False, id="paused by us"),
        pytest.param(a_workload(paused=True), False, False, id="paused by its user"),
        pytest.param(a_workload(annotations=noting(PAUSED)), False, True, id="resumed by its user"),
        pytest.param(
            a_stateful_set(partition=2, annotations=noting(PARTITION)), True, False, id="a partition of ours"
        ),
        pytest.param(
            a_stateful_set(partition=1, annotations=noting(PARTITION)), False, True, id="changed by its user"
        ),
        pytest.param(a_workload(max_surge=1, annotations=noting(SURGE)), False, False, id="narrowed only"),
    ],
)
def test_a_rollout_is(workload: Workload, held: bool, let_go: bool) -> None:  # noqa: FBT001 - columns
    assert (steering.holding(workload) is not None, bool(steering.let_go(workload))) == (held, let_go)


def test_what_is_given_back_is_what_still_holds_our_value() -> None:
    workload = a_stateful_set(partition=1, max_surge=1)
    record = Record("emqx", (PARTITION, SURGE)).dump()
    body = template.give_back(workload, [PARTITION.field, SURGE.field], record)
    assert body["spec"] == {"strategy": {"rollingUpdate": {"maxSurge": "100%"}}}
    assert body["metadata"] == {"resourceVersion": "1000", "annotations": {ORIGINAL: None}}
