"""Many workloads that break at the same time: the one that was seen first is healed, and the others wait for it."""

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
    assert [fleet.refusal(ref(name)) for name in "ab"] == [None, None]


def test_of_three_the_first_goes_first_and_the_others_say_for_whom_they_wait() -> None:
    fleet = damaged("a", "b", "c")
    assert fleet.refusal(ref("a")) is None
    for name in "bc":
        told = fleet.refusal(ref(name))
        assert told
        assert "3 workloads" in told
        assert "deployment/a in namespace iot" in told


def test_to_be_seen_again_changes_no_turn() -> None:
    fleet = damaged("a", "b", "c", "a")
    assert fleet.refusal(ref("a")) is None


def test_once_the_first_is_well_it_is_the_nexts_turn() -> None:
    fleet = damaged("a", "b", "c", "d")
    fleet.note(ref("a"), damaged=False)
    assert fleet.refusal(ref("b")) is None
    assert fleet.refusal(ref("c"))
    fleet.note(ref("b"), damaged=False)
    assert [fleet.refusal(ref(name)) for name in "cd"] == [None, None], "two that are left may be chance"
