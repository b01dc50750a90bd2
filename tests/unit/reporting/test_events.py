"""Events: which transitions are told, how they are written, and that a lost one stops nothing."""

import asyncio
import logging
from typing import Any, cast

import pytest

from builders import AT, a_resource, a_workload
from emqx_autocluster.api.v1alpha1 import Condition
from emqx_autocluster.clients.errors import Forbidden
from emqx_autocluster.clients.kube import Kube
from emqx_autocluster.reporting import events
from emqx_autocluster.reporting.events import Recorder


def a_condition(
    kind: str = "ClusterFormed", status: Any = "True", reason: str = "X", message: str = "m"
) -> Condition:
    return Condition(type=kind, status=status, reason=reason, message=message, last_transition_time=AT)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param("True", "False", True, id="it broke"),
        pytest.param("False", "True", True, id="it was put right"),
        pytest.param("True", "True", False, id="nothing changed"),
        pytest.param("True", "Unknown", False, id="what is not known is no news"),
        pytest.param("Unknown", "False", True, id="it became known that it is broken"),
        pytest.param("Unknown", "True", True, id="it became known that it is well"),
        pytest.param(None, "False", True, id="broken at first sight"),
        pytest.param(None, "True", False, id="well at first sight"),
        pytest.param(None, "Unknown", False, id="not known at first sight"),
    ],
)
def test_which_transitions_are_told(before: str | None, after: str, *, told: bool) -> None:
    old = [a_condition(status=before)] if before else []
    new = a_condition(status=after)
    assert list(events.transitions(old, [new])) == ([new] if told else [])


def test_another_reason_or_message_is_no_transition() -> None:
    new = [a_condition(status="False", reason="Y", message="other")]
    assert list(events.transitions([a_condition(status="False")], new)) == []


def test_what_ready_repeats_is_told_once() -> None:
    cause = a_condition("ClusterFormed", "False", "NotFormed", "3 clusters")
    ready = a_condition("Ready", "False", "NotFormed", "3 clusters")
    well = [a_condition("Ready"), a_condition("ClusterFormed")]
    assert list(events.transitions(well, [ready, cause])) == [cause]
    other = a_condition("Ready", "False", "PermissionDenied", "no right")
    assert list(events.transitions(well, [other, cause])) == [other, cause]
    broken = [a_condition("Ready"), a_condition("ClusterFormed", "False")]
    assert list(events.transitions(broken, [ready, cause])) == [ready]


@pytest.mark.parametrize("kind", ["StaleNodesPresent", "Paused"])
def test_conditions_that_are_good_when_false(kind: str) -> None:
    assert events.is_good(a_condition(kind, "False"))
    assert not events.is_good(a_condition(kind, "True"))
    assert list(events.transitions([], [a_condition(kind, "False")])) == []
    assert list(events.transitions([], [a_condition(kind, "True")])) != []


class Ledger:
    """Where events go, as far as the recorder sees it."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.written: list[tuple[str, dict[str, Any]]] = []
        self._refuses = refuses

    async def create(self, path: str, body: dict[str, Any]) -> None:
        if self._refuses:
            raise Forbidden(403, "Forbidden", "events is forbidden")
        self.written.append((path, body))


async def told(ledger: Ledger, condition: Condition) -> None:
    recorder = Recorder(cast("Kube", ledger))
    recorder.transition(a_resource(), a_workload(), condition)
    writing = asyncio.create_task(recorder.write())
    await recorder.written()
    writing.cancel()


async def test_what_is_done_about_it_goes_before_the_event_that_tells_of_it() -> None:
    ledger = Ledger()
    recorder = Recorder(cast("Kube", ledger))
    writing = asyncio.create_task(recorder.write())
    await asyncio.sleep(0)
    recorder.transition(a_resource(), a_workload(), a_condition(status="False"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert ledger.written == []
    await recorder.written()
    assert len(ledger.written) == 2
    writing.cancel()


async def test_an_event_is_written_for_the_resource_and_for_the_workload() -> None:
    ledger = Ledger()
    await told(ledger, a_condition(status="False", reason="NotFormed", message="3 clusters"))
    regarding = [(body["regarding"]["kind"], body["regarding"]["uid"]) for _, body in ledger.written]
    assert regarding == [("EMQXAutoCluster", "uid-eac"), ("Deployment", "uid-workload")]
    for path, body in ledger.written:
        assert path == "/apis/events.k8s.io/v1/namespaces/iot/events"
        assert (body["type"], body["reason"], body["note"]) == (
            "Warning",
            "NotFormed",
            "ClusterFormed is False: 3 clusters",
        )


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        (a_condition(status="True"), "Normal"),
        (a_condition(status="False"), "Warning"),
        (a_condition("Paused", "True"), "Warning"),
        (a_condition("Paused", "False"), "Normal"),
    ],
)
async def test_what_is_wrong_is_a_warning(condition: Condition, kind: str) -> None:
    ledger = Ledger()
    await told(ledger, condition)
    assert {body["type"] for _, body in ledger.written} == {kind}


@pytest.mark.parametrize(
    ("message", "ends"),
    [
        pytest.param("x" * 5000, "xx …", id="one endless word"),
        pytest.param("word " * 1000, "word …", id="words"),
        pytest.param(f"{'w' * 150}; {'v' * 150}", "w; …", id="parts of a sentence"),
    ],
)
async def test_a_note_of_a_transition_is_at_most_two_lines_of_kubectl_describe(
    message: str, ends: str
) -> None:
    ledger = Ledger()
    await told(ledger, a_condition(status="False", message=message))
    notes = [body["note"] for _, body in ledger.written]
    assert all(len(note) <= 240 and note.endswith(ends) for note in notes)


async def test_a_note_of_anything_else_stands_nowhere_else_and_is_as_long_as_the_api_server_takes() -> None:
    ledger = Ledger()
    recorder = Recorder(cast("Kube", ledger))
    recorder.record(a_resource(), a_workload(), "Warning", "NotEnrolled", "Leave", "word " * 500)
    writing = asyncio.create_task(recorder.write())
    await recorder.written()
    writing.cancel()
    assert {len(body["note"]) for _, body in ledger.written} <= set(range(1000, 1025))


async def test_a_note_of_a_hostile_text_is_one_line_of_what_can_be_seen() -> None:
    ledger = Ledger()
    await told(ledger, a_condition(status="False", message="\x1b]0;owned\x07\nall is well\u202e"))
    notes = {body["note"] for _, body in ledger.written}
    assert notes == {r"ClusterFormed is False: \x1b]0;owned\x07\nall is well\u202e"}


async def test_a_long_name_leaves_room_for_the_generated_end() -> None:
    body = Recorder(cast("Kube", Ledger()))._event(
        {"name": "x" * 253, "namespace": "iot"}, "Normal", "R", "A", "n"
    )
    assert len(body["metadata"]["generateName"]) <= 248


async def test_an_event_that_cannot_be_written_is_logged_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        await told(Ledger(refuses=True), a_condition(status="False", reason="NotFormed"))
    assert "the event NotFormed could not be written" in caplog.text
