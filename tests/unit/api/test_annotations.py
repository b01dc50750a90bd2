"""What a user asks for with annotations: any letter case is understood, and a typing error changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emqx_autocluster.api.annotations import CONTAINER, MODE, PAUSED, ROLL, Mode, WorkloadOptions, parse


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({}, WorkloadOptions(mode=None), id="no annotation: not enrolled"),
        pytest.param({MODE: "Observe"}, WorkloadOptions(Mode.OBSERVE), id="Observe"),
        pytest.param({MODE: "Repair"}, WorkloadOptions(Mode.REPAIR), id="Repair"),
        pytest.param({MODE: "Heal"}, WorkloadOptions(Mode.HEAL), id="Heal"),
        pytest.param(
            {MODE: " rEPAIR\n"}, WorkloadOptions(Mode.REPAIR), id="letter case and spaces do not matter"
        ),
        pytest.param(
            {PAUSED: "true"}, WorkloadOptions(None, paused=True), id="paused without a mode enrols nothing"
        ),
        pytest.param({MODE: "Heal", PAUSED: "TRUE"}, WorkloadOptions(Mode.HEAL, paused=True), id="paused"),
        pytest.param({MODE: "Heal", PAUSED: "false"}, WorkloadOptions(Mode.HEAL), id="paused: false"),
        pytest.param(
            {MODE: "Heal", ROLL: "Now"}, WorkloadOptions(Mode.HEAL, roll=True), id="a manual rollout goes"
        ),
        pytest.param(
            {MODE: "Heal", CONTAINER: "mqtt"}, WorkloadOptions(Mode.HEAL, container="mqtt"), id="container"
        ),
        pytest.param(
            {MODE: "Heal", CONTAINER: ""}, WorkloadOptions(Mode.HEAL), id="an empty container name is none"
        ),
    ],
)
def test_values_that_are_understood(annotations: dict[str, str], expected: WorkloadOptions) -> None:
    assert parse(annotations) == expected


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        pytest.param({MODE: "Fix"}, [MODE, '"Fix"', "Observe, Repair, Heal"], id="mode"),
        pytest.param({MODE: ""}, [MODE, '""'], id="empty mode"),
        pytest.param({MODE: "Repair", PAUSED: "ja"}, [PAUSED, '"ja"', "true, false"], id="paused"),
        pytest.param({MODE: "Repair", ROLL: "later"}, [ROLL, '"later"', "now"], id="roll"),
    ],
)
def test_a_value_that_nobody_understands_is_told_with_what_is_expected(
    annotations: dict[str, str], words: list[str]
) -> None:
    options = parse(annotations)
    assert len(options.problems) == 1
    assert all(word in options.problems[0] for word in words)
    assert not options.may_repair


def test_an_unknown_mode_means_observe() -> None:
    assert parse({MODE: "Fix"}).mode is Mode.OBSERVE


def test_an_unknown_value_of_paused_pauses() -> None:
    assert parse({MODE: "Repair", PAUSED: "ja"}).paused


@given(st.dictionaries(st.sampled_from([MODE, PAUSED, ROLL, CONTAINER]), st.text()))
def test_no_value_crashes(annotations: dict[str, str]) -> None:
    options = parse(annotations)
    assert (options.mode is not None) == (MODE in annotations)


@given(st.text())
def test_only_the_three_known_modes_can_ever_change_something(value: str) -> None:
    allowed = value.strip().lower() in {"repair", "heal"}
    assert parse({MODE: value}).may_repair == allowed
