"""Messages, made: header and body, ready for a socket."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from xxhash import xxh3_64_intdigest, xxh3_128_digest

from pipeline.wire.check import TICK, Line
from pipeline.wire.controls import Conflict, Control, Rejected, pack_control
from pipeline.wire.header import KEY_BYTES, Buffer, Header, pack
from pipeline.wire.kinds import Kind
from pipeline.wire.refusals import Reason, Refused

__all__ = ["Acks", "Message", "control", "plain", "refusal", "tick_body"]

_NOBODY: Final = bytes(KEY_BYTES)
_FIRST_BYTES: Final = 56
_REST: Final = struct.Struct("<QIIQ16s24s")
_CHECKSUM: Final = struct.Struct("<Q")
_ZEROS: Final = bytes(24)
_ACK: Final = struct.Struct("<QQ")


class Message(NamedTuple):
    """The two frames of a message."""

    header: bytes
    body: Buffer


def control(producer: bytes, what: Control, *, epoch: int = 0, session: int = 0, seq: int = 0) -> Message:
    """A control message with a body."""
    kind, body = pack_control(what)
    return Message(pack(kind, producer, body, epoch=epoch, session=session, seq=seq), body)


class Acks:
    """The ACKs of one session: what is the same in all of them is made once."""

    __slots__ = ("_first",)

    def __init__(self, producer: bytes, epoch: int, session: int) -> None:
        self._first = pack(Kind.ACK, producer, epoch=epoch, session=session)[:_FIRST_BYTES]

    def message(self, seq: int, covered: int, credit: int) -> Message:
        """The ACK of all up to a number; `control` makes the same of an `Ack`."""
        body = _ACK.pack(covered, credit)
        fields = self._first + _REST.pack(seq, 0, 0, _ACK.size, xxh3_128_digest(body), _ZEROS)
        return Message(fields + _CHECKSUM.pack(xxh3_64_intdigest(fields)), body)


def plain(producer: bytes, kind: Kind, *, epoch: int = 0, session: int = 0, seq: int = 0) -> Message:
    """A control message that says all in its header: PING, PONG, FENCED, NACK."""
    return Message(pack(kind, producer, epoch=epoch, session=session, seq=seq), b"")


def refusal(refused: Refused, producer: bytes, frame: Buffer | None, line: Line | None) -> Message:
    """The answer to a message that was refused.

    `producer` is the key of the connection, `frame` the message's first frame, if it had one: where it is a whole
    header, a REJECTED carries its number, epoch and session, so that its sender knows what is meant.
    """
    line = line or Line()
    try:
        header = Header.unpack(frame) if frame is not None else None
    except Refused:
        header = None
    epoch, session, seq = (header.epoch, header.session, header.seq) if header else (0, 0, 0)
    if refused.reason is Reason.EPOCH:
        return plain(producer, Kind.FENCED, epoch=line.epoch)
    if refused.reason is Reason.SEQ:
        return plain(producer, Kind.NACK, epoch=epoch, session=session, seq=line.next_seq)
    if refused.reason is Reason.CONFLICT and seq in line.digests:
        what: Control = Conflict(line.digests[seq])
    else:
        what = Rejected(refused.reason, refused.text)
    return control(producer, what, epoch=epoch, session=session, seq=seq)


def tick_body(at_s: int) -> bytes:
    """The body of a TICK: an operator says what time it is."""
    return TICK.pack(at_s)
