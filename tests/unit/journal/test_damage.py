"""Cut, flipped, missing, foreign: a torn tail is kept aside, damage halts, and nothing altered is handed out."""

from __future__ import annotations

import pytest

from pipeline.journal import JournalDamaged, JournalFailed, Mark, Recovery, prune, read, verify
from pipeline.journal.format import FrameHeader
from simulation.disk import Killed
from unit.journal.world import ID, SEGMENT, contents_of, journal_of

FIRST = "segment-000000000001.journal"
SMALL = 4 * 4096


def small(frames):
    """A journal in one segment, one block a frame."""
    return journal_of(frames, segment_bytes=SMALL, buffers=lambda n: [b"frame %d" % n, bytes([n]) * 300])


def image(disk):
    """Every file as it is."""
    return {name: bytes(disk.read(name)) for name in disk.names()}


def check_refused(disk, text="", **kwargs):
    """Recovery raises, and has touched nothing."""
    before = image(disk)
    with (
        pytest.raises(JournalDamaged, match=text or None) as caught,
        Recovery(disk, new_id=ID, **kwargs) as recovery,
    ):
        recovery.finish()
    assert image(disk) == before
    assert "Nothing was changed" in str(caught.value)
    assert "put back" in str(caught.value)
    return str(caught.value)


def test_every_cut_is_a_torn_tail():
    torn = 0
    for length in range(4096, 4 * 4096):
        disk, contents, _ = small(3)
        disk.cut(FIRST, length)
        whole = length // 4096 - 1
        report = verify(disk)
        with Recovery(disk, new_id=ID, segment_bytes=SMALL) as recovery:
            found = [(frame.number, [bytes(part) for part in frame.buffers]) for frame in recovery]
            journal = recovery.finish()
        assert found == contents[:whole]
        assert report.frames == whole
        kept = b"".join(bytes(disk.read(tail.kept_in)) for tail in recovery.tails)
        if length % 4096 > 128:
            assert report.state == "torn"
            assert kept
            torn += 1
        assert journal.commit([b"on"], now_s=1) == whole + 1
        assert verify(disk).state == "clean"
    assert torn == 3 * (4096 - 129)


def test_every_cut_into_the_header_block_halts():
    for length in range(4096):
        disk, _, _ = small(1)
        disk.cut(FIRST, length)
        check_refused(disk, "header block is not whole")
        assert verify(disk).state == "damaged"


def test_every_cut_is_damage_once_somebody_knows_better():
    for length in range(4096, 4 * 4096):
        disk, _, marks = small(3)
        disk.cut(FIRST, length)
        check_refused(disk, "the snapshot proves that frame 3", start=marks[3])
        check_refused(disk, "producer meter-hub proves that frame 3", acknowledged={"producer meter-hub": 3})


def test_every_flipped_bit_is_damage_or_the_last_frame():
    """Two frames and two empty blocks; every bit of header block and frames, some of the rest."""
    clean, contents, _ = small(2)
    original = image(clean)
    outcomes = {"damaged": 0, "torn": 0, "same": 0}
    bits = [*range(3 * 4096 * 8), *range(3 * 4096 * 8, SMALL * 8, 499)]
    for bit in bits:
        clean.flip(FIRST, bit)
        try:
            found = contents_of(clean)
        except JournalDamaged:
            outcomes["damaged"] += 1
            assert bit < 2 * 4096 * 8
        else:
            assert found == contents[: len(found)]
            assert len(found) >= 1
            outcomes["torn" if len(found) == 1 else "same"] += 1
        clean.flip(FIRST, bit)
    assert image(clean) == original
    assert outcomes == {"damaged": 2 * 4096 * 8, "torn": 4096 * 8, "same": len(bits) - 3 * 4096 * 8}


def test_a_bad_frame_before_good_ones_halts_and_says_where():
    disk, _, _ = small(3)
    disk.flip(FIRST, (4096 + 4096 + 1000) * 8)
    text = check_refused(disk)
    assert f"{FIRST}, byte 8192: frame 2 expected, found a frame whose body does not have the digest" in text
    assert (
        "frame 3 in segment-000000000001.journal, byte 12288, was written when frame 2 was on the disk"
        in text
    )
    assert verify(disk).state == "damaged"
    with pytest.raises(JournalDamaged):
        list(read(disk))


def test_a_later_segment_is_proof():
    disk, contents, marks = journal_of(20)
    second = sorted(disk.names())[1]
    header = FrameHeader.unpack(disk.read(second, 4096, 128))
    assert header
    start = header.number - 1
    assert start > 1
    disk.flip(FIRST, (4096 + 200) * 8)
    check_refused(disk, f"frame 1 expected.*in {FIRST}, byte")
    disk.cut(FIRST, 4096)
    check_refused(
        disk, f"frame 1 expected, found the end of the file; frame {start + 1} in {second}, byte 4096"
    )
    assert contents_of(disk, start=marks[start]) == contents[start:]


def test_a_missing_segment_halts():
    disk, _, _ = journal_of(30)
    names = sorted(disk.names())
    assert len(names) >= 4
    disk.remove(names[1])
    check_refused(disk, f"{names[2]}: the segment before it, {names[1]}, is missing")


def test_a_missing_oldest_segment_halts_unless_the_snapshot_has_it():
    disk, contents, marks = journal_of(30)
    disk.remove(FIRST)
    first = next(read(disk)).number
    assert contents_of(disk, start=marks[first - 1]) == contents[first - 1 :]
    check_refused(disk, "no segment before this one is there", start=marks[first - 2])


def test_a_missing_last_segment_needs_a_witness():
    disk, contents, _ = journal_of(30)
    disk.remove(sorted(disk.names())[-1])
    found = contents_of(disk)
    assert found == contents[: len(found)]
    assert len(found) < 30
    check_refused(
        disk, "the payments producer proves that frame 30", acknowledged={"the payments producer": 30}
    )


def test_an_empty_directory_with_a_witness_halts():
    disk, _, _ = journal_of(0)
    disk.remove(FIRST)
    check_refused(disk, "no segment", start=Mark(3, bytes(16)))


def test_segments_of_another_journal_or_under_another_name_halt():
    disk, _, _ = journal_of(30)
    names = sorted(disk.names())
    disk.replace(names[2], names[1])
    check_refused(disk, "says that it is segment 3")
    disk, _, _ = journal_of(30)
    with Recovery(other := journal_of(0)[0], new_id=ID) as recovery:
        recovery.finish().close()
    other.files.clear()
    with Recovery(other, new_id=bytes(16), segment_bytes=SEGMENT) as recovery:
        journal = recovery.finish()
        for number in range(30):
            journal.commit([bytes(5000)], now_s=number)
    disk.files[names[1]] = other.files[names[1]]
    check_refused(disk, "belongs to another journal")


def test_a_snapshot_of_another_history_halts():
    disk, _, marks = journal_of(5)
    check_refused(disk, "belongs to another history", start=Mark(3, bytes(16)))
    check_refused(
        disk,
        "does not continue the frames before it|belongs to another history",
        start=Mark(4, marks[3].chain),
    )


def test_what_an_earlier_recovery_kept_stays():
    kept = []
    disk, _, _ = small(2)
    for _ in range(3):
        with Recovery(disk, new_id=ID, segment_bytes=SMALL) as recovery:
            journal = recovery.finish()
        journal.write([b"never synced"], now_s=1)
        disk.flip(FIRST, (3 * 4096 + 130) * 8)
        disk.kill()
        kept.append(len([name for name in disk.names() if name.startswith("torn-")]))
    assert kept == [0, 1, 2]
    assert len({bytes(disk.read(name)) for name in disk.names() if name.startswith("torn-")}) == 2


def test_late_evidence_stops_the_journal():
    disk, _, _ = small(3)
    disk.cut(FIRST, 3 * 4096)
    with Recovery(disk, new_id=ID, segment_bytes=SMALL) as recovery:
        journal = recovery.finish()
    journal.prove("producer A", 2)
    journal.commit([b"on"], now_s=1)
    with pytest.raises(
        JournalDamaged, match="producer B proves that frame 3 had been acknowledged before this start"
    ):
        journal.prove("producer B", 3)
    with pytest.raises(JournalFailed, match="producer B"):
        journal.commit([b"on"], now_s=1)


def test_late_evidence_of_something_without_a_number():
    disk, _, _ = small(1)
    with Recovery(disk, new_id=ID, segment_bytes=SMALL) as recovery:
        journal = recovery.finish()
    with pytest.raises(JournalDamaged, match="producer C: seq 17"):
        journal.prove("producer C: seq 17")
    with pytest.raises(JournalFailed):
        journal.sync()


def test_a_removed_segment_that_comes_back_is_void():
    """The removal of two segments was lost with the power, for the later one only."""
    disk, _, _ = small(3)
    with Recovery(disk, new_id=ID, segment_bytes=SMALL) as recovery:
        journal = recovery.finish()
    journal.prepare_next()
    journal.write([b"never synced"], now_s=1)  # begins segment 2
    journal.prepare_next()
    names = [name for name in disk.names() if name.startswith("segment")]
    assert len(names) == 3
    disk.kill()
    disk.flip(names[1], (4096 + 20) * 8)
    back = disk.files[names[2]]
    with Recovery(disk, new_id=ID, segment_bytes=SMALL) as recovery:
        recovery.finish()
    assert [name for name in disk.names() if name.startswith("segment")] == names[:1]
    for _ in range(2):
        disk.kill()
        disk.files[names[2]] = back
        with Recovery(disk, new_id=ID, segment_bytes=SMALL) as recovery:
            journal = recovery.finish()
        assert names[2] not in disk.names()
        journal.commit([b"goes to segment 2"], now_s=1)
    assert len(list(read(disk))) == 5


def test_a_segment_of_the_same_journal_in_another_history_halts():
    """Two restores from one backup went on, each by itself, and their files were mixed."""
    disk, _, _ = journal_of(20)
    other, _, _ = journal_of(20, buffers=lambda n: [b"FRAME %d" % n, bytes([n]) * 70 * n])
    name = sorted(disk.names())[1]
    disk.files[name] = other.files[name]
    check_refused(disk, "found a frame that does not continue the frames before it")


def frames_of_another_journal():
    other, _, _ = journal_of(0)
    other.files.clear()
    with Recovery(other, new_id=b"another journal!", segment_bytes=SMALL) as recovery:
        journal = recovery.finish()
    for number in range(1, 4):
        journal.commit([b"theirs"], now_s=number)
    return other.read(FIRST)[4096 : 4 * 4096]


def test_frames_inside_a_body_prove_nothing():
    """A torn frame whose body holds, block for block, frames of another journal with higher numbers."""
    disk, contents, _ = small(1)
    with Recovery(disk, new_id=ID, segment_bytes=8 * 4096) as recovery:
        journal = recovery.finish()
    journal.write([bytes(4096 - 128 - 64), frames_of_another_journal()], now_s=1)
    journal.close()
    disk.flip(FIRST, (2 * 4096 + 20) * 8)
    assert contents_of(disk) == contents
    assert verify(disk).state == "torn"


def test_frames_of_another_journal_are_not_handed_out():
    disk, contents, _ = small(0)
    disk.files[FIRST].write(4096, bytes(frames_of_another_journal()))
    assert contents_of(disk) == contents == []
    assert "a frame of another journal" in verify(disk).detail


def test_a_pruning_that_is_cut_short_leaves_no_hole():
    holes_possible = 0
    for at in range(1, 9):
        for seed in range(12):
            disk, contents, marks = journal_of(40)
            disk.faults.random.seed(seed)
            disk.faults.kill_at = disk.faults.operations + at
            with pytest.raises(Killed):
                prune(disk, 33)
            disk.power_failure()
            holes_possible += disk.faults.injected["lost name"]
            numbers = [frame.number for frame in read(disk)]
            assert numbers == list(range(numbers[0], 41))
            assert contents_of(disk, start=marks[32]) == contents[32:]
    assert holes_possible > 0


def test_no_segment_is_pruned_for_one_that_begins_torn():
    disk, _, _ = small(3)
    with Recovery(disk, new_id=ID, segment_bytes=SMALL) as recovery:
        journal = recovery.finish()
    journal.write([bytes(100)], now_s=1)
    journal.close()
    second = sorted(name for name in disk.names() if name.startswith("segment"))[1]
    disk.flip(second, (4096 + 200) * 8)
    assert prune(disk, 100) == []
    disk.flip(second, (4096 + 200) * 8)
    assert prune(disk, 100) == [FIRST]


def test_what_was_being_made_is_removed_by_the_next_start():
    disk, contents, _ = small(2)
    disk.create("segment-000000000009.journal.tmp")
    disk.create("torn-000000000002-1.bytes.tmp")
    with Recovery(disk, new_id=ID, segment_bytes=SMALL) as recovery:
        recovery.finish().close()
    assert disk.names() == [FIRST]
    assert contents_of(disk) == contents
