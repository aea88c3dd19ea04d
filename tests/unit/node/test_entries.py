"""The journal's entries and the lines, as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.node.entries import HEAD, PART, Entry, EntryError, Sent, What, decode, encode, epoch_entry
from pipeline.node.lines import DIGESTS_KEPT, Line, Lines
from pipeline.wire import BATCHES, Kind, Role

KEYS = st.binary(min_size=32, max_size=32)
U64 = st.integers(0, 2**64 - 1)
SENT = st.builds(Sent, KEYS, U64, U64, st.integers(0, 65_536), st.binary(min_size=16, max_size=16))
BODIED = sorted(BATCHES - {Kind.TICK})
ENTRIES = st.one_of(
    st.builds(
        Entry,
        st.sampled_from(BODIED),
        st.lists(SENT, max_size=4).map(tuple),
        st.integers(-(2**63), 2**63 - 1),
        st.integers(0, 2**32 - 1),
        st.just(0),
        st.binary(max_size=40),
    ),
    st.builds(lambda now_s: Entry(Kind.TICK, now_s=now_s), st.integers(0, 2**40)),
    st.builds(epoch_entry, KEYS, st.sampled_from(Role), U64),
    st.builds(lambda sent, reason: Entry(What.SPENT, (sent,), detail=reason), SENT, st.integers(32, 40)),
    st.builds(lambda sent: Entry(What.FROZEN, (sent,)), SENT),
)


@given(st.lists(ENTRIES, max_size=6))
def test_what_is_written_is_read(entries):
    buffers = encode(entries)
    assert list(decode(buffers)) == entries
    assert len(buffers[0]) == sum(HEAD.size + PART.size * len(entry.parts) for entry in entries)
    assert len(buffers) == 1 + sum(entry.what in BODIED for entry in entries)


def test_a_frame_byte_by_byte():
    part = Sent(b"p" * 32, 7, 9, 2, b"d" * 16)
    heads, body = encode([Entry(Kind.READS, (part,), 1_767_225_600, 2, body=b"arrow")])
    assert bytes(heads) == (
        b"\x14\x00\x00\x00\x01\x00\x00\x00\x00\xb9\x55\x69\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"
        + b"p" * 32
        + b"\x07\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00"
        + b"d" * 16
    )
    assert body == b"arrow"


@pytest.mark.parametrize(
    "buffers",
    [
        [],
        [b"short"],
        [HEAD.pack(99, 0, 0, 0, 0)],
        [HEAD.pack(What.EPOCH, 1, 0, 0, 0)],
        [HEAD.pack(What.EPOCH, 99, 1, 0, 0) + bytes(72)],
        [HEAD.pack(What.SPENT, 32, 2, 0, 0) + bytes(144)],
        [HEAD.pack(Kind.READS, 0, 3, 0, 0) + bytes(72), b"body"],
        [HEAD.pack(Kind.READS, 0, 0, 0, 0)],
        [HEAD.pack(Kind.TICK, 0, 0, 0, 0), b"one too many"],
    ],
)
def test_what_is_no_frame_of_entries_is_refused(buffers):
    with pytest.raises(EntryError):
        list(decode(buffers))


def lines_of(count: int, batches: int) -> Lines:
    lines = Lines()
    for number in range(count):
        key = bytes([number]) * 32
        lines.record(epoch_entry(key, list(Role)[number % 6], number + 1))
        for seq in range(1, batches + 1):
            lines.record(Entry(Kind.READS, (Sent(key, number + 1, seq, 1, seq.to_bytes(16, "big")),)))
    return lines


def test_lines_are_what_was_written():
    lines = lines_of(5, 3)
    lines.record(Entry(What.FROZEN, (Sent(bytes(32), 1, 2),)))
    lines.record(Entry(What.SPENT, (Sent(b"\1" * 32, 2, 4),), detail=33))
    again = Lines.unpack(lines.pack())
    assert dict(again) == dict(lines)
    assert again[bytes(32)].frozen
    assert (again[b"\1" * 32].refused, again[b"\1" * 32].next_seq) == (1, 5)
    assert again.settled() == {bytes([n]) * 32: 4 if n == 1 else 3 for n in range(5)}
    assert again[b"\2" * 32].role is Role.REGISTRY


def test_lines_that_are_cut_or_longer_are_refused():
    data = lines_of(2, 2).pack()
    for length in range(len(data)):
        with pytest.raises(ValueError, match="not whole"):
            Lines.unpack(data[:length])
    with pytest.raises(ValueError, match="behind the lines"):
        Lines.unpack(data + b"\0")


def test_the_newest_digests_are_kept():
    line = lines_of(1, DIGESTS_KEPT + 5)[bytes(32)]
    assert list(line.digests) == list(range(6, DIGESTS_KEPT + 6))
    assert isinstance(line, Line)


def test_a_number_that_is_not_the_next_is_a_fault_of_the_journal():
    lines = lines_of(1, 2)
    for seq in (0, 1, 2, 4):
        with pytest.raises(AssertionError, match="in the journal"):
            lines.record(Entry(Kind.READS, (Sent(bytes(32), 1, seq),)))


def test_an_older_epoch_in_the_journal_changes_nothing():
    lines = lines_of(1, 0)
    lines.record(epoch_entry(bytes(32), Role.READS, 9))
    lines.record(epoch_entry(bytes(32), Role.READS, 3))
    assert lines[bytes(32)].epoch == 9


def test_what_a_snapshot_covers_never_falls():
    lines = lines_of(1, 3)
    lines.cover({bytes(32): 2, b"x" * 32: 7})
    lines.cover({bytes(32): 1})
    assert lines[bytes(32)].covered == 2
