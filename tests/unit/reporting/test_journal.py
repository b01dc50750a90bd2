"""What the journal says of transitions and actions, and what it counts."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from builders import a_resource
from emqx_autocluster import metrics
from emqx_autocluster.api.v1alpha1 import Condition, EMQXAutoCluster, StatusModel
from emqx_autocluster.healing import Action, Step
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.reporting import journal

REF = WorkloadRef("iot", WorkloadKind.DEPLOYMENT, "emqx")
JOIN = Step(Action.JOIN_CLUSTER, "Pod/emqx-0", "emqx-0 joins emqx@10.0.0.1")


def conditions(**statuses: str) -> tuple[Condition, ...]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return tuple(
        Condition.model_validate(
            {"type": kind, "status": status, "reason": "Because", "lastTransitionTime": at}
        )
        for kind, status in statuses.items()
    )


def resource(**statuses: str) -> EMQXAutoCluster:
    return a_resource().model_copy(update={"status": StatusModel(conditions=conditions(**statuses))})


def told(caplog: pytest.LogCaptureFixture, *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(record, key) for key in keys) for record in caplog.records]


@pytest.fixture(autouse=True)
def _everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_what_changed_is_told_with_what_it_was_and_nothing_else_is(caplog: pytest.LogCaptureFixture) -> None:
    old = resource(Ready="False", DNSHealthy="True", Paused="False")
    journal.changed(old, conditions(Ready="Unknown", DNSHealthy="True", Paused="True", RBACReady="True"))
    assert told(caplog, "event", "condition", "was", "status", "levelname") == [
        ("transition", "Ready", "False", "Unknown", "WARNING"),
        ("transition", "Paused", "False", "True", "WARNING"),
        ("transition", "RBACReady", None, "True", "INFO"),
    ]


def test_a_name_that_is_left_behind_is_bad_news_though_its_condition_is_true(
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal.changed(resource(StaleNodesPresent="False"), conditions(StaleNodesPresent="True"))
    journal.changed(resource(StaleNodesPresent="True"), conditions(StaleNodesPresent="False"))
    assert told(caplog, "levelname") == [("WARNING",), ("INFO",)]


def test_what_is_long_is_cut_so_that_a_line_stays_one(caplog: pytest.LogCaptureFixture) -> None:
    [ready] = conditions(Ready="False")
    journal.changed(resource(), [ready.model_copy(update={"message": "\U0001f41d" * 8000})])
    journal.acted(REF, JOIN, "failed", "no " * 8000)
    assert [len(record.getMessage()) for record in caplog.records] == [1000, 1000]


@pytest.mark.parametrize(
    ("result", "level", "message"),
    [
        ("succeeded", "INFO", JOIN.message),
        ("failed", "WARNING", f"{JOIN.message}: it said no"),
        ("superseded", "INFO", f"{JOIN.message}: it said no"),
    ],
)
def test_an_action_is_told_with_its_end(
    caplog: pytest.LogCaptureFixture, result: str, level: str, message: str
) -> None:
    journal.acted(REF, JOIN, result, "it said no")
    keys = ("namespace", "workload", "event", "action", "subject", "result", "levelname", "message")
    assert told(caplog, *keys) == [
        ("iot", "deployment/emqx", "action", "JoinCluster", "Pod/emqx-0", result, level, message)
    ]


def test_what_was_done_is_counted_and_what_was_superseded_is_not() -> None:
    before = [counted(result) for result in metrics.RESULTS]
    for result in (*metrics.RESULTS, "superseded"):
        journal.acted(REF, JOIN, result, "")
    assert [counted(result) for result in metrics.RESULTS] == [number + 1 for number in before]
    assert counted("superseded") == 0


def counted(result: str) -> float:
    labels = {"action": "JoinCluster", "result": result}
    return metrics.REGISTRY.get_sample_value("emqx_autocluster_actions_total", labels) or 0.0
