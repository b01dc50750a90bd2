"""When a workload is looked at again: soon while something happens, seldom while nothing does."""

import pytest

from builders import (
    AT,
    IN_ROLLOUT,
    NOT_READ,
    a_case,
    a_procedure,
    a_resource,
    ago,
    changed,
    members,
    plan_of,
    the_seed_story,
)
from emqx_autocluster import diagnosis, report, schedule
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.healing import Action, Memory, Setback
from emqx_autocluster.report import Pass
from emqx_autocluster.v1alpha1 import Condition, LastAction, Procedure, StatusModel

ORPHAN = a_case(members=members("a b", "c"))
UNDER_WAY = a_procedure("a", "b", "c")


def seconds(
    case: Case,
    *,
    procedure: Procedure | None = None,
    acted: float | None = None,
    lasts: float = 0,
    setback: Setback | None = None,
) -> float:
    """Until the next look; `acted` and `lasts` are the ages of the last step and of the conditions."""
    memory = Memory(procedure, setback=setback)
    done = Pass(case, diagnosis.diagnose(case), plan_of(case, memory), memory)
    status = report.status(a_resource(), done)
    aged = tuple(c.model_copy(update={"last_transition_time": ago(lasts)}) for c in status.conditions)
    changes: dict[str, object] = {"conditions": aged, "procedure": procedure}
    if acted is not None:
        changes["last_action"] = LastAction(
            action="JoinCluster", subject="Pod/emqx-c", result="Succeeded", time=ago(acted)
        )
    return schedule.next_look(a_resource(status.model_copy(update=changes)), done)


@pytest.mark.parametrize(
    ("case", "facts", "expected"),
    [
        pytest.param(a_case(), {}, 300, id="all is well"),
        pytest.param(a_case(), {"lasts": 9000}, 300, id="all has been well for long"),
        pytest.param(ORPHAN, {}, 15, id="an orphan"),
        pytest.param(ORPHAN, {"lasts": 301}, 60, id="an orphan that nobody has cured for minutes"),
        pytest.param(
            a_case(members=changed(members("a b c"), "c", view=NOT_READ)), {}, 15, id="one could not be asked"
        ),
        pytest.param(a_case(image="emqx/emqx:latest"), {}, 300, id="the version alone is not in the tag"),
        pytest.param(
            a_case(service=None), {}, 60, id="one cluster, and something that only a person can cure"
        ),
        pytest.param(
            ORPHAN, {"procedure": UNDER_WAY, "acted": 10}, 5, id="a repair took a step a moment ago"
        ),
        pytest.param(
            ORPHAN,
            {"procedure": UNDER_WAY, "acted": 301, "lasts": 301},
            60,
            id="a repair waits for a person, and asks the members seldom",
        ),
        pytest.param(
            a_case(**IN_ROLLOUT),
            {"procedure": UNDER_WAY, "acted": 10},
            15,
            id="a rollout brings events itself",
        ),
        pytest.param(
            a_case(members=changed(members("a", "b c"), "a", running_since=ago(5))),
            {"lasts": 9000},
            5,
            id="a member is just starting",
        ),
    ],
)
def test_the_next_look(case: Case, facts: dict[str, float], expected: float) -> None:
    assert seconds(case, **facts) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "since", "expected"), [(1, 0, 5), (1, 3, 2), (1, 5, 0.05), (9, 0, 60)])
def test_a_step_that_was_refused_is_tried_when_it_is_due(count: int, since: float, expected: float) -> None:
    case = the_seed_story(members=members("a b c"), unreachable="http://192.168.1.31:8888")
    refused = Setback(
        Action.CREATE_SERVICE_ACCOUNT, "ServiceAccount/emqx-discovery", "quota", ago(since), count
    )
    assert seconds(case, setback=refused) == expected


@pytest.mark.parametrize(
    ("status", "suspicious"),
    [
        (StatusModel(), True),
        (StatusModel(procedure=UNDER_WAY), True),
        (
            StatusModel(
                conditions=(
                    _formed := Condition(
                        type="ClusterFormed", status="True", reason="x", last_transition_time=AT
                    ),
                )
            ),
            False,
        ),
        (StatusModel(procedure=UNDER_WAY, conditions=(_formed,)), True),
    ],
)
def test_every_member_is_asked_while_membership_is_not_known_to_be_whole(
    status: StatusModel, *, suspicious: bool
) -> None:
    assert schedule.is_suspicious(status) == suspicious
