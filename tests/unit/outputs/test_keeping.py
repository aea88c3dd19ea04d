"""How far a journal may be pruned for the sake of the outputs: not beyond their checkpoint, and not without bound."""

from __future__ import annotations

import pytest

from pipeline.journal import RealDisk, Recovery
from pipeline.outputs.keeping import prunable

SEGMENT = 3 * 4096


@pytest.fixture
def disk(tmp_path):
    """A journal of twelve frames, two in each segment but the first, which has one or two."""
    disk = RealDisk(tmp_path / "journal")
    with Recovery(disk, new_id=bytes(16), segment_bytes=SEGMENT) as recovery:
        journal = recovery.finish()
    for number in range(1, 13):
        journal.commit([b"%d" % number], now_s=0)
    journal.close()
    return disk


def checkpoint(folder, *frames):
    folder.mkdir(exist_ok=True)
    for frame in frames:
        (folder / f"checkpoint-{frame:012d}-000000.json").write_bytes(b"{}")


def total_bytes(disk):
    return sum(disk.size(name) for name in disk.names())


def test_without_a_checkpoint_all_is_kept(disk, tmp_path):
    assert prunable(disk, tmp_path / "none", 9, 1 << 30) == 1


@pytest.mark.parametrize(("frames", "allowed"), [((4, 6), 5), ((6,), 7), ((8, 11), 9), ((20, 21), 9)])
def test_what_the_older_checkpoint_needs_is_kept(disk, tmp_path, frames, allowed):
    checkpoint(tmp_path / "own", *frames)
    assert prunable(disk, tmp_path / "own", 9, 1 << 30) == allowed


def test_beyond_its_bound_the_journal_goes_and_never_what_snapshots_need(disk, tmp_path):
    checkpoint(tmp_path / "own", 2, 3)
    size_bytes, before = total_bytes(disk), 0
    for kept_bytes in range(size_bytes, 0, -SEGMENT):
        allowed = prunable(disk, tmp_path / "own", 9, kept_bytes)
        assert 3 <= before <= allowed <= 9 if before else allowed >= 3
        before = allowed
    assert before in (8, 9)
    with Recovery(disk, new_id=bytes(16), segment_bytes=SEGMENT) as recovery:
        journal = recovery.finish()
    journal.prune(prunable(disk, tmp_path / "own", 9, 4 * SEGMENT))
    assert total_bytes(disk) <= 5 * SEGMENT + 4096
