"""The whole node, a thousand schedules of it: nothing that was promised is broken, and every fault really happened."""

from __future__ import annotations

import pytest

from simulation.tally import EXPECTED, Tally

PARTS = 16
SCHEDULES = 64
"""Of each part: parts share no seed."""


@pytest.fixture(scope="module")
def whole() -> Tally:
    """The schedules of all parts that ran in this process."""
    return Tally()


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_or_done_twice_and_nobody_is_tripped_wrongly(part):
    tally = Tally()
    for seed in range(part * SCHEDULES, (part + 1) * SCHEDULES):
        tally.run(seed)
    assert tally.violations == {}, "\n".join(tally.lines())
    assert tally.schedules == SCHEDULES
    assert min(tally.seen.values()) > 0
    assert len(tally.missing()) < len(EXPECTED) / 2
