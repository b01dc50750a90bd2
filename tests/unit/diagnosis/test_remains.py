"""StaleNodesPresent and Paused: the conditions that are True when something is not as it should be."""

from typing import Any

import pytest

from builders import IN_ROLLOUT, NOT_READ, a_case, a_down_member, changed, judge, members, tells
from emqx_autocluster.api.annotations import PAUSED
from emqx_autocluster.api.findings import ConditionType, Reason, Status

GONE = [f"emqx@10.244.0.7{n}" for n in range(3)]


@pytest.mark.parametrize(
    ("names", "reason", "words"),
    [
        pytest.param(GONE[:1], Reason.STALE_NODES_FOUND, ["1 stopped nodes", GONE[0]], id="one"),
        pytest.param(
            GONE,
            Reason.AUTOHEAL_INHIBITED,
            ["3 stopped nodes", *GONE, "beside 3 live ones", "autoheal"],
            id="as many as live ones",
        ),
    ],
)
def test_stale_nodes(names: list[str], reason: Reason, words: list[str]) -> None:
    case = a_case(members=members("a b c", stopped=names))
    tells(judge(case, ConditionType.STALE_NODES_PRESENT), (Status.TRUE, reason), *words)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(IN_ROLLOUT, "a rollout goes on", id="pods that are replaced"),
        pytest.param({"generation": 5}, "a rollout goes on", id="a change that is not taken in yet"),
        pytest.param({"available_replicas": 2}, "pods are being started", id="a member that restarts"),
    ],
)
def test_what_it_waits_for_is_what_goes_on(facts: dict[str, Any], words: str) -> None:
    tells(
        judge(a_case(**facts), ConditionType.STALE_NODES_PRESENT),
        (Status.UNKNOWN, Reason.TARGET_PROGRESSING),
        words,
    )


def test_fewer_than_live_ones_are_no_danger_to_autoheal() -> None:
    case = a_case(members=members("a b c", stopped=GONE[:2]))
    assert "autoheal" not in judge(case, ConditionType.STALE_NODES_PRESENT).message


def test_no_stale_nodes() -> None:
    tells(
        judge(a_case(), ConditionType.STALE_NODES_PRESENT),
        (Status.FALSE, Reason.NO_STALE_NODES),
        "every name",
    )


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({"members": NOT_READ}, Reason.PROBE_FAILED, id="the pods could not be listed"),
        pytest.param({"members": (a_down_member("a"),)}, Reason.PROBE_FAILED, id="nobody runs"),
        pytest.param(
            {"members": changed(members("a b c"), "c", view=NOT_READ)},
            Reason.PROBE_FAILED,
            id="the others list none, and one could not be asked",
        ),
        pytest.param(
            {"members": members("a b c", stopped=GONE), **IN_ROLLOUT},
            Reason.TARGET_PROGRESSING,
            id="a rollout",
        ),
    ],
)
def test_stale_nodes_are_not_known(facts: dict[str, Any], reason: Reason) -> None:
    tells(judge(a_case(**facts), ConditionType.STALE_NODES_PRESENT), (Status.UNKNOWN, reason))


def test_one_members_word_is_enough_for_a_stale_name() -> None:
    group = changed(members("a b c", stopped=GONE), "c", view=NOT_READ)
    finding = judge(a_case(members=group), ConditionType.STALE_NODES_PRESENT)
    tells(finding, (Status.TRUE, Reason.AUTOHEAL_INHIBITED))


@pytest.mark.parametrize(
    ("value", "status", "reason"),
    [
        ("true", Status.TRUE, Reason.ANNOTATION_SET),
        ("yes?", Status.TRUE, Reason.ANNOTATION_SET),
        ("false", Status.FALSE, Reason.NOT_PAUSED),
        (None, Status.FALSE, Reason.NOT_PAUSED),
    ],
)
def test_paused(value: str | None, status: Status, reason: Reason) -> None:
    case = a_case(annotations={PAUSED: value} if value else {})
    tells(judge(case, ConditionType.PAUSED), (status, reason), PAUSED)
