"""What was written comes back: the same buffers, numbers and counts, from the real disk too."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.journal import (
    JournalError,
    JournalFailed,
    JournalLocked,
    Mark,
    RealDisk,
    Recovery,
    prune,
    read,
    verify,
    write_aside,
)
from pipeline.journal.format import BLOCK, body_pieces, frame_bytes
from simulation.disk import SimDisk
from unit.journal.world import ID, SEGMENT, contents_of, journal_of


def opened(disk, **kwargs):
    with Recovery(disk, new_id=ID, segment_bytes=SEGMENT, **kwargs) as recovery:
        return recovery.finish()


@given(st.lists(st.binary(max_size=200), max_size=6), st.integers(-(2**63), 2**63 - 1))
def test_buffers_come_back_as_they_were(buffers, now_s):
    disk, _, _ = journal_of(0)
    journal = opened(disk)
    assert journal.commit(buffers, now_s=now_s, first_batch=2**64 - 1, batches=2**32 - 1) == 1
    (frame,) = read(disk)
    assert [bytes(buffer) for buffer in frame.buffers] == buffers
    assert (frame.now_s, frame.first_batch, frame.batches) == (now_s, 2**64 - 1, 2**32 - 1)
    assert all(buffer.readonly for buffer in frame.buffers)
    pieces, size = body_pieces(buffers)
    assert size == 128 + sum(map(len, pieces)) == frame.size_bytes
    assert size % BLOCK == 0
    assert size <= frame_bytes(len(buffers), sum(map(len, buffers)))


def test_more_buffers_than_a_system_call_takes(tmp_path):
    buffers = [number.to_bytes(3, "little") for number in range(5000)]
    journal = opened(RealDisk(tmp_path))
    journal.commit(buffers, now_s=1)
    journal.close()
    (frame,) = read(RealDisk(tmp_path))
    assert [bytes(buffer) for buffer in frame.buffers] == buffers


def test_buffers_of_other_items_are_taken_as_bytes():
    disk, _, _ = journal_of(0)
    opened(disk).commit([memoryview(bytes(16)).cast("q"), bytearray(b"xyz")], now_s=1)
    (frame,) = read(disk)
    assert frame.buffers == [bytes(16), b"xyz"]


def test_on_the_real_disk_from_start_to_start(tmp_path):
    disk = RealDisk(tmp_path / "a" / "journal")
    journal = opened(disk)
    assert not journal.has_next
    journal.prepare_next()
    assert journal.has_next
    room = journal.room
    for number in range(1, 30):
        assert journal.commit([b"n%d" % number, bytes(5000)], now_s=number) == number
        if not journal.has_next:
            journal.prepare_next()
    assert 0 < journal.room <= room
    journal.close()
    again = opened(disk)
    assert again.durable == journal.durable
    assert again.incarnation == journal.incarnation + 1
    again.commit([b"last"], now_s=30)
    again.close()
    assert [bytes(frame.buffers[0]) for frame in read(disk)] == [*(b"n%d" % n for n in range(1, 30)), b"last"]
    report = verify(disk)
    assert (report.state, report.frames, report.first, report.last) == ("clean", 30, 1, 30)
    assert (report.segments, report.journal_id) == (10, ID.hex())
    assert not [name for name in disk.names() if name.endswith(".tmp")]
    assert {oct((disk.path / name).stat().st_mode & 0o777) for name in disk.names()} == {"0o640"}


def test_a_frame_larger_than_a_segment_gets_one_of_its_own():
    disk, _, _ = journal_of(0)
    journal = opened(disk)
    journal.prepare_next()
    assert not journal.fits(1, 5 * SEGMENT)
    assert journal.fits(1, SEGMENT - 2 * BLOCK)
    sizes = [100, 5 * SEGMENT, 100, SEGMENT - BLOCK - 128 - 64, 3]
    for size in sizes:
        journal.commit([bytes([7]) * size], now_s=1)
    journal.close()
    assert [len(body[0]) for _, body in contents_of(disk)] == sizes
    after = opened(disk)
    after.commit([b"x"], now_s=2)
    assert len(list(read(disk))) == len(sizes) + 1


@pytest.mark.parametrize("ahead", [False, True])
def test_a_first_frame_larger_than_the_open_segment_leaves_no_empty_one_behind(ahead):
    """The open segment is the second, and what it held was torn: a start leaves it empty, and small."""
    disk, _, _ = journal_of(0)
    journal = opened(disk)
    journal.commit([bytes(SEGMENT - 2 * BLOCK)], now_s=1)
    journal.write([bytes(BLOCK)], now_s=1)
    journal.close()
    disk.flip("segment-000000000002.journal", (BLOCK + 200) * 8)
    journal = opened(disk, start_bytes=BLOCK)
    if ahead:
        journal.prepare_next()
    sizes = [2 * BLOCK, SEGMENT, 3]
    for size in sizes:
        journal.commit([bytes(size)], now_s=1)
    assert [len(frame.buffers[0]) for frame in read(disk)] == [SEGMENT - 2 * BLOCK, *sizes]
    assert verify(disk).state == "clean"


def test_reading_from_a_mark_and_up_to_a_number():
    disk, contents, marks = journal_of(20)
    for at in range(21):
        assert [f.number for f in read(disk, marks[at])] == list(range(at + 1, 21))
        assert [f.number for f in read(disk, until=at)] == list(range(1, at + 1))
        assert contents_of(disk, start=marks[at]) == contents[at:]


def test_one_frame_at_a_time_may_be_unsynced():
    disk, _, _ = journal_of(3)
    journal = opened(disk)
    assert journal.sync() == 3
    assert journal.write([b"a"], now_s=1) == 4
    assert journal.durable.number == 3
    with pytest.raises(JournalError, match="frame 4 is written and not synced"):
        journal.write([b"b"], now_s=1)
    assert journal.sync() == 4
    journal.close()
    with pytest.raises(JournalFailed, match="closed"):
        journal.write([b"b"], now_s=1)


def test_every_start_is_an_incarnation_also_one_that_writes_nothing():
    disk, _, _ = journal_of(2)
    for incarnation in (2, 3, 4):
        journal = opened(disk)
        assert journal.incarnation == incarnation
        journal.close()


def test_whole_segments_are_pruned_and_no_more():
    disk, contents, marks = journal_of(40)
    segments = [name for name in disk.names() if name.startswith("segment")]
    assert prune(disk, 1) == []
    removed = prune(disk, 21)
    assert removed == segments[: len(removed)]
    assert removed
    first = next(read(disk)).number
    assert 1 < first <= 21
    assert contents_of(disk, start=marks[20]) == contents[20:]
    journal = opened(disk, start=marks[40])
    assert journal.prune(10**9)
    assert journal.commit([b"on"], now_s=1) == 41
    assert [frame.number for frame in read(disk, marks[39])] == [40, 41]


def test_a_second_process_is_told_who_has_the_journal(tmp_path):
    code = (
        "import sys; from pipeline.journal import *\n"
        "try: Recovery(RealDisk(sys.argv[1]), new_id=bytes(16))\n"
        "except JournalLocked as e: print(e)"
    )
    with Recovery(RealDisk(tmp_path), new_id=ID) as recovery:
        assert list(recovery) == []
        out = subprocess.run(
            [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True
        )
        assert "in use by process " in out.stdout
        with pytest.raises(JournalLocked):
            prune(RealDisk(tmp_path), 5)
    with Recovery(RealDisk(tmp_path), new_id=ID) as recovery:
        assert list(recovery) == []


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"new_id": b"short"}, "5 bytes; expected 16"),
        ({"new_id": ID, "segment_bytes": 4096}, "at least 8192"),
        ({"new_id": ID, "segment_bytes": 10_000}, "a multiple of 4096"),
    ],
)
def test_wrong_arguments_are_refused(kwargs, text):
    disk, _, _ = journal_of(0)
    with pytest.raises(JournalError, match=text):
        Recovery(disk, **kwargs)


def test_an_empty_directory_is_no_journal():
    disk, _, _ = journal_of(0)
    for name in disk.names():
        disk.remove(name)
    assert verify(disk).state == "empty"
    assert list(read(disk)) == []
    assert opened(disk, start=Mark(0, b"")).durable.number == 0


@pytest.mark.parametrize(
    ("free_segments", "blocks"),
    [(None, 1 + 2), (2.5, 1 + 2), (1.5, 16)],
    ids=["room", "room for the next", "no room for the next"],
)
def test_a_start_writes_little_where_a_whole_segment_fits_behind(free_segments, blocks):
    segment_bytes, disk = 16 * BLOCK, SimDisk()
    if free_segments:
        disk.capacity = int(free_segments * segment_bytes)
    with Recovery(disk, new_id=ID, segment_bytes=segment_bytes, start_bytes=2 * BLOCK) as recovery:
        journal = recovery.finish()
    assert disk.size("segment-000000000001.journal") == blocks * BLOCK
    assert journal.room == (blocks - 1) * BLOCK
    if blocks < 16:
        journal.prepare_next()
        assert disk.size("segment-000000000002.journal") == segment_bytes
        assert journal.room == (blocks - 1 + 15) * BLOCK
    for number in range(1, 12):
        journal.commit([b"n%d" % number], now_s=number)
    journal.close()
    assert [frame.number for frame in read(disk)] == list(range(1, 12))
    disk.capacity = None
    with Recovery(disk, new_id=ID, segment_bytes=segment_bytes, start_bytes=2 * BLOCK) as recovery:
        assert recovery.finish().room == 2 * BLOCK


def test_what_is_read_beside_is_what_there_is_or_the_error(tmp_path):
    disk = RealDisk(tmp_path)
    write_aside(disk, "large", [bytes(range(256)) * 8192]).close()
    assert disk.reading("large")() == bytes(range(256)) * 8192
    wait = disk.reading("none")
    with pytest.raises(FileNotFoundError):
        wait()
