"""The straight line for ordinary reads takes nothing that `check` does not take, and takes it for the same."""

from __future__ import annotations

import pytest

from pipeline.wire import (
    Ack,
    Acks,
    Forms,
    Header,
    Kind,
    Message,
    Ordinary,
    Refused,
    check,
    control,
    pack,
    write_batch,
)
from unit.wire.samples import EPOCH, KEY, SESSION, Role, Sender, line, reads, rewritten

OTHER = bytes([7]) * 32
BODY = write_batch(Kind.READS, reads(2))
GOOD = rewritten(Kind.READS, BODY)


@pytest.fixture(scope="module")
def forms():
    forms = Forms()
    for rows in (2, 3):
        forms.read(
            Header.unpack(rewritten(Kind.READS, write_batch(Kind.READS, reads(rows)), rows).header),
            write_batch(Kind.READS, reads(rows)),
        )
    return forms


def both(frames, forms: Forms, at=None):
    """What the straight line says, and what `check` does; None for a refusal."""
    at = at or line()
    found = Ordinary(KEY, at, forms).read(list(frames))
    try:
        right = check(frames, Sender(KEY, Role.READS), at, forms.read)
    except Refused:
        right = None
    return found, right


def test_the_ordinary_message_is_taken_for_what_it_is(forms):
    found, right = both(GOOD, forms)
    assert found == right
    assert found is not None
    view = [memoryview(frame) for frame in GOOD]
    assert Ordinary(KEY, line(), forms).read(view) == right


@pytest.mark.parametrize("frame", [0, 1])
def test_no_flipped_bit_is_taken(frame, forms):
    for bit in range(8 * len(GOOD[frame])):
        spoilt = [bytearray(part) for part in GOOD]
        spoilt[frame][bit // 8] ^= 1 << bit % 8
        assert both([bytes(part) for part in spoilt], forms) == (None, None), bit


def test_no_flipped_bit_of_a_body_with_a_right_digest_is_taken_for_more_than_it_is(forms):
    taken = 0
    for bit in range(8 * len(BODY)):
        spoilt = bytearray(BODY)
        spoilt[bit // 8] ^= 1 << bit % 8
        found, right = both(rewritten(Kind.READS, bytes(spoilt)), forms)
        assert found is None or found == right, bit
        taken += found is not None
    assert taken > 8 * 40


def test_no_length_is_taken(forms):
    for end in range(len(BODY)):
        assert Ordinary(KEY, line(), forms).read([GOOD.header, BODY[:end]]) is None
        assert Ordinary(KEY, line(), forms).read(list(rewritten(Kind.READS, BODY[:end]))) is None
    for end in range(128):
        assert Ordinary(KEY, line(), forms).read([GOOD.header[:end], BODY]) is None
    assert Ordinary(KEY, line(), forms).read([GOOD.header + b"\0", BODY]) is None


def changed(**changes: object) -> Message:
    header = {"epoch": EPOCH, "session": SESSION, "seq": line().next_seq, "rows": 2, **changes}
    kind = header.pop("kind", Kind.READS)
    key = header.pop("key", KEY)
    return Message(pack(kind, key, BODY, **header), BODY)


ORDINARY = changed()


@pytest.mark.parametrize(
    ("frames", "at"),
    [
        (changed(kind=Kind.PAYMENTS), {}),
        (changed(key=OTHER), {}),
        (changed(epoch=EPOCH - 1), {}),
        (changed(epoch=EPOCH + 1), {}),
        (changed(session=SESSION + 1), {}),
        (changed(seq=line().next_seq - 1), {}),
        (changed(seq=line().next_seq + 1), {}),
        (changed(seq=0), {}),
        (changed(rows=3), {}),
        (ORDINARY, {"frozen": True}),
        ([*ORDINARY, b""], {}),
        ([ORDINARY.header], {}),
        ([], {}),
    ],
)
def test_what_is_not_ordinary_is_left_to_the_check(frames, at, forms):
    assert Ordinary(KEY, line(), forms).read(list(ORDINARY)) is not None
    assert Ordinary(KEY, line(**at), forms).read(list(frames)) is None


def test_a_form_that_is_not_known_is_left_to_the_check(forms):
    body = write_batch(Kind.READS, reads(5))
    frames = rewritten(Kind.READS, body, 5)
    assert Ordinary(KEY, line(), forms).read(list(frames)) is None
    check(frames, Sender(KEY, Role.READS), line(), forms.read)
    assert Ordinary(KEY, line(), forms).read(list(frames)) is not None


@pytest.mark.parametrize("numbers", [(0, 0, 0), (1, 0, 1 << 40), (1 << 63, (1 << 63) - 1, 1)])
def test_an_ack_made_in_one_go_is_the_same(numbers):
    seq, covered, credit = numbers
    expected = control(KEY, Ack(covered, credit), epoch=EPOCH, session=SESSION, seq=seq)
    assert Acks(KEY, EPOCH, SESSION).message(seq, covered, credit) == expected
