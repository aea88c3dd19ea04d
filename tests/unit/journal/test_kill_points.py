"""Killed at every operation, twice in a row, with and without the power: nothing acknowledged is lost."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from simulation.disk import Faults, SimDisk
from unit.journal.world import World, kill_points

FRAMES = 14
WHEN = ("before", "during", "after")


def live_and_die(seed: int, first: int, when: str, second: int | None) -> Counter[str]:
    """Die at operation `first`, then again at the `second` one after it, then live; compare each time."""
    faults = Faults(Random(seed), kill_at=first, kill_when=when, short_writes=0.1)
    world = World(SimDisk(faults), Random(seed))
    for _ in range(2):
        if world.survive(lambda: world.life(FRAMES)):
            break
        world.die(power=bool(seed & 1))
    world.die(power=faults.random.random() < 0.6)
    if second is not None:
        faults.kill_at, faults.kill_when = faults.operations + second, faults.random.choice(WHEN)
        world.survive(lambda: world.life(2))
        world.die(power=faults.random.random() < 0.6)
    faults.kill_at = None
    world.life(3)
    world.die(power=True)
    world.life(1)
    return faults.injected


@pytest.mark.parametrize("when", WHEN)
def test_no_kill_loses_what_was_acknowledged(when):
    injected: Counter[str] = Counter()
    points = kill_points(FRAMES, 7)
    assert points > 80
    for first in range(1, points + 1):
        for seed in (7, 8):
            injected += live_and_die(seed, first, when, None)
    for kind in ("create", "write", "sync", "replace", "sync_names", "remove"):
        if when != "during" or kind in ("write", "sync"):
            assert injected[f"kill {when} {kind}"], (kind, injected)
    for fault in ("lost sector", "spoiled sector", "lost name", "short write", "power failure"):
        assert injected[fault], fault


def test_no_second_kill_during_recovery_loses_what_was_acknowledged():
    injected: Counter[str] = Counter()
    for first in range(9, kill_points(FRAMES, 7) + 1, 3):
        for second in range(1, 19):
            injected += live_and_die(first, first, WHEN[second % 3], second)
    kills = Counter({what: count for what, count in injected.items() if what.startswith("kill ")})
    assert sum(kills.values()) > 1000
    assert len(kills) >= 12, kills


@pytest.mark.parametrize("seed", range(150))
def test_a_long_life_with_many_deaths(seed):
    faults = Faults(Random(seed), short_writes=0.2)
    world = World(SimDisk(faults), Random(seed))
    for _ in range(12):
        faults.kill_at = faults.operations + faults.random.randrange(1, 60)
        faults.kill_when = faults.random.choice(WHEN)
        if faults.random.random() < 0.3:
            faults.fail_at = {faults.operations + faults.random.randrange(1, 60)}
        world.survive(lambda: world.life(9))
        world.die(power=faults.random.random() < 0.5)
    faults.kill_at, faults.fail_at = None, set()
    world.life(1)
    assert sum(faults.injected.values()) >= 12
    assert world.acknowledged
