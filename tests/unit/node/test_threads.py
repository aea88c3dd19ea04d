"""The threads and processes beside the loop: commits, segments, snapshots; over real files."""

from __future__ import annotations

import os
import time

import pytest

from fastcore import SnapshotError
from pipeline.journal import SEGMENT_BYTES, JournalFailed, RealDisk, Recovery
from pipeline.node.committing import Committer, Preparer
from pipeline.node.entries import Entry
from pipeline.node.gathering import group_of
from pipeline.node.intake import Item
from pipeline.node.layout import Layout, Places, write_layout
from pipeline.node.proving import main
from pipeline.node.recovery import recover
from pipeline.node.snapshots import Snapshots, state_digest
from pipeline.node.snapshotting import SnapshotFailed, Snapshotting, _Copy
from pipeline.node.state import State
from pipeline.wire import Kind
from simulation.disk import Faults, SimDisk
from unit.node.world import CONFIG, ID, NOW


def tick(now_s: int):
    return group_of([Item(Entry(Kind.TICK, now_s=now_s))], 0)


def journal_on(disk, segment_bytes=16 * 4096):
    with Recovery(disk, new_id=ID, segment_bytes=segment_bytes) as recovery:
        return recovery.finish()


def waited(condition, seconds=30.0):
    """What a condition gives, once it gives something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (found := condition()) is not None:
            return found
        time.sleep(0.005)
    raise AssertionError("it did not happen")


def test_groups_are_committed_one_after_the_other():
    disk = SimDisk()
    journal = journal_on(disk)
    with Committer(journal) as committer:
        for number in (1, 2, 3):
            assert committer.idle
            group = tick(NOW + number)
            committer.commit(group)
            done, mark = waited(committer.taken)
            waited(lambda: True if committer.idle else None)
            assert done is group
            assert mark.number == number
    committer.close()
    journal.close()


def test_what_the_journal_raises_comes_out_in_the_main_thread():
    disk = SimDisk(Faults())
    journal = journal_on(disk)
    with Committer(journal) as committer:
        disk.faults.fail_at = {disk.faults.operations + 2}
        committer.commit(tick(NOW))
        with pytest.raises(JournalFailed, match="could not be synced"):
            waited(committer.taken)
        with pytest.raises(JournalFailed):
            committer.taken()
    journal.close()


def test_the_next_segment_is_made_beside():
    disk = SimDisk()
    journal = journal_on(disk)
    with Preparer(journal, disk) as preparer:
        preparer.look()
        waited(lambda: journal.has_next or None)
        assert preparer.full is None
        preparer.look()
        preparer.quietly(lambda: None)
    journal.close()


def test_a_full_disk_is_told_and_left_alone_until_it_has_room():
    disk = SimDisk()
    journal = journal_on(disk)
    disk.capacity = disk.used() + SEGMENT_BYTES - 1
    with Preparer(journal, disk) as preparer:
        operations = disk.faults.operations
        preparer.look()
        assert "63 MiB are free" in waited(lambda: preparer.full)
        assert disk.faults.operations == operations
        disk.capacity = None
        waited(lambda: preparer.look() or journal.has_next or None)
        waited(lambda: True if preparer.full is None else None)
    journal.close()


def test_a_segment_that_cannot_be_made_ends_the_process():
    disk = SimDisk(Faults())
    journal = journal_on(disk)
    with Preparer(journal, disk) as preparer:
        disk.faults.fail_at = set(range(disk.faults.operations + 2, disk.faults.operations + 9))
        with pytest.raises(JournalFailed):
            waited(lambda: preparer.look())
    journal.close()


@pytest.fixture
def places(tmp_path):
    write_layout(RealDisk(tmp_path), Layout(1))
    return Places(tmp_path, 0)


def grown(places) -> tuple[State, object]:
    """A state over a real journal, and the journal."""
    recovered = recover(
        RealDisk(places.journal), Snapshots(RealDisk(places.snapshots)), new_id=ID, segment_bytes=16 * 4096
    )
    state, journal = recovered.state, recovered.journal
    more(state, journal, Entry(Kind.CONFIG, body=CONFIG.encode()), Entry(Kind.TICK, now_s=NOW))
    return state, journal


def more(state, journal, *entries):
    for entry in entries:
        group = group_of([Item(entry)], 0)
        journal.commit(group.buffers, now_s=entry.now_s)
        state.apply(entry)
        state.mark = journal.durable


def test_a_snapshot_is_written_by_a_copy_and_proved_by_a_process(places):
    state, journal = grown(places)
    with Snapshotting(places, time.monotonic) as snapshotting:
        assert snapshotting.look(state) is None
        snapshotting.begin(state)
        begun = state.mark.number
        more(state, journal, Entry(Kind.TICK, now_s=NOW + 60), Entry(Kind.TICK, now_s=NOW + 120))
        assert waited(lambda: snapshotting.look(state)) == begun
        assert snapshotting.idle
        assert snapshotting.snapshots.verified() == [begun]
        assert snapshotting.pause_s > 0
    digest = state_digest(state)
    journal.close()
    again = recover(RealDisk(places.journal), snapshotting.snapshots, new_id=ID)
    again.journal.close()
    assert (again.snapshot, again.frames) == (begun, 2)
    assert state_digest(again.state) == digest


def test_a_copy_holds_nothing_open_above_all_not_the_journals_lock(places):
    _, journal = grown(places)
    copy = _Copy(lambda: ",".join(os.listdir("/proc/self/fd")))
    there = waited(copy.result).split(",")
    assert len(there) <= 5, "the three, the way to say something, and the folder that is listed"
    assert len(os.listdir("/proc/self/fd")) > len(there)
    journal.close()


def test_a_copy_that_fails_says_why(places, monkeypatch):
    state, journal = grown(places)

    def fail(self, state):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Snapshots, "write", fail)
    with Snapshotting(places, time.monotonic) as snapshotting:
        snapshotting.begin(state)
        with pytest.raises(SnapshotFailed, match="No space left"):
            waited(lambda: snapshotting.look(state))
        assert snapshotting.idle
    journal.close()


def test_a_copy_that_is_killed_is_a_failed_snapshot(places):
    state, journal = grown(places)
    with Snapshotting(places, time.monotonic) as snapshotting:
        snapshotting.begin(state)
        os.kill(snapshotting._copy._pid, 9)
        with pytest.raises(SnapshotFailed, match="status 9"):
            waited(lambda: snapshotting.look(state))
    journal.close()


def test_a_snapshot_of_another_state_fails_its_proof_and_stays(places, monkeypatch, capfd):
    state, journal = grown(places)
    told = "pipeline.node.snapshotting.told_of"
    monkeypatch.setattr(told, lambda state: type("T", (), {"digest": "0" * 32})())
    with Snapshotting(places, time.monotonic) as snapshotting:
        snapshotting.begin(state)
        number = state.mark.number
        with pytest.raises(SnapshotFailed, match="failed its check"):
            waited(lambda: snapshotting.look(state))
        assert snapshotting.snapshots.verified() == []
        assert f"failed-{number:012d}.lines" in os.listdir(places.snapshots)
    assert "One of the two is wrong" in capfd.readouterr().err
    journal.close()


def test_what_is_under_way_ends_with_its_owner(places):
    state, journal = grown(places)
    snapshotting = Snapshotting(places, time.monotonic)
    snapshotting.begin(state)
    pid = snapshotting._copy._pid
    snapshotting.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert snapshotting.idle
    journal.close()


def test_without_room_there_is_no_snapshot(places, monkeypatch):
    state, journal = grown(places)
    monkeypatch.setattr(RealDisk, "free_bytes", lambda self: 100 << 20)
    with Snapshotting(places, time.monotonic) as snapshotting:
        with pytest.raises(SnapshotError, match=r"100 MiB are free, and the next snapshot needs 128"):
            snapshotting.begin(state)
        assert snapshotting.idle
    journal.close()


def test_the_proving_process_says_no_by_its_exit_status(places, capsys, monkeypatch):
    monkeypatch.setattr(os, "nice", lambda by: 0)
    state, journal = grown(places)
    snapshots = Snapshots(RealDisk(places.snapshots))
    number = snapshots.write(state)
    arguments = [str(places.data), "0", str(number)]
    assert main(*arguments, str(number), state_digest(state)) == 0
    assert main(*arguments, str(number), "0" * 32) == 1
    assert main(*arguments, str(number + 5), state_digest(state)) == 1
    assert "frame 7" in capsys.readouterr().err
    journal.close()
