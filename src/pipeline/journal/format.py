"""The journal's files, byte by byte.

All numbers are little-endian. Digests are XXH3 (128 bits: high half first, as the algorithm's canonical form
has it), seed 0. They find accidents; they are no signature.

Segment: ``segment-NNNNNNNNNNNN.journal``, N the index from 1, without holes. A header block, frames one behind
the other, zeros up to the end. A frame that does not fit any more starts the next segment; one larger than a
segment gets a segment of its own size::

    offset  bytes
         0      8  "FKSEGMNT"
         8      4  version of the format: 1
        12      4  block: 4096. Frames start on multiples of it
        16      8  index of the segment, as in its name: a file under another's name is found out
        24      8  bytes of the file
        32     16  journal id, random: what was copied from another journal is found out
        48      8  incarnation of the process that made the file: +1 each start
        56   4032  zero
      4088      8  XXH3-64 of the 4088 bytes before

Frame, at a multiple of 4096: no sector holds bytes of two frames, since a torn write may spoil a sector that holds
acknowledged bytes::

    offset  bytes
         0      8  "FKFRAME1"
         8      8  number, from 1, without holes
        16      8  durable: the highest number known to be on the disk when this was written. It proves that
                   all up to there were good once
        24      8  incarnation of the writer
        32     16  journal id
        48      8  engine time, seconds since 1970 UTC, signed
        56      8  number of the first batch: the caller's count, not looked at
        64      4  batches: likewise
        68      4  buffers in the body
        72      8  bytes of the frame: header, body, padding; a multiple of 4096
        80     16  XXH3-128 of all that follows the header, padding too: no bit is left out
        96     16  chain: XXH3-128 of the 128 header bytes of the frame before, which hold the digest of that frame's
                   body and its own chain; of frame 1, XXH3-128 of the journal id
       112      8  zero
       120      8  XXH3-64 of the 120 bytes before: the header is known to be whole before a length is believed

    Body: the table of lengths, 8 bytes for each buffer; then the buffers. The table and each buffer are followed
    by zeros up to a multiple of 64 counted from the frame's start, so that what reads them can use them where
    they lie. Zeros up to the end of the frame.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import NamedTuple

from xxhash import xxh3_64_intdigest, xxh3_128, xxh3_128_digest

from pipeline.journal.disk import Buffer

__all__ = [
    "BLOCK",
    "HEADER_BYTES",
    "ID_BYTES",
    "SEGMENT_BYTES_MIN",
    "SEGMENT_HEADER_BYTES",
    "FrameHeader",
    "Mark",
    "SegmentHeader",
    "after",
    "body_digest",
    "body_pieces",
    "body_views",
    "frame_bytes",
    "frame_starts",
    "origin",
    "segment_index",
    "segment_name",
]

BLOCK = 4096
SEGMENT_HEADER_BYTES = 4096
HEADER_BYTES = 128
ID_BYTES = 16
SEGMENT_BYTES_MIN = SEGMENT_HEADER_BYTES + BLOCK

ALIGN = 64
BUFFERS_MAX = (1 << 32) - 1
VERSION = 1
SEGMENT_MAGIC = b"FKSEGMNT"
FRAME_MAGIC = b"FKFRAME1"
SEGMENT = struct.Struct("<8sIIQQ16sQ4032x")
FRAME = struct.Struct("<8sQQQ16sqQIIQ16s16s8x")
CHECKSUM = struct.Struct("<Q")
NAME = re.compile(r"segment-([0-9]{12})\.journal")
ZEROS = bytes(BLOCK)


class Mark(NamedTuple):
    """A place in the journal: right behind frame `number`, and the chain that leads there."""

    number: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What the header block of a segment says."""

    index: int
    size_bytes: int
    journal_id: bytes
    incarnation: int

    def pack(self) -> bytes:
        """The block."""
        block = SEGMENT.pack(
            SEGMENT_MAGIC, VERSION, BLOCK, self.index, self.size_bytes, self.journal_id, self.incarnation
        )
        return block + CHECKSUM.pack(xxh3_64_intdigest(block))

    @classmethod
    def unpack(cls, block: Buffer) -> SegmentHeader | None:
        """The header that a block holds, or None where it holds no whole one of this version."""
        if len(block) < SEGMENT.size + CHECKSUM.size:
            return None
        magic, version, size, index, size_bytes, journal_id, incarnation = SEGMENT.unpack_from(block)
        (checksum,) = CHECKSUM.unpack_from(block, SEGMENT.size)
        whole = checksum == xxh3_64_intdigest(memoryview(block)[: SEGMENT.size])
        if (magic, version, size, whole) != (SEGMENT_MAGIC, VERSION, BLOCK, True):
            return None
        return cls(index, size_bytes, journal_id, incarnation)


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What the header of a frame says."""

    number: int
    durable: int
    incarnation: int
    journal_id: bytes
    now_s: int
    first_batch: int
    batches: int
    buffers: int
    size_bytes: int
    digest: bytes
    chain: bytes

    def pack(self) -> bytes:
        """The header's bytes."""
        header = FRAME.pack(
            FRAME_MAGIC,
            self.number,
            self.durable,
            self.incarnation,
            self.journal_id,
            self.now_s,
            self.first_batch,
            self.batches,
            self.buffers,
            self.size_bytes,
            self.digest,
            self.chain,
        )
        return header + CHECKSUM.pack(xxh3_64_intdigest(header))

    @classmethod
    def unpack(cls, data: Buffer) -> FrameHeader | None:
        """The header with which these bytes begin, or None where they begin with no whole one."""
        if len(data) < HEADER_BYTES or data[:8] != FRAME_MAGIC:
            return None
        (checksum,) = CHECKSUM.unpack_from(data, FRAME.size)
        if checksum != xxh3_64_intdigest(memoryview(data)[: FRAME.size]):
            return None
        return cls(*FRAME.unpack_from(data)[1:])


def origin(journal_id: bytes) -> Mark:
    """The place before frame 1."""
    return Mark(0, xxh3_128_digest(journal_id))


def after(number: int, header: Buffer) -> Mark:
    """The place right behind a frame, by its header's bytes."""
    return Mark(number, xxh3_128_digest(header))


def aligned(count: int, multiple: int) -> int:
    """The next multiple of a number of bytes."""
    return -(-count // multiple) * multiple


def frame_bytes(buffers: int, body_bytes: int) -> int:
    """At most so many bytes does a frame take whose buffers, so many, hold so many bytes together."""
    return aligned(HEADER_BYTES + aligned(8 * buffers, ALIGN) + body_bytes + (ALIGN - 1) * buffers, BLOCK)


def frame_starts(begin: int, end: int) -> range:
    """Where a frame can start in this part of a segment."""
    return range(aligned(begin, BLOCK), end - HEADER_BYTES + 1, BLOCK)


def body_pieces(buffers: list[Buffer]) -> tuple[list[Buffer], int]:
    """What follows the header: table, buffers, zeros between and behind; and the bytes of the whole frame."""
    if len(buffers) > BUFFERS_MAX:
        raise ValueError(f"{len(buffers)} buffers in one frame; at most {BUFFERS_MAX} can be counted")
    at = HEADER_BYTES + 8 * len(buffers)
    pieces: list[Buffer] = [struct.pack(f"<{len(buffers)}Q", *map(len, buffers))]
    for buffer in buffers:
        gap = -at % ALIGN
        pieces += (ZEROS[:gap], buffer) if gap else (buffer,)
        at += gap + len(buffer)
    pieces.append(ZEROS[: -at % BLOCK])
    return pieces, aligned(at, BLOCK)


def body_digest(pieces: list[Buffer]) -> bytes:
    """The digest of what follows a header."""
    state = xxh3_128()
    for piece in pieces:
        state.update(piece)
    return state.digest()


def body_views(header: FrameHeader, frame: memoryview) -> list[memoryview] | None:
    """The buffers of a frame whose digest is right, as they lie in it; None if the table makes no sense."""
    at = HEADER_BYTES + 8 * header.buffers
    if at > len(frame):
        return None
    views = []
    for length in struct.unpack_from(f"<{header.buffers}Q", frame, HEADER_BYTES):
        at = aligned(at, ALIGN)
        views.append(frame[at : at + length])
        at += length
    return views if aligned(at, BLOCK) == len(frame) else None


def segment_name(index: int) -> str:
    """The file of a segment."""
    return f"segment-{index:012d}.journal"


def segment_index(name: str) -> int | None:
    """The index of the segment that a file is, or None if it is none."""
    found = NAME.fullmatch(name)
    return int(found[1]) if found else None
