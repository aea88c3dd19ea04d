"""A thousand schedules of the whole node: nothing that was promised is broken, and every fault has really happened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


AGAIN = """
from simulation.plan import plan_of
from simulation.world import World
for seed in (*range(30, 150, 20), 253, 285):
    world = World(seed, plan_of(seed))
    world.run()
    print(seed, sorted(world.injected.items()), world.starts, world.clock.passed_s,
          world.model.frames, world.model.judge.engine.digest())
"""


def test_a_number_makes_the_same_schedule_in_every_process():
    """Or what a long run finds could not be seen again."""
    tests = str(Path(__file__).parents[1])
    shown = [
        subprocess.run(
            [sys.executable, "-c", AGAIN],
            env={**os.environ, "PYTHONPATH": tests, "PYTHONHASHSEED": hashed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hashed in ("1", "2")
    ]
    assert len(shown[0].splitlines()) == 8
    assert shown[0] == shown[1]
