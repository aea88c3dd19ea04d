"""A message of which one bit is wrong is refused, wherever the bit is."""

from __future__ import annotations

import pytest

from pipeline.wire import Hello, Kind, Message, Reason, Role, control
from unit.wire.samples import EPOCH, KEY, message, reason

SMALL = [
    (message(Kind.READS), Role.READS),
    (message(Kind.TICK), Role.OPERATOR),
    (control(KEY, Hello(1, 4, 6), epoch=EPOCH), Role.READS),
]


@pytest.mark.parametrize(("sent", "role"), SMALL)
def test_every_bit_flipped_is_refused(sent: Message, role: Role):
    assert reason(sent, role) is None
    found = set()
    for frame in (0, 1):
        for bit in range(8 * len(sent[frame])):
            data = bytearray(sent[frame])
            data[bit // 8] ^= 1 << bit % 8
            spoilt = [bytes(data), sent.body] if frame == 0 else [sent.header, bytes(data)]
            found.add(reason(spoilt, role))
    assert found == {Reason.MAGIC, Reason.VERSION, Reason.HEADER_CHECKSUM, Reason.DIGEST}


@pytest.mark.parametrize(("sent", "role"), SMALL)
def test_truncated_at_every_byte_it_is_refused(sent: Message, role: Role):
    assert {reason([sent.header[:end], sent.body], role) for end in range(128)} == {Reason.HEADER_LENGTH}
    assert {reason([sent.header, sent.body[:end]], role) for end in range(len(sent.body))} == {
        Reason.BODY_LENGTH
    }
    assert reason([sent.header + b"\0", sent.body], role) is Reason.HEADER_LENGTH
    assert reason([sent.header, bytes(sent.body) + b"\0"], role) is Reason.BODY_LENGTH
