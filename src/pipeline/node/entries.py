"""What a frame of a node's journal holds, byte by byte.

A frame is one commit group: entries, in the order in which they take effect. Its first buffer holds the heads of all,
one behind the other; each batch's body is a buffer of its own, in the same order, as it came over the wire. All numbers
are little-endian. A head::

    offset  bytes
         0      2  what: 1 epoch, 2 spent, 3 frozen, or the wire's number of a kind of batch, 16 to 24
         2      2  of 1, the role, counted from 1 in the order of `pipeline.wire.Role`; of 2, the reason; else zero
         4      4  n: parts; none in a batch of the node's own
         8      8  now, seconds since 1970 UTC, signed: the time that a batch brings the engine; else zero
        16      4  rows of the body
        20      4  zero
        24   72 n  parts, one behind the other

A part, 72 bytes, says whose rows of the batch the next so many are::

         0     32  producer: its public CURVE key
        32      8  epoch
        40      8  seq: the number that this uses up; of 1 zero
        48      4  rows
        52      4  zero
        56     16  digest of the body, as its sender's header said it; of 1 zero

What they mean:

- **epoch**: from here on, a producer's lower epochs are fenced.
- **batch**: goes to the engine, at `now`. If the engine refuses it whole, it is refused in the same way by each replay:
  the numbers are used up all the same.
- **spent**: a batch that was refused for good before it came here; its number is used up.
- **frozen**: two different batches had one number; nothing more is taken from this producer.

The first batch of a journal is the configuration. A TICK's body is not kept: `now` is all that it says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from pipeline.journal import Buffer
from pipeline.wire import BATCHES, KEY_BYTES, Kind, Role

__all__ = [
    "Entry",
    "EntryError",
    "Sent",
    "What",
    "decode",
    "encode",
    "entry_bytes",
    "epoch_entry",
    "is_batch",
]

HEAD: Final = struct.Struct("<HHIqI4x")
PART: Final = struct.Struct("<32sQQI4x16s")
_ROLES: Final = list(Role)
_NO_DIGEST: Final = bytes(16)


class EntryError(Exception):
    """A frame that holds no entries of this version."""


class What:
    """Entries that are no batch."""

    EPOCH: Final = 1
    SPENT: Final = 2
    FROZEN: Final = 3


class Sent(NamedTuple):
    """One sender's part of an entry."""

    producer: bytes
    epoch: int
    seq: int = 0
    rows: int = 0
    digest: bytes = _NO_DIGEST


class Entry(NamedTuple):
    """One entry; `detail` is the role of an epoch as its number, or the reason of what is spent."""

    what: int
    parts: tuple[Sent, ...] = ()
    now_s: int = 0
    rows: int = 0
    detail: int = 0
    body: Buffer = b""

    @property
    def kind(self) -> Kind:
        """Of a batch, its kind; raises `ValueError` for what is none."""
        return Kind(self.what)

    @property
    def role(self) -> Role:
        """Of an epoch, the role that the producer said it with."""
        return _ROLES[self.detail - 1]


def epoch_entry(producer: bytes, role: Role, epoch: int) -> Entry:
    """A producer's new epoch."""
    return Entry(What.EPOCH, (Sent(producer, epoch),), detail=_ROLES.index(role) + 1)


def is_batch(entry: Entry) -> bool:
    """Whether an entry goes to the engine."""
    return entry.what in BATCHES


def entry_bytes(entry: Entry) -> int:
    """Bytes that an entry adds to its frame, padding aside."""
    return HEAD.size + PART.size * len(entry.parts) + len(entry.body)


def encode(entries: Iterable[Entry]) -> list[Buffer]:
    """The buffers of a frame; bodies are handed on as they lie."""
    heads = bytearray()
    buffers: list[Buffer] = [heads]
    for what, parts, now_s, rows, detail, body in entries:
        heads += HEAD.pack(what, detail, len(parts), now_s, rows)
        for part in parts:
            heads += PART.pack(*part)
        if what in BATCHES and what != Kind.TICK:
            buffers.append(body)
    return buffers


def decode(buffers: Sequence[Buffer]) -> Iterator[Entry]:
    """The entries of a frame, over its own bytes; raises `EntryError`."""
    if not buffers:
        raise EntryError("a frame without a buffer; expected the heads of its entries")
    heads, bodies = memoryview(buffers[0]), iter(buffers[1:])
    at = 0
    while at < len(heads):
        try:
            what, detail, count, now_s, rows = HEAD.unpack_from(heads, at)
            at += HEAD.size
            if at + count * PART.size > len(heads):
                raise EntryError(f"a head of {count} parts, which do not fit the frame")
            parts = tuple(Sent(*PART.unpack_from(heads, at + i * PART.size)) for i in range(count))
            at += count * PART.size
            has_body = what in BATCHES and what != Kind.TICK
            entry = Entry(what, parts, now_s, rows, detail, next(bodies) if has_body else b"")
        except (struct.error, StopIteration):
            raise EntryError("heads that do not fit their frame") from None
        yield _known(entry)
    if next(bodies, None) is not None:
        raise EntryError("a frame with more bodies than its heads tell of")


def _known(entry: Entry) -> Entry:
    if entry.what == What.EPOCH:
        fits = len(entry.parts) == 1 and 1 <= entry.detail <= len(_ROLES)
    elif entry.what in (What.SPENT, What.FROZEN):
        fits = len(entry.parts) == 1
    else:
        fits = entry.what in BATCHES
    if not fits:
        raise EntryError(
            f"an entry {entry.what} of {len(entry.parts)} parts; this version knows none like it"
        )
    return entry


assert (HEAD.size, PART.size, KEY_BYTES) == (24, 72, 32)
