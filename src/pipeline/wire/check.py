"""What arrives, checked: cheapest first, and nothing is reserved for what has not yet been believed.

The order: frames, lengths, the header itself, kind and role, whose line it is, epoch and session, number, digest;
and of a batch: schema, rows, end of stream, validity, nulls. `check` is what a node does with what
producers send; `check_answer` what a client does with what a node answers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import pyarrow as pa
from xxhash import xxh3_128_digest

from pipeline.wire.bodies import read_batch
from pipeline.wire.controls import Control, unpack_control
from pipeline.wire.forms import Form
from pipeline.wire.header import Buffer, Header
from pipeline.wire.kinds import ARROW_BYTES_MAX, BATCHES, CONFIG_BYTES_MAX, MAY_SEND, Kind, Role
from pipeline.wire.refusals import Reason, Refused
from pipeline.wire.schemas import ARROW_KINDS

__all__ = ["TICK", "Checked", "Line", "Sender", "check", "check_answer", "read_content"]

TICK: Final = struct.Struct("<q")
"""The body of a TICK: an instant in seconds."""
_ANSWERS: Final = frozenset(kind for kind in Kind if kind >= Kind.WELCOME)

_ROWED: Final = ARROW_KINDS | {Kind.COMMAND, Kind.OUTPUT}

Content: TypeAlias = pa.RecordBatch | Form | str | int | Control | None
"""What a body holds: a batch, or its form; of CONFIG its text, of TICK its instant in seconds; a control message."""


class Sender(NamedTuple):
    """Who sent a message, as the connection proves: the key that it was made with, and the role of that key."""

    key: bytes
    role: Role


@dataclass(slots=True)
class Line:
    """Where a producer stands, as whoever takes its messages keeps it.

    Attributes:
        epoch: the highest that it said HELLO with; a lower one is fenced.
        session: the one that is open, 0 if none is.
        next_seq: the number that is expected.
        digests: of batches that have come, as many of the newest as are still known, by number.
        frozen: whether a conflict stopped this producer, until a person looks.
    """

    epoch: int = 0
    session: int = 0
    next_seq: int = 1
    digests: Mapping[int, bytes] = field(default_factory=dict)
    frozen: bool = False


class Checked(NamedTuple):
    """A message that is what it says.

    Attributes:
        header: its header.
        body: its second frame; of a batch, what goes to the journal byte for byte.
        content: what the body holds; None where that is nothing, and of a batch that has come before.
        again: whether it is a batch whose number has come before: to be answered like the first time.
    """

    header: Header
    body: Buffer
    content: Content
    again: bool = False


def check(
    frames: Sequence[Buffer],
    sender: Sender,
    line: Line | None,
    read_reads: Callable[[Header, Buffer], Content] | None = None,
) -> Checked:
    """Check a message to a node; `line` is None for a producer that this node has never seen.

    `read_reads` reads the bodies of READS in place of `read_content`: a node that takes many has `Forms.read`.
    Raises `Refused`. Of its reasons, EPOCH is answered with FENCED, SEQ with NACK, CONFLICT with CONFLICT
    and all others with REJECTED: `pipeline.wire.answers.refusal` makes the answer.
    """
    header, body = _open(frames)
    kind = header.kind
    if kind in _ANSWERS:
        raise Refused(Reason.KIND, f"{kind.name} is what a node answers, and is never taken by one")
    if kind not in MAY_SEND[sender.role]:
        raise Refused(Reason.ROLE, f"{kind.name} from a key of the role {sender.role}")
    _lengths(header)
    if header.producer != sender.key:
        raise Refused(Reason.PRODUCER, "the header names another key than the connection was made with")
    again = kind is not Kind.HELLO and _in_line(header, line or _NOBODY)
    if kind is Kind.HELLO:
        _hello(header, line or _NOBODY)
    _digest(header, body)
    if again:
        assert line is not None
        known = line.digests.get(header.seq)
        if known is not None and known != header.digest:
            raise Refused(Reason.CONFLICT, f"batch {header.seq} has come before, with another digest")
        return Checked(header, body, None, again=True)
    read = read_reads if read_reads is not None and kind is Kind.READS else read_content
    return Checked(header, body, read(header, body))


def check_answer(frames: Sequence[Buffer], key: bytes) -> Checked:
    """Check what a node has sent to the holder of a key; raises `Refused`."""
    header, body = _open(frames)
    if header.kind not in _ANSWERS:
        raise Refused(Reason.KIND, f"{header.kind.name} is nothing that a node sends")
    _lengths(header)
    if header.producer != key:
        raise Refused(Reason.PRODUCER, "the header names another key than this end's")
    _digest(header, body)
    return Checked(header, body, read_content(header, body))


def read_content(header: Header, body: Buffer) -> Content:
    """What a body holds whose digest is right; raises `Refused`. An OUTPUT is left as it is."""
    kind = header.kind
    if kind is Kind.CONFIG:
        try:
            return bytes(body).decode("utf8")
        except UnicodeDecodeError as error:
            raise Refused(Reason.CONTENT, f"the configuration is no UTF-8: {error}") from None
    if kind is Kind.TICK:
        at_s: int = TICK.unpack(body)[0]
        return at_s
    if kind in BATCHES or kind is Kind.COMMAND:
        return read_batch(kind, body, header.rows)
    if kind is Kind.OUTPUT:
        return None
    return unpack_control(kind, body)


_NOBODY: Final = Line()


def _open(frames: Sequence[Buffer]) -> tuple[Header, Buffer]:
    if len(frames) != 2:
        raise Refused(Reason.FRAMES, f"{len(frames)} frames; expected 2, header and body")
    header = Header.unpack(frames[0])
    if len(frames[1]) != header.length:
        raise Refused(
            Reason.BODY_LENGTH, f"a body of {len(frames[1])} bytes; the header says {header.length}"
        )
    return header, frames[1]


def _lengths(header: Header) -> None:
    """Raise `Refused` for a body that is too long for its kind; `unpack_control` knows those of controls."""
    if header.kind is Kind.TICK:
        fits, expected = header.length == TICK.size, str(TICK.size)
    else:
        most = CONFIG_BYTES_MAX if header.kind is Kind.CONFIG else ARROW_BYTES_MAX
        fits, expected = header.length <= most, f"at most {most}"
    if header.rows and header.kind not in _ROWED:
        raise Refused(Reason.ROWS, f"{header.kind.name} of {header.rows} rows; expected 0")
    if not fits:
        raise Refused(
            Reason.BODY_LENGTH, f"{header.kind.name} has a body of {header.length} bytes; expected {expected}"
        )


def _hello(header: Header, line: Line) -> None:
    if not header.epoch:
        raise Refused(Reason.EPOCH, "epoch 0; the first is 1")
    if header.epoch < line.epoch:
        raise Refused(Reason.EPOCH, f"epoch {header.epoch} is over; the one in force is {line.epoch}")


def _in_line(header: Header, line: Line) -> bool:
    """Whether a message's number has come before; raises `Refused` where it does not fit the line."""
    if header.epoch < line.epoch:
        raise Refused(Reason.EPOCH, f"epoch {header.epoch} is over; the one in force is {line.epoch}")
    if not line.session or (header.epoch, header.session) != (line.epoch, line.session):
        raise Refused(Reason.SESSION, "no such session; begin one with HELLO")
    if header.kind not in BATCHES:
        return False
    if line.frozen:
        raise Refused(Reason.FROZEN, "this producer is frozen, after two different batches of one number")
    if not 0 < header.seq <= line.next_seq:
        raise Refused(Reason.SEQ, f"batch {header.seq}; expected {line.next_seq}")
    return header.seq < line.next_seq


def _digest(header: Header, body: Buffer) -> None:
    if xxh3_128_digest(body) != header.digest:
        raise Refused(Reason.DIGEST, "the body does not have the digest that the header tells")
