"""A step that is refused: told in the refusal's words, tried again at growing intervals, and never at once."""

from datetime import timedelta

import pytest

from builders import AT, a_case, now, plan_of, some_rights, the_seed_story
from emqx_autocluster.api.annotations import MODE
from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.diagnosis import Case, diagnose
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.healing import Action, Memory, Setback, setback
from emqx_autocluster.healing.steps import Step
from emqx_autocluster.reporting import conditions

ROLE = "Role/emqx-discovery"
QUOTA = "Forbidden: exceeded quota: no-roles"
DENIED = a_case(rights=some_rights(allowed=False))
CREATE_ROLE = Step(Action.CREATE_ROLE, ROLE, "")


def refused(seconds: float = 0, *, action: Action = Action.CREATE_ROLE, subject: str = ROLE) -> Memory:
    return Memory(setback=Setback(action, subject, QUOTA, AT - timedelta(seconds=seconds)))


def told(case: Case, memory: Memory) -> dict[ConditionType, str]:
    hold = plan_of(case, memory).hold
    return {f.type: f.message for f in conditions.complete(diagnose(case), hold)}


def test_it_waits_at_first_and_then_is_tried_again_by_itself() -> None:
    assert now(plan_of(DENIED, refused(4))) == []
    assert now(plan_of(DENIED, refused(5))) == now(plan_of(DENIED))


@pytest.mark.parametrize("seconds", [0, 4, 5, 60])
def test_the_refusal_is_told_as_long_as_it_stands_also_while_it_is_tried_again(seconds: float) -> None:
    plan = plan_of(DENIED, refused(seconds))
    assert plan.hold
    assert plan.hold.reason is Reason.ACTION_FAILED
    message = told(DENIED, refused(seconds))[ConditionType.RBAC_READY]
    assert f"CreateRole {ROLE} failed: {QUOTA}" in message
    assert told(DENIED, refused(seconds))[ConditionType.READY] == message


def test_refused_rights_are_told_with_the_rights_also_where_the_address_is_wrong_too() -> None:
    case = a_case(env={API_SERVER: "kubernetes.default.svc:443"}, rights=some_rights(allowed=False))
    step = plan_of(case).now[0]
    messages = told(case, refused(action=step.action, subject=step.subject))
    assert QUOTA in messages[ConditionType.RBAC_READY]
    assert QUOTA not in messages[ConditionType.CONFIGURATION_VALID]


def test_the_waits_grow_up_to_a_minute() -> None:
    failed = setback.after(None, CREATE_ROLE, QUOTA, AT)
    waits = []
    for _ in range(6):
        waits.append((failed.due - AT).total_seconds())
        failed = setback.after(failed, CREATE_ROLE, QUOTA, AT)
    assert waits == [5, 10, 20, 40, 60, 60]


def test_another_step_begins_anew() -> None:
    failed = setback.after(None, CREATE_ROLE, QUOTA, AT)
    for _ in range(4):
        failed = setback.after(failed, CREATE_ROLE, QUOTA, AT)
    binding = Step(Action.CREATE_ROLE_BINDING, "RoleBinding/emqx-discovery", "")
    assert setback.after(failed, binding, QUOTA, AT).count == 1


@pytest.mark.parametrize(
    "memory",
    [
        pytest.param(refused(subject="Role/other"), id="another object"),
        pytest.param(refused(action=Action.UPDATE_ROLE), id="another action"),
    ],
)
def test_what_failed_before_holds_nothing_else(memory: Memory) -> None:
    assert plan_of(DENIED, memory) == plan_of(DENIED)


def test_it_is_no_news_where_nothing_may_be_done_anyway() -> None:
    case = a_case(rights=some_rights(allowed=False), annotations={MODE: "Observe"})
    assert plan_of(case, refused()) == plan_of(case)


def test_a_join_has_its_own_number_of_tries() -> None:
    case = the_seed_story()
    step = plan_of(case).now[0]
    assert step.action is Action.JOIN_CLUSTER
    assert plan_of(case, refused(action=step.action, subject=step.subject)) == plan_of(case)
