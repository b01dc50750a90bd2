"""How the soak counts: what it calls one cluster, and what breaks a promise."""

import pytest

from emqx_autocluster.observation import View
from soak import plan
from soak.ending import Ending, MemberSeen, judge, old_names
from soak.ledger import Ledger, Result
from soak.plan import Cell, Kind, Sort, Trial, Variant


def member(
    name: str, sees: str | None, *, stopped: str = "", ready: bool = True, going: bool = False
) -> MemberSeen:
    view = None if sees is None else View(frozenset(sees), frozenset(stopped))
    return MemberSeen(name, ready, going, view)


WHOLE = [member("a", "abc"), member("b", "abc"), member("c", "abc")]


@pytest.mark.parametrize(
    ("members", "ending"),
    [
        pytest.param(WHOLE, Ending.ONE_CLUSTER, id="all list the same three"),
        pytest.param(
            [member(name, "abc", stopped="x") for name in "abc"], Ending.ONE_CLUSTER, id="with an old name"
        ),
        pytest.param(
            [member("a", "ab"), member("b", "ab"), member("c", "c")], Ending.SPLIT, id="two and one"
        ),
        pytest.param(
            [member("a", "abc"), member("b", "abc"), member("c", "ac")], Ending.SPLIT, id="lists that differ"
        ),
        pytest.param(
            [member(name, "abcx") for name in "abc"], Ending.SPLIT, id="a dead one is listed as running"
        ),
        pytest.param(
            [*WHOLE[:2], member("c", "abc", ready=False)],
            Ending.HALF_JOINED,
            id="listed by all and not Ready",
        ),
        pytest.param([*WHOLE[:2], member("c", None)], Ending.HALF_JOINED, id="Ready, and gives no answer"),
        pytest.param(
            [*WHOLE, member("d", "d", ready=False)],
            Ending.HALF_JOINED,
            id="a rollout that waits for one for good",
        ),
        pytest.param([*WHOLE, member("d", "d", going=True)], Ending.UNFINISHED, id="an old pod still goes"),
        pytest.param(WHOLE[:2], Ending.UNFINISHED, id="one is missing"),
    ],
)
def test_a_workload_is_judged_by_what_its_members_say(members: list[MemberSeen], ending: Ending) -> None:
    assert judge(members, 3) is ending


def test_old_names_are_those_that_any_member_still_lists_as_stopped() -> None:
    assert old_names(
        [member("a", "ab", stopped="xy"), member("b", "ab", stopped="y"), member("c", None)]
    ) == {*"xy"}


def a_result(sort: Sort, ending: Ending | None, broken: str = "") -> Result:
    return Result(Trial(Cell(sort, "5.8.9", Kind.DEPLOYMENT), 1), ending, broken, 100.0)


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (a_result(Sort.REPAIR, Ending.ONE_CLUSTER), True),
        (a_result(Sort.REPAIR, Ending.SPLIT), False),
        (a_result(Sort.RESTART, Ending.HALF_JOINED), False),
        (a_result(Sort.HALF, None, "not within 300 s: Ready"), False),
        (a_result(Sort.NAIVE, Ending.SPLIT), True),
        (a_result(Sort.CALAMITY, Ending.LOST), False),
        (a_result(Sort.UNHELD, Ending.LOST), True),
    ],
)
def test_a_promise_is_broken_by_any_other_end_than_one_cluster(result: Result, *, kept: bool) -> None:
    assert result.kept is kept


def test_a_control_group_that_came_through_unharmed_proves_nothing() -> None:
    whole, split = a_result(Sort.NAIVE, Ending.ONE_CLUSTER), a_result(Sort.NAIVE, Ending.SPLIT)
    assert Ledger([], [whole, whole]).too_kind()
    assert not Ledger([], [whole, split]).too_kind()
    assert not Ledger([], [a_result(Sort.REPAIR, Ending.ONE_CLUSTER)]).too_kind()
    unheld = a_result(Sort.UNHELD, Ending.ONE_CLUSTER)
    assert Ledger([], [split, unheld]).too_kind(), "each control group by itself"
    assert not Ledger([], [split, unheld, a_result(Sort.UNHELD, Ending.LOST)]).too_kind()


def test_variants_share_the_trials_of_a_version_and_kind() -> None:
    cells = plan.cells(list(Sort), ["5.8.9"], [Kind.DEPLOYMENT])
    made = plan.trials(cells, 5)
    counted = {(c.sort, c.variant): sum(trial.cell == c for trial in made) for c in cells}
    assert counted[Sort.REPAIR, Variant.NONE] == 5
    assert counted[Sort.RESTART, Variant.IMAGE_CHANGE] == counted[Sort.HALF, Variant.HANGS] == 3
    assert len({trial.name for trial in made}) == len(made), "each is a namespace"
    assert all(len(trial.name) <= 63 for trial in made)


def test_a_member_on_a_volume_is_never_made_to_hang() -> None:
    """Data on a volume is not the operator's to give up, so nothing is promised there."""
    cells = plan.cells([Sort.HALF], plan.VERSIONS, list(Kind))
    assert {cell.kind for cell in cells} == {Kind.DEPLOYMENT}
    assert ("4.4.19", Variant.HANGS) not in {(cell.version, cell.variant) for cell in cells}
