"""A journal followed beside its writer: every frame once and in order, whatever the writer does to its files."""

from __future__ import annotations

from random import Random

import pytest

from pipeline.journal import JournalDamaged, Mark, RealDisk, Recovery
from pipeline.journal.follow import Following, JournalPruned
from pipeline.journal.format import segment_name

ID = bytes(range(16))
SEGMENT = 6 * 4096


@pytest.fixture
def disk(tmp_path):
    return RealDisk(tmp_path)


def started(disk, journal_id=ID):
    with Recovery(disk, new_id=journal_id, segment_bytes=SEGMENT) as recovery:
        return recovery.finish()


def commit(journal, number, size_bytes=100):
    assert journal.commit([b"%d" % number, bytes(size_bytes)], now_s=number) == number


def read(following, until):
    return [(frame.number, bytes(frame.buffers[0])) for frame in following.frames(until)]


def expected(first, last):
    return [(number, b"%d" % number) for number in range(first, last + 1)]


@pytest.mark.parametrize("seed", range(5))
def test_every_frame_comes_once_while_the_writer_writes_and_starts_again(disk, seed):
    random = Random(seed)
    following, journal, number, found = Following(disk), started(disk), 0, []
    for _ in range(60):
        for _ in range(random.randint(0, 3)):
            number += 1
            commit(journal, number, random.choice((10, 5000, 40_000)))
        if random.random() < 0.3:
            journal.prepare_next()
        if random.random() < 0.2:
            journal.close()
            journal = started(disk)  # the open segment is a new file now
        found += read(following, random.randint(len(found), number))
    found += read(following, number)
    assert found == expected(1, number)
    assert following.mark == journal.durable


def test_nothing_is_read_beyond_what_is_said_to_be_durable(disk):
    journal = started(disk)
    for number in (1, 2, 3):
        commit(journal, number)
    following = Following(disk)
    assert read(following, 2) == expected(1, 2)
    assert read(following, 2) == []
    assert read(following, 3) == expected(3, 3)


def test_before_there_is_a_journal_nothing_comes(disk):
    following = Following(disk)
    assert read(following, 7) == []
    commit(started(disk), 1)
    assert read(following, 1) == expected(1, 1)


def test_it_goes_on_behind_a_mark(disk):
    journal = started(disk)
    marks = {}
    for number in range(1, 9):
        commit(journal, number, 4000)
        marks[number] = journal.durable
    for number, mark in marks.items():
        assert read(Following(disk, mark), 8) == expected(number + 1, 8)


def test_a_frame_that_has_been_removed_is_told(disk):
    journal = started(disk)
    first = None
    for number in range(1, 9):
        commit(journal, number, 4000)
        first = first or journal.durable
    behind = Following(disk, first)
    assert read(behind, 2) == expected(2, 2)
    assert journal.prune(8)
    with pytest.raises(JournalPruned, match="frame 1 has been removed") as told:
        read(Following(disk), 8)
    assert told.value.first == 7
    with pytest.raises(JournalPruned, match="frame 3 has been removed"):
        read(behind, 8)
    assert read(Following(disk, journal.durable), 8) == []


def test_what_was_torn_is_read_again_once_it_is_durable(disk):
    """What was read ahead is not trusted: a frame that nobody had seen acknowledged may give way to another."""
    journal = started(disk)
    commit(journal, 1)
    commit(journal, 2)
    following = Following(disk)
    assert read(following, 1) == expected(1, 1)  # frame 2 is in what was read, and was not durable then
    name = segment_name(1)
    path = disk.path / name
    whole = path.read_bytes()
    path.write_bytes(whole[: 2 * 4096] + bytes(len(whole) - 2 * 4096))
    journal.close()
    assert started(disk).commit([b"another"], now_s=2) == 2
    assert read(following, 2) == [(2, b"another")]


def test_another_history_is_refused(disk, tmp_path):
    journal = started(disk)
    commit(journal, 1)
    mark = journal.durable
    for wrong in (Mark(1, bytes(16)), Mark(5, mark.chain)):
        with pytest.raises(JournalDamaged, match="another history"):
            read(Following(disk, wrong), 9)


def test_a_frame_that_is_damaged_is_refused_and_comes_once_it_is_whole(disk):
    journal = started(disk)
    commit(journal, 1)
    commit(journal, 2)
    path = disk.path / segment_name(1)
    whole = path.read_bytes()
    path.write_bytes(whole[: 2 * 4096 + 200] + b"X" + whole[2 * 4096 + 201 :])
    following = Following(disk)
    with pytest.raises(JournalDamaged, match="frame 2: it is not there, or not whole"):
        read(following, 2)
    path.write_bytes(whole)
    assert read(following, 2) == expected(2, 2)
