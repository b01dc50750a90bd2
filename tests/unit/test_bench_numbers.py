"""The arithmetic behind `make bench`, and what counts there as a write."""

import pytest

from bench.numbers import covered, p90
from bench.trail import Request


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, 1), (9, 9), (10, 9), (11, 10), (50, 45)],
)
def test_nine_of_ten_are_not_above_p90(count: int, expected: int) -> None:
    values = list(map(float, range(count, 0, -1)))
    assert p90(values) == expected
    assert sum(value <= expected for value in values) >= 0.9 * count


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([(0, 2), (3, 4)], 3, id="one after the other"),
        pytest.param([(3, 4), (0, 2)], 3, id="in any order"),
        pytest.param([(0, 2), (1, 3)], 3, id="side by side counts once"),
        pytest.param([(0, 9), (1, 2), (3, 10)], 10, id="one within another"),
    ],
)
def test_the_time_in_which_anything_goes_on(spans: list[tuple[float, float]], seconds: float) -> None:
    assert covered(spans) == seconds


def event(verb: str, resource: str, subresource: str = "", **more: object) -> dict[str, object]:
    return {
        "requestReceivedTimestamp": "2026-01-01T00:00:00.250000Z",
        "stageTimestamp": "2026-01-01T00:00:01.000000Z",
        "user": {"username": "somebody"},
        "verb": verb,
        "objectRef": {"resource": resource, "subresource": subresource, "namespace": "iot"},
        "requestURI": "/",
    } | more


@pytest.mark.parametrize(
    ("verb", "resource", "subresource", "writes"),
    [
        ("get", "pods", "", False),
        ("patch", "emqxautoclusters", "status", True),
        ("create", "events", "", True),
        ("create", "localsubjectaccessreviews", "", False),
        ("create", "pods", "exec", False),
        ("create", "pods", "eviction", True),
    ],
)
def test_what_stores_nothing_is_no_write(verb: str, resource: str, subresource: str, *, writes: bool) -> None:
    assert Request.of(event(verb, resource, subresource)).writes is writes


def test_a_view_is_told_by_its_command_and_lasts_until_its_answer() -> None:
    uri = "/api/v1/namespaces/iot/pods/a/exec?container=emqx&command=emqx_ctl&command=cluster&command=status"
    request = Request.of(event("get", "pods", "exec", requestURI=uri))
    assert request.is_view
    assert request.answered - request.received == pytest.approx(0.75)


def test_a_created_object_is_named_in_its_body_and_a_patch_may_be_a_list() -> None:
    assert Request.of(event("create", "roles", requestObject={"metadata": {"name": "r"}})).name == "r"
    assert not Request.of(event("patch", "roles", requestObject=[{"op": "add"}])).name
