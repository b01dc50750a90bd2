"""`doctor` as people read it: every problem under its rung, what they may decide, and which right they lack."""

from dataclasses import replace

import pytest
from rich.console import Console

from builders import IN_ROLLOUT, a_case, changed, members, the_seed_story
from emqx_autocluster.api.findings import ConditionType, Reason, false
from emqx_autocluster.commands import checklist, checkup
from emqx_autocluster.commands.checkup import Checkup, Unexamined, Verdict
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.emqx.discovery import ADDRESS_TYPE, API_SERVER, NAMESPACE
from emqx_autocluster.healing import Action, Step
from emqx_autocluster.observation import NOT_ASKED, Unobserved, WorkloadKind, WorkloadRef

FORBIDDEN = Unobserved(
    'Forbidden: pods "emqx-a" is forbidden: User "joe" cannot get resource "pods/exec" in API group ""'
    ' in the namespace "iot"'
)


def shown(found: Checkup, width: int = 100, **options: bool) -> str:
    console = Console(width=width, **options)  # type: ignore[arg-type]
    with console.capture() as captured:
        checklist.show(console, [found])
    return captured.get()


def examined(case: Case) -> Checkup:
    return checkup.examine(case)


def with_cause(*sets: tuple[str, str]) -> Checkup:
    """A cause that Repair leaves alone and that has these right values."""
    found = examined(a_case())
    cause = false(ConditionType.CONFIGURATION_VALID, Reason.NAMESPACE_MISMATCH, "it differs", sets=sets)
    return replace(
        found, problems=(cause,), cause=cause, by_hand=checkup.by_hand(found.case, (cause,), (), ())
    )


def test_every_problem_of_a_rung_stands_under_it() -> None:
    case = a_case(env={API_SERVER: "nonsense", NAMESPACE: "lab"}, members=members("a", "b", "c"))
    found = examined(case)
    wrong = [p for p in found.problems if p.type is ConditionType.CONFIGURATION_VALID]
    assert len(wrong) > 1
    lines = shown(found, 300).splitlines()
    first = next(number for number, line in enumerate(lines) if "ConfigurationValid" in line)
    assert wrong[0].message in lines[first]
    assert [
        f"✗ {problem.message}" in line for problem, line in zip(wrong[1:], lines[first + 1 :], strict=False)
    ]
    assert "ConfigurationValid" not in lines[first + 1]


def test_what_a_condition_tells_already_is_not_said_again() -> None:
    case = a_case(
        kind=WorkloadKind.STATEFUL_SET,
        env={ADDRESS_TYPE: "ip"},
        members=members("a b c"),
        min_ready_seconds=0,
        mounts={"/opt/emqx/data": "data"},
        claim_templates=("data",),
    )
    found = examined(case)
    both = [problem for problem in found.problems if problem.type is ConditionType.ROLLOUT_SAFE]
    assert [problem.reason for problem in both] == [
        Reason.NODE_NAME_NOT_STABLE,
        Reason.MIN_READY_SECONDS_TOO_LOW,
    ]
    assert shown(found, 1000).count(both[1].message) == len(("its rung", "the cause"))


def test_what_repair_leaves_alone_has_its_command_too() -> None:
    said = shown(with_cause((NAMESPACE, "iot")))
    assert "for you to decide" in said
    [command] = [line.strip() for line in said.splitlines() if line.startswith("   kubectl patch")]
    assert f'"name":"{NAMESPACE}","value":"iot"' in command
    assert "for you to decide" not in shown(with_cause())
    assert "for you to decide" not in shown(examined(the_seed_story()))


def test_what_repair_does_after_the_rollout_is_not_for_a_person_to_decide() -> None:
    found = examined(a_case(min_ready_seconds=0, **IN_ROLLOUT))
    assert Reason.MIN_READY_SECONDS_TOO_LOW in {problem.reason for problem in found.problems}
    assert "for you to decide" not in shown(found)


def test_a_missing_right_is_named_and_not_the_api_servers_sentence() -> None:
    found = examined(a_case(members=changed(members("a b c"), "a", view=FORBIDDEN)))
    said = " ".join(shown(found).split())
    assert "get pods/exec in namespace iot: forbidden" in said
    assert "Rights that you would need to see the rest: get pods/exec in namespace iot" in said
    assert "is forbidden: User" not in said
    assert checkup.document(found)["missingRights"] == ["get pods/exec in namespace iot"]


@pytest.mark.parametrize("width", [80, 140])
def test_it_reads_without_colour_and_no_command_is_broken(width: int) -> None:
    said = shown(examined(the_seed_story()), width, no_color=True)
    assert "\x1b" not in said
    prose = [
        line
        for line in said.splitlines()
        if not line.startswith(("   ", "1", "2", "3", "4", "5", "6", "7", "8", "9"))
    ]
    assert max(map(len, prose)) <= width
    assert all(sign in said for sign in ("✓", "✗"))


def test_a_workload_that_is_too_odd_is_told_beside_the_others() -> None:
    odd = Unexamined.after(WorkloadRef("lab", WorkloadKind.DEPLOYMENT, "odd"), ValueError("5000 digits"))
    console = Console(width=200)
    with console.capture() as captured:
        checklist.show(console, [odd, examined(a_case())])
    lines = captured.get().splitlines()
    assert lines[0] == "deployment/odd in namespace lab"
    assert lines[2] == "Could not tell: ? looking at it ended in ValueError: 5000 digits"
    assert any(line.startswith("deployment/emqx in namespace iot") for line in lines)
    assert checkup.document(odd) == {
        "namespace": "lab",
        "kind": "Deployment",
        "name": "odd",
        "verdict": "Unknown",
        "unread": "looking at it ended in ValueError: 5000 digits",
    }
    assert checkup.verdict([odd, examined(a_case())]) is Verdict.UNKNOWN


def test_a_service_whose_name_is_nobodys_to_see_is_told_without_a_command() -> None:
    found = examined(a_case())
    step = Step(Action.CREATE_SERVICE, "Service/(Secret settings, key service)", "create the Service")
    assert "1. create the Service" in shown(replace(found, steps=(step,)))
    waiting = Step(Action.AWAIT_ROLLOUT, "Deployment/emqx", "wait until every pod is new")
    assert "wait until" not in shown(replace(found, steps=(waiting,)))


def test_advice_has_a_sign_of_its_own_and_is_no_error() -> None:
    low = shown(examined(a_case(min_ready_seconds=0)), 300).splitlines()
    [rung] = [line.split() for line in low if "RolloutSafe" in line]
    assert rung[0] == "!"
    broken = shown(
        examined(a_case(env={API_SERVER: "nonsense"}, members=members("a", "b"))), 300
    ).splitlines()
    [rung] = [line.split() for line in broken if "ConfigurationValid" in line]
    assert rung[0] == "✗"


def test_devices_stand_beside_the_member_that_they_are_connected_to() -> None:
    """Where they are counted, which is where they decide: the member with most of them is the seed."""
    lone = changed(
        changed(members("a", "b", "c"), "b", connections=7), "c", connections=Unobserved("it hangs")
    )
    head, *rows = table(examined(a_case(members=lone)))
    assert head.split()[-1] == "devices"
    assert [row.split()[-1] for row in rows] == ["100", "7", "●"]


def test_devices_that_nobody_counted_have_no_column() -> None:
    case = a_case(members=tuple(replace(m, connections=NOT_ASKED) for m in members("a b c")))
    assert "devices" not in table(examined(case))[0]


def table(found: Checkup) -> list[str]:
    """Who sees whom: its head, and a row for each member."""
    lines = shown(found, 300).splitlines()
    head = next(number for number, line in enumerate(lines) if line.split()[:2] == ["node", "pod"])
    return lines[head : head + 1 + len(list(found.case.observation.each_member()))]
