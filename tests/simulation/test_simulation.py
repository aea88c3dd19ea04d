"""A thousand schedules of the whole node: nothing that was promised is broken, and every fault has really happened."""

from __future__ import annotations

import pytest

from simulation.plan import POINTS
from simulation.tally import EXPECTED, Tally, run_until_all

PARTS = 2
"""As many as most machines have cores for; each must show everything by itself."""
SCHEDULES = 4 * len(POINTS)
TRIES = 60


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_or_done_twice_and_nobody_is_tripped_wrongly(part):
    tally, first = Tally(), part * 1_000_000
    for seed in range(first, first + SCHEDULES):
        tally.run(seed)
    run_until_all(tally, first + SCHEDULES, TRIES)
    told = "\n".join([f"seeds from {first}", *tally.lines()])
    print(told)
    assert tally.violations == {}, told
    assert tally.missing() == [], told
    assert tally.schedules >= SCHEDULES
    assert len(EXPECTED) > 150
    assert min(tally.seen.values()) > 20, told
