"""The custom resource's models: defaults, durations, and what of a status is written."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from builders import AT, a_spec
from emqx_autocluster.api.v1alpha1 import (
    Condition,
    EMQXAutoCluster,
    Members,
    StatusModel,
    delta,
    seconds,
    status_body,
)


@pytest.mark.parametrize(
    ("text", "expected"), [("15s", 15), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("1m30s", 90), ("0s", 0)]
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected
    assert delta(text) == timedelta(seconds=expected)


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "1.5h", "5d", "5M"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a duration such as 15s, 5m or 1h30m"):
        a_spec(verification={"interval": text})


def test_the_defaults_of_the_spec() -> None:
    spec = a_spec()
    verification = spec.verification
    assert (verification.pulse, verification.interval, verification.suspicious_interval) == (
        "30s",
        "30m",
        "15s",
    )
    assert (spec.repair.rollout, spec.repair.min_ready_seconds, spec.repair.seed) == ("Automatic", None, None)
    assert (spec.repair.half_joined_after, spec.dns.negative_grace) == ("60s", "60s")
    assert spec.healing.split_policy == "Report"


@pytest.mark.parametrize(
    "spec",
    [
        {"repair": {"rollout": "Later"}},
        {"healing": {"splitPolicy": "SmallestWins"}},
        {"targetRef": {"kind": "DaemonSet", "name": "emqx"}},
    ],
)
def test_unknown_words_are_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_spec(**spec)


def test_fields_of_a_later_version_are_passed_over() -> None:
    assert a_spec(future={"field": 1}) == a_spec()


def test_a_status_is_written_in_the_apis_own_names_without_what_is_empty() -> None:
    condition = Condition(type="Ready", status="True", reason="SingleMember", last_transition_time=AT)
    status = StatusModel(observed_generation=2, conditions=(condition,), members=Members(expected=1, ready=1))
    assert status_body(status) == {
        "observedGeneration": 2,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "SingleMember",
                "message": "",
                "observedGeneration": 0,
                "lastTransitionTime": "2026-11-23T12:00:00Z",
            }
        ],
        "members": {"expected": 1, "ready": 1},
    }


def test_every_text_of_a_status_that_others_may_have_written_is_plain() -> None:
    raw = "\x1b[2J\n\u202e"
    told = {"action": "JoinCluster", "subject": raw, "message": raw, "time": AT}
    procedure = {
        "startedAt": AT,
        "members": [{"pod": "a", "uid": "u", "node": raw}],
        "leftBehind": [raw],
        "attempts": [{**told, "count": 1}],
    }
    status = StatusModel.model_validate(
        {
            "conditions": [
                {"type": "Ready", "status": "True", "reason": "X", "message": raw, "lastTransitionTime": AT}
            ],
            "staleNodes": [raw],
            "plannedActions": [{**told, "command": raw}],
            "lastAction": {**told, "result": "Failed"},
            "discovery": dict.fromkeys(
                ("strategy", "apiServer", "serviceName", "namespace", "addressType", "unreachable"), raw
            ),
            "procedure": procedure,
            "rewrites": [{"value": raw, "time": AT}],
        }
    )
    written = json.dumps(status_body(status))
    assert written.count(r"\\x1b[2J\\n\\u202e") == 18
    assert not {r"\u001b", r"\n", r"\u202e"} & set(re.findall(r"(?<!\\)\\(?:u....|n)", written))


def test_a_status_that_is_read_back_is_the_same_status() -> None:
    """Else a healthy workload would be written at every pass."""
    condition = Condition(type="Ready", status="False", reason="NotFormed", last_transition_time=AT)
    status = StatusModel(conditions=(condition,), members=Members(expected=3, ready=3, islands=3))
    metadata = {"name": "emqx", "namespace": "iot"}
    body = {"metadata": metadata, "spec": a_spec().model_dump(by_alias=True), "status": status_body(status)}
    assert EMQXAutoCluster.model_validate(body).status == status
