"""Mistakes made on purpose: the same worlds that find nothing in the journal find each of these."""

from __future__ import annotations

from random import Random

import pytest

from pipeline.journal import disk as disks
from pipeline.journal import format as form
from pipeline.journal import recovery
from pipeline.journal.format import SEGMENT_HEADER_BYTES, segment_name
from pipeline.journal.writer import Journal
from simulation.disk import Faults, SimDisk, SimFile
from unit.journal.world import Violation, World

SEEDS = range(300)


def schedule(seed: int) -> None:
    """Some lives, ended by kills, by syncs that fail, and by power failures; raises `Violation`."""
    faults = Faults(Random(seed), short_writes=0.1, spoil=0.5)
    world = World(SimDisk(faults), Random(seed))
    for _ in range(6):
        faults.kill_at = faults.operations + faults.random.randrange(1, 60)
        faults.kill_when = faults.random.choice(("before", "during", "after"))
        if faults.random.random() < 0.5:
            faults.fail_at = {faults.operations + faults.random.randrange(1, 40)}
        world.survive(lambda: world.life(8))
        world.die(power=faults.random.random() < 0.5)
    faults.kill_at, faults.fail_at = None, set()
    world.survive(lambda: world.life(1))


def calm(seed: int) -> None:
    """The same without a fault: processes end, and others start."""
    world = World(SimDisk(Faults(Random(seed))), Random(seed))
    for _ in range(4):
        world.life(8)
        world.die(power=False)
    world.life(1)
    assert len(world.acknowledged) == 33


def violations() -> int:
    found = 0
    for seed in SEEDS:
        try:
            schedule(seed)
        except Violation:
            found += 1
    return found


def skip_the_sync_of_a_frame(monkeypatch):
    def sync(self):
        self._usable()
        if self._written:
            self.durable, self._written = self._written, None
        return self.durable.number

    monkeypatch.setattr(Journal, "sync", sync)


def skip_the_sync_of_a_new_file(monkeypatch):
    good = SimFile.sync
    monkeypatch.setattr(
        SimFile, "sync", lambda self: None if self.name.endswith(".tmp") and self.disk else good(self)
    )


def skip_the_sync_of_the_directory(monkeypatch):
    monkeypatch.setattr(SimDisk, "sync_names", lambda self: None)


def skip_the_padding(monkeypatch):
    monkeypatch.setattr(form, "BLOCK", 64)


def go_on_in_the_old_file(monkeypatch):
    """Recovery writes its zeros over the torn tail, syncs, and goes on in place."""

    def make_segment(disk, header, frames=()):
        name = segment_name(header.index)
        if name not in disk.names():
            return form_segment(disk, header, frames)
        at = SEGMENT_HEADER_BYTES + sum(map(len, frames))
        file = SimFile(disk, name, disk.files[name])
        disks.write_all(file, 0, [header.pack()])
        disks.fill(file, at, header.size_bytes)
        file.sync()
        return file

    form_segment = recovery.make_segment
    monkeypatch.setattr(recovery, "make_segment", make_segment)


def acknowledge_what_a_failed_sync_left(monkeypatch):
    """A sync that failed is tried once more, and the second one succeeds."""
    good = SimFile.sync

    def sync(self):
        try:
            good(self)
        except OSError:
            good(self)

    monkeypatch.setattr(SimFile, "sync", sync)


PLANTED = [
    skip_the_sync_of_a_frame,
    skip_the_sync_of_a_new_file,
    skip_the_sync_of_the_directory,
    skip_the_padding,
    go_on_in_the_old_file,
    acknowledge_what_a_failed_sync_left,
]


def test_nothing_planted_nothing_found():
    assert violations() == 0


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_mistake_is_found(plant, monkeypatch):
    plant(monkeypatch)
    for seed in range(5):
        calm(seed)  # it is no mistake that every test would see
    assert violations() > 0
