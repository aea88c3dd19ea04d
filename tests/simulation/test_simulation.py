"""A thousand schedules of the whole node: nothing that was promised is broken, and every fault has really happened."""

from __future__ import annotations

import pytest

from simulation.faults import AIMS, EXPECTED, seed_of
from simulation.tally import Tally, run_until_all

PARTS = 2
"""As many as most machines have cores for; each must show everything by itself."""
TURNS = 2
"""So often is each fault aimed at."""
TRIES = 60


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_or_done_twice_and_nobody_is_tripped_wrongly(part):
    tally, turn = Tally(), part * 1_000
    first = seed_of(AIMS[0], turn)
    for seed in range(first, seed_of(AIMS[0], turn + TURNS)):
        tally.run(seed)
    run_until_all(tally, turn + TURNS, TRIES)
    told = "\n".join([f"seeds from {first}", *tally.lines()])
    print(told)
    assert tally.violations == {}, told
    assert tally.missing() == [], told
    assert tally.schedules >= TURNS * len(AIMS)
    assert len(EXPECTED) > 150
    assert min(tally.seen.values()) > 20, told
