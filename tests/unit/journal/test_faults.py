"""A disk that fails once, and a disk that is full."""

from __future__ import annotations

from random import Random

import pytest

from pipeline.journal import JournalFailed, JournalFull, Recovery
from simulation.disk import Faults, SimDisk
from unit.journal.world import ID, SEGMENT, World, contents_of, kill_points


def opened(disk):
    with Recovery(disk, new_id=ID, segment_bytes=SEGMENT) as recovery:
        return recovery.finish()


@pytest.mark.parametrize("what", ["write", "sync"])
def test_after_an_error_every_call_raises(what):
    disk = SimDisk()
    journal = opened(disk)
    journal.prepare_next()
    journal.commit([b"good"], now_s=1)
    disk.faults.fail_at = {disk.faults.operations + (1 if what == "write" else 2)}
    with pytest.raises(JournalFailed, match="frame 2 could not be"):
        journal.commit([b"bad"], now_s=2)
    assert disk.faults.injected[f"EIO {what}"] == 1
    done = disk.faults.operations
    for call in (
        journal.sync,
        journal.prepare_next,
        lambda: journal.write([b"x"], now_s=3),
        lambda: journal.commit([b"x"], now_s=3),
        lambda: journal.prune(1),
        lambda: journal.prove("a producer", 1),
    ):
        with pytest.raises(JournalFailed, match="frame 2 could not be"):
            call()
    assert disk.faults.operations == done
    assert journal.durable.number == 1
    journal.close()
    assert contents_of(disk)[:1] == [(1, [b"good"])]


def test_every_operation_fails_once():
    """Whichever it is: the process ends, and the next one has all that was acknowledged, also if the power fails."""
    injected = 0
    points = kill_points(9, 3, lives=3)
    assert points > 80
    for at in range(1, points + 1):
        for power in (False, True):
            faults = Faults(Random(at), fail_at={at})
            world = World(SimDisk(faults), Random(3))
            for _ in range(3):
                world.survive(lambda world=world: world.life(9))
                world.die(power=power)
            world.life(1)
            world.die(power=True)
            world.life(1)
            injected += sum(count for what, count in faults.injected.items() if what.startswith("EIO"))
    assert injected == 2 * points


def test_a_full_disk_is_met_before_it_happens():
    disk = SimDisk(capacity=2 * SEGMENT + 4096)
    journal = opened(disk)
    journal.prepare_next()
    while journal.fits(1, 4000):
        journal.commit([bytes(4000)], now_s=1)
        if not journal.has_next:
            with pytest.raises(JournalFull, match="no room for a new file"):
                journal.prepare_next()
    assert disk.faults.injected["full"] >= 1
    last = journal.durable.number
    with pytest.raises(JournalFull):
        journal.commit([bytes(4000)], now_s=1)
    disk.capacity += 2 * SEGMENT  # somebody made room
    assert journal.commit([bytes(4000)], now_s=1) == last + 1
    assert not [name for name in disk.names() if name.endswith(".tmp")]
    journal.close()
    assert len(contents_of(disk)) == last + 1


def test_a_start_on_a_full_disk_uses_the_segment_that_was_made_ahead():
    disk = SimDisk(capacity=2 * SEGMENT)
    journal = opened(disk)
    journal.prepare_next()
    journal.commit([b"good"], now_s=1)
    disk.kill()
    assert opened(disk).durable.number == 1


def test_a_start_without_room_says_so_and_changes_nothing_that_counts():
    disk = SimDisk(capacity=SEGMENT)
    opened(disk).commit([b"good"], now_s=1)
    disk.kill()
    for _ in range(2):
        with pytest.raises(JournalFull, match="free some space"):
            opened(disk)
        assert contents_of(disk) == [(1, [b"good"])]


@pytest.mark.parametrize("seed", range(40))
def test_full_disks_and_deaths(seed):
    faults = Faults(Random(seed), short_writes=0.2)
    world = World(SimDisk(faults, capacity=4 * SEGMENT), Random(seed))
    for _ in range(8):
        faults.kill_at = faults.operations + faults.random.randrange(20, 200)
        world.survive(lambda: world.life(25))
        world.die(power=faults.random.random() < 0.5)
    faults.kill_at, world.disk.capacity = None, None
    world.life(1)
    assert world.acknowledged
    assert faults.injected["full"] > 0


def test_short_writes_are_written_on():
    faults = Faults(Random(1), short_writes=1.0)
    world = World(SimDisk(faults), Random(1))
    world.life(10)
    world.die(power=True)
    world.life(1)
    assert faults.injected["short write"] > 100
