"""What a member's own log confirms: it is quoted beside a cause that was found otherwise, and makes none itself."""

import pytest

from builders import CANONICAL_HOST, a_case, changed, judge, members, some_rights
from emqx_autocluster import diagnosis
from emqx_autocluster.api.findings import ConditionType, Reason
from emqx_autocluster.diagnosis import evidence
from emqx_autocluster.emqx.discovery import API_SERVER
from emqx_autocluster.observation import DiscoveryError, DiscoveryTrace, Member, Unobserved

APART = members("a", "b", "c")


def saying(error: DiscoveryError, suffix: str = "b") -> tuple[Member, ...]:
    return changed(APART, suffix, discovery_trace=DiscoveryTrace(error, f"Ekka: {error}"))


def test_a_denied_request_is_quoted() -> None:
    case = a_case(rights=some_rights(allowed=False), members=saying(DiscoveryError.FORBIDDEN))
    told = judge(case, ConditionType.RBAC_READY)
    assert told.reason is Reason.PERMISSION_DENIED
    assert told.message.endswith("; emqx-b says so too, its log: Ekka: Forbidden")


def test_what_says_something_else_is_not() -> None:
    case = a_case(rights=some_rights(allowed=False), members=saying(DiscoveryError.NAME_NOT_FOUND))
    assert "its log" not in judge(case, ConditionType.RBAC_READY).message


@pytest.mark.parametrize("trace", [None, Unobserved("forbidden")])
def test_without_a_word_or_a_look_nothing_changes(trace: object) -> None:
    case = a_case(rights=some_rights(allowed=False), members=changed(APART, "b", discovery_trace=trace))
    assert "its log" not in judge(case, ConditionType.RBAC_READY).message


def test_a_cause_that_is_not_there_is_not_made_by_a_log() -> None:
    found = diagnosis.diagnose(a_case(members=saying(DiscoveryError.FORBIDDEN)))
    assert found[ConditionType.RBAC_READY].reason is Reason.ACCESS_GRANTED
    assert "its log" not in found[ConditionType.RBAC_READY].message


def test_all_problems_of_a_condition_are_confirmed_and_none_is_told_twice() -> None:
    lookups = {CANONICAL_HOST: ("10.96.0.1",), "apiserver.corp": ()}
    group = tuple(
        Member(m.pod, m.identity, m.view, lookups, node=m.node, discovery_trace=m.discovery_trace)
        for m in saying(DiscoveryError.NAME_NOT_FOUND)
    )
    case = a_case(env={API_SERVER: "https://apiserver.corp:6443"}, members=group)
    told = diagnosis.problems(case, diagnosis.diagnose(case))
    named = [f for f in told if f.reason is Reason.API_SERVER_NAME_NOT_FOUND]
    assert len(named) == 1
    assert named[0].message.endswith("its log: Ekka: NameNotFound")


def test_every_failure_that_a_log_can_tell_confirms_some_cause() -> None:
    used = set().union(*evidence.CONFIRMED_BY.values())
    assert used == set(DiscoveryError)
