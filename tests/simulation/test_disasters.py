"""A sample of the simulated disasters: nothing is made worse, nothing is done in vain, nothing ends in silence.

`make simulation` runs ten thousand. A seed that fails here replays with `make simulation SIMULATION_ARGS="--seed N"`.
"""

import pytest

from simulation.run import run

SEEDS = 500
AT_A_TIME = 25


@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_no_disaster_is_made_worse(first: int) -> None:
    results = [run(seed) for seed in range(first, first + AT_A_TIME)]
    assert [(r.seed, r.harm) for r in results if r.harm] == []
    assert [(r.seed, r.needless) for r in results if r.needless] == []
    assert [r.seed for r in results if not r.lives] == [], (
        "not whole in the end, and the status does not say why"
    )


def test_the_same_seed_tells_the_same_story() -> None:
    assert run(7) == run(7)
