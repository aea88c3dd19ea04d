"""Cut, flipped, missing, foreign: a torn tail is kept aside, damage halts, and nothing altered is handed out."""

from __future__ import annotations

import pytest

from pipeline.journal import JournalDamaged, JournalFailed, Mark, Recovery, read, verify
from pipeline.journal.format import FrameHeader
from unit.journal.world import ID, SEGMENT, contents_of, journal_of

FIRST = "segment-000000000001.journal"
SMALL = 4 * 4096


def small(frames):
    """A journal in one segment, one block a frame."""
    return journal_of(frames, segment_bytes=SMALL, buffers=lambda n: [b"frame %d" % n, bytes([n]) * 300])


def image(disk):
    """Every file as it is."""
    return {name: bytes(disk.read(name)) for name in disk.names()}


def halts(disk, text="", **kwargs):
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
    for length in range(4096, 4 * 4096, 61):
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
    assert torn > 150


def test_every_cut_into_the_header_block_halts():
    for length in range(0, 4096, 97):
        disk, _, _ = small(1)
        disk.cut(FIRST, length)
        halts(disk, "header block is not whole")
        assert verify(disk).state == "damaged"


def test_every_cut_is_damage_once_somebody_knows_better():
    for length in range(4096, 4 * 4096, 611):
        disk, _, marks = small(3)
        disk.cut(FIRST, length)
        halts(disk, "the snapshot proves that frame 3", start=marks[3])
        halts(disk, "producer meter-hub proves that frame 3", acknowledged={"producer meter-hub": 3})


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
    text = halts(disk)
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
    halts(disk, f"frame 1 expected.*in {FIRST}, byte")
    disk.cut(FIRST, 4096)
    halts(disk, f"frame 1 expected, found the end of the file; frame {start + 1} in {second}, byte 4096")
    assert contents_of(disk, start=marks[start]) == contents[start:]


def test_a_missing_segment_halts():
    disk, _, _ = journal_of(30)
    names = sorted(disk.names())
    assert len(names) >= 4
    disk.remove(names[1])
    halts(disk, f"{names[2]}: the segment before it, {names[1]}, is missing")


def test_a_missing_oldest_segment_halts_unless_the_snapshot_has_it():
    disk, contents, marks = journal_of(30)
    disk.remove(FIRST)
    first = next(read(disk)).number
    assert contents_of(disk, start=marks[first - 1]) == contents[first - 1 :]
    halts(disk, "no segment before this one is there", start=marks[first - 2])


def test_a_missing_last_segment_needs_a_witness():
    disk, contents, _ = journal_of(30)
    disk.remove(sorted(disk.names())[-1])
    found = contents_of(disk)
    assert found == contents[: len(found)]
    assert len(found) < 30
    halts(disk, "the payments producer proves that frame 30", acknowledged={"the payments producer": 30})


def test_an_empty_directory_with_a_witness_halts():
    disk, _, _ = journal_of(0)
    disk.remove(FIRST)
    halts(disk, "no segment", start=Mark(3, bytes(16)))


def test_segments_of_another_journal_or_under_another_name_halt():
    disk, _, _ = journal_of(30)
    names = sorted(disk.names())
    disk.replace(names[2], names[1])
    halts(disk, "says that it is segment 3")
    disk, _, _ = journal_of(30)
    with Recovery(other := journal_of(0)[0], new_id=ID) as recovery:
        recovery.finish().close()
    other.files.clear()
    with Recovery(other, new_id=bytes(16), segment_bytes=SEGMENT) as recovery:
        journal = recovery.finish()
        for number in range(30):
            journal.commit([bytes(5000)], now_s=number)
    disk.files[names[1]] = other.files[names[1]]
    halts(disk, "belongs to another journal")


def test_a_snapshot_of_another_history_halts():
    disk, _, marks = journal_of(5)
    halts(disk, "belongs to another history", start=Mark(3, bytes(16)))
    halts(
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
