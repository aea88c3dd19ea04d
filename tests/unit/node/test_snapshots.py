"""Snapshots: which count, what is kept, what is used when one is damaged, and what is never removed."""

from __future__ import annotations

import pytest

from fastcore import SnapshotError
from pipeline.journal import JournalDamaged
from pipeline.node.proof import Told, prove, told_of
from pipeline.node.recovery import recover
from pipeline.node.snapshots import Outline, Snapshots, state_digest
from simulation.disk import SimDisk
from unit.node.world import ID, SEGMENT, Shard, producers


def with_snapshots(count: int = 2) -> Shard:
    """A shard with so many verified snapshots, and batches before, between and behind them."""
    shard = Shard()
    registry, reads, *_ = producers(count + 2)
    shard.hello(registry).send(registry, 1, 2)
    shard.hello(reads).send(reads, 1)
    for seq in range(2, count + 2):
        number = shard.node.snapshot()
        shard.send(reads, seq)
        shard.node.check(number)
    shard.run()
    return shard


def again(shard: Shard):
    shard.disk.kill()
    shard.shelf.kill()
    recovered = recover(shard.disk, Snapshots(shard.shelf), new_id=ID, segment_bytes=SEGMENT)
    recovered.journal.close()
    return recovered


def test_a_start_begins_with_the_newest_that_counts():
    shard = with_snapshots(3)
    verified = shard.node.snapshots.verified()
    assert len(verified) == 2
    digest = state_digest(shard.node.state)
    recovered = again(shard)
    assert recovered.snapshot == verified[0]
    assert recovered.frames == shard.node.state.mark.number - verified[0]
    assert state_digest(recovered.state) == digest
    assert not recovered.problems


def test_a_candidate_does_not_count_and_a_start_removes_it():
    shard = with_snapshots(1)
    (counted,) = shard.node.snapshots.verified()
    candidate = shard.node.snapshot()
    assert candidate > counted
    recovered = again(shard)
    assert recovered.snapshot == counted
    assert not [name for name in shard.shelf.names() if str(candidate) in name]


@pytest.mark.parametrize("what", ["engine", "lines"])
@pytest.mark.parametrize("harm", ["flip", "cut", "gone"])
def test_a_damaged_one_is_passed_over_for_the_one_before(what, harm):
    shard = with_snapshots(2)
    newest, older = shard.node.snapshots.verified()
    digest = state_digest(shard.node.state)
    name = f"snapshot-{newest:012d}.{what}"
    if harm == "flip":
        shard.shelf.flip(name, 8 * shard.shelf.size(name) // 2)
    elif harm == "cut":
        shard.shelf.cut(name, shard.shelf.size(name) - 1)
    else:
        shard.shelf.remove(name)
    recovered = again(shard)
    assert recovered.snapshot == older
    assert state_digest(recovered.state) == digest
    assert len(recovered.problems) == (0 if (what, harm) == ("lines", "gone") else 1)


def test_one_that_the_disk_does_not_give_is_passed_over_too(monkeypatch):
    shard = with_snapshots(2)
    newest, older = shard.node.snapshots.verified()
    good = SimDisk.read

    def read(disk, name, *place):
        if name == f"snapshot-{newest:012d}.engine":
            raise OSError(5, "Input/output error")
        return good(disk, name, *place)

    monkeypatch.setattr(SimDisk, "read", read)
    recovered = again(shard)
    assert recovered.snapshot == older
    assert "cannot be read: Input/output error" in recovered.problems[0]


def test_every_byte_of_the_lines_counts():
    shard = with_snapshots(1)
    (number,) = shard.node.snapshots.verified()
    name = f"snapshot-{number:012d}.lines"
    for byte in range(shard.shelf.size(name)):
        shard.shelf.flip(name, 8 * byte + byte % 8)
        with pytest.raises(SnapshotError, match="cut, damaged"):
            shard.node.snapshots.outline(number)
        shard.shelf.flip(name, 8 * byte + byte % 8)
    assert isinstance(shard.node.snapshots.outline(number), Outline)


def test_without_any_the_whole_journal_is_replayed():
    shard = with_snapshots(1)
    (number,) = shard.node.snapshots.verified()
    shard.shelf.cut(f"snapshot-{number:012d}.engine", 40)
    recovered = again(shard)
    assert (recovered.snapshot, recovered.frames) == (None, shard.node.state.mark.number)
    assert state_digest(recovered.state) == state_digest(shard.node.state)


def test_a_snapshot_proves_what_the_journal_lacks():
    """Both are damaged: the snapshot's number is still evidence of a frame that was acknowledged."""
    shard = with_snapshots(1)
    (number,) = shard.node.snapshots.verified()
    shard.shelf.flip(f"snapshot-{number:012d}.engine", 8000)
    shard.disk.kill()
    shard.disk.cut(shard.disk.names()[0], 4096 * number)
    with pytest.raises(JournalDamaged, match=f"snapshot {number} proves that frame {number}"):
        recover(shard.disk, Snapshots(shard.shelf), new_id=ID, segment_bytes=SEGMENT)


def test_a_snapshot_that_is_not_what_the_engine_was_fails_and_stays():
    shard = with_snapshots(2)
    verified = shard.node.snapshots.verified()
    number = shard.node.snapshot()
    told = told_of(shard.node.state)
    with pytest.raises(SnapshotError, match=r"One of the two is wrong"):
        prove(shard.disk, shard.node.snapshots, number, Told(told.frame, "0" * 32))
    shard.node.snapshots.fail(number)
    assert shard.node.snapshots.verified() == verified
    shard.node.snapshots.clear()
    assert shard.node.snapshots.remove_older() == verified[-1]
    left = [name for name in shard.shelf.names() if f"{number:012d}" in name]
    assert left == [f"failed-{number:012d}.lines", f"snapshot-{number:012d}.engine"]
    recovered = again(shard)
    assert recovered.snapshot == verified[0]
    assert set(left) <= set(shard.shelf.names())


def test_a_damaged_candidate_fails_its_check():
    shard = with_snapshots(1)
    number = shard.node.snapshot()
    told = told_of(shard.node.state)
    shard.shelf.flip(f"snapshot-{number:012d}.engine", 8 * 1500)
    with pytest.raises(SnapshotError, match="damaged"):
        prove(shard.disk, shard.node.snapshots, number, told)


def test_two_are_kept_and_the_journal_from_the_older_on():
    shard = with_snapshots(6)
    newest, older = shard.node.snapshots.verified()
    engines = [name for name in shard.shelf.names() if name.endswith(".engine")]
    assert engines == [f"snapshot-{number:012d}.engine" for number in (older, newest)]
    shard.shelf.cut(f"snapshot-{newest:012d}.engine", 100)
    recovered = again(shard)
    assert recovered.snapshot == older
    assert state_digest(recovered.state) == state_digest(shard.node.state)


def test_what_a_verified_snapshot_holds_is_covered():
    shard = Shard()
    registry, reads, *_ = producers(4)
    shard.hello(registry).send(registry, 1, 2)
    shard.hello(reads).send(reads, 1, 2)
    number = shard.node.snapshot()
    shard.send(reads, 3)
    assert reads.covered == 0
    shard.node.check(number)
    shard.hello(registry)
    for _, message, _ in shard.node.answers:
        reads.take(message)
    assert (reads.acked, shard.line(reads).covered) == (3, 2)
    assert registry.covered == 2
    shard = shard.restart()
    assert shard.line(reads).covered == 2


def test_one_that_the_disk_has_no_room_for_leaves_none_of_it_taken():
    """Otherwise each try would take what is left, and the journal stops for want of room."""
    shard = with_snapshots(1)
    before = shard.shelf.names()
    shard.shelf.capacity = shard.shelf.used() + 1000
    with pytest.raises(OSError, match="no space left"):
        shard.node.snapshot()
    assert shard.shelf.names() == before
    shard.shelf.capacity = None
    shard.node.check(shard.node.snapshot())
    assert len(shard.node.snapshots.verified()) == 2


def test_outputs_are_as_asked_for_after_a_start_too():
    shard = with_snapshots(1)
    shard.disk.kill()
    recovered = recover(
        shard.disk, Snapshots(shard.shelf), new_id=ID, segment_bytes=SEGMENT, outputs=("commands", "ledger")
    )
    recovered.journal.close()
    assert recovered.state.engine.outputs == ("ledger", "commands")


def test_a_replay_tells_of_each_batch():
    shard = with_snapshots(1)
    (number,) = shard.node.snapshots.verified()
    seen = []
    shard.disk.kill()
    recovered = recover(
        shard.disk,
        Snapshots(shard.shelf),
        new_id=ID,
        segment_bytes=SEGMENT,
        on_batch=lambda seq, outcome: seen.append(seq),
    )
    recovered.journal.close()
    first = shard.node.snapshots.load(number).engine.sequence + 1
    assert seen == list(range(first, recovered.state.engine.sequence + 1))
    assert seen
