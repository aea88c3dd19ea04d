"""The whole node, some thousand schedules of it: nothing that was promised is broken."""

from __future__ import annotations

import pytest

from simulation.plan import plan_of
from simulation.world import World


@pytest.mark.parametrize("seed", range(20))
def test_a_schedule(seed):
    world = World(seed, plan_of(seed))
    world.run()
    assert world.starts
