"""Many workloads: of those that break together one is healed after the other, and all share what they may cost."""

from datetime import timedelta

import pytest

from builders import AT
from emqx_autocluster.api.v1alpha1 import Suspect
from emqx_autocluster.healing import suspects
from emqx_autocluster.observation import WorkloadKind, WorkloadRef
from emqx_autocluster.runtime.fleet import Fleet


def ref(name: str) -> WorkloadRef:
    return WorkloadRef("iot", WorkloadKind.DEPLOYMENT, name)


def damaged(*names: str) -> Fleet:
    fleet = Fleet()
    for name in names:
        fleet.note(ref(name), damaged=True)
    return fleet


def test_two_at_a_time_may_be_chance() -> None:
    fleet = damaged("a", "b")
    assert [fleet.refusal(ref(name), AT) for name in "ab"] == [None, None]


def test_of_three_the_first_goes_first_and_the_others_say_for_whom_they_wait() -> None:
    fleet = damaged("a", "b", "c")
    assert fleet.refusal(ref("a"), AT) is None
    for name in "bc":
        told = fleet.refusal(ref(name), AT)
        assert told
        assert "3 workloads" in told
        assert "deployment/a in namespace iot" in told


def test_to_be_seen_again_changes_no_turn() -> None:
    fleet = damaged("a", "b", "c", "a")
    assert fleet.refusal(ref("a"), AT) is None


def test_once_the_first_is_well_it_is_the_nexts_turn() -> None:
    fleet = damaged("a", "b", "c", "d")
    fleet.note(ref("a"), damaged=False)
    assert fleet.refusal(ref("b"), AT) is None
    assert fleet.refusal(ref("c"), AT)
    fleet.note(ref("b"), damaged=False)
    assert [fleet.refusal(ref(name), AT) for name in "cd"] == [None, None], "two that are left may be chance"


def test_who_waits_for_its_user_keeps_the_others_waiting_for_minutes_and_no_longer() -> None:
    fleet = damaged("a", "b", "c")

    def allowed(minutes: float) -> str:
        at = AT + timedelta(minutes=minutes)
        return "".join(name for name in "abc" if fleet.refusal(ref(name), at) is None)

    assert [allowed(minutes) for minutes in (0, 4.9, 5, 9.9, 10, 15, 16)] == [
        "a",
        "a",
        "b",
        "b",
        "c",
        "a",
        "a",
    ]
    fleet.acts(ref("a"), AT + timedelta(minutes=19))
    assert [allowed(minutes) for minutes in (20, 23.9, 24)] == ["a", "a", "b"], (
        "what was done has to be seen first"
    )
    fleet.note(ref("b"), damaged=False)
    fleet.note(ref("d"), damaged=True)
    assert allowed(25) == "c"


def following(workloads: int, members: int = 3) -> Fleet:
    fleet = Fleet()
    for number in range(workloads):
        fleet.follows(ref(f"emqx-{number}"), members)
    return fleet


@pytest.mark.parametrize(
    ("workloads", "pulse", "around"),
    [
        pytest.param(1, 0.2, 0.67, id="alone: as often as its resource asks for"),
        pytest.param(150, 30.0, 100.0, id="450 members have the default of 30 s"),
        pytest.param(1000, 200.0, 667.0, id="a thousand workloads of three"),
    ],
)
def test_the_more_there_are_the_less_often_each_is_looked_at(
    workloads: int, pulse: float, around: float
) -> None:
    fleet = following(workloads)
    assert (fleet.pulse, fleet.around) == pytest.approx((pulse, around), rel=0.01)
    fleet.follows(ref("emqx-0"), 3)
    assert fleet.pulse == pytest.approx(pulse), "it is counted once"


def test_a_workload_that_left_takes_no_share_any_more() -> None:
    fleet = following(2, members=15)
    fleet.forget(ref("emqx-0"))
    assert fleet.pulse == 1.0


def test_after_a_start_those_whose_status_is_believed_are_looked_at_one_after_the_other() -> None:
    fleet = Fleet()
    names = [ref(f"emqx-{number}") for number in range(1000)]
    waits = [fleet.until_first_look(name, AT) for name in names]
    assert waits[:3] == [10.0, 10.5, 11.0]
    assert waits[-1] == 509.5, "a thousand of them take more than eight minutes"


def test_each_keeps_its_place_however_often_a_watch_tells_of_it() -> None:
    fleet = Fleet()
    fleet.until_first_look(ref("first"), AT)
    assert fleet.until_first_look(ref("emqx"), AT) == 10.5
    assert fleet.until_first_look(ref("emqx"), AT + timedelta(seconds=9)) == 1.5
    assert fleet.until_first_look(ref("emqx"), AT + timedelta(seconds=20)) == 0.0
    assert fleet.is_new(ref("emqx"))
    fleet.meets(ref("emqx"))
    assert not fleet.is_new(ref("emqx"))


def test_what_an_earlier_process_saw_counts_less_until_this_one_has_looked_and_after_a_look_that_failed() -> (
    None
):
    stale = Suspect(kind=suspects.STALE_NODE, subject="Node/emqx@10.244.0.71", since=AT, looks=3)
    fleet = Fleet()
    assert fleet.still_counting(ref("emqx"), (stale,)) == ()
    fleet.sees(ref("emqx"))
    assert fleet.still_counting(ref("emqx"), (stale,)) == (stale,)
    fleet.lose_sight(ref("emqx"))
    assert fleet.still_counting(ref("emqx"), (stale,)) == ()
    fleet.sees(ref("emqx"))
    fleet.forget(ref("emqx"))
    assert fleet.still_counting(ref("emqx"), (stale,)) == ()
