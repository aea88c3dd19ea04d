"""The header: 128 bytes, the first of the two frames of every message.

All numbers are little-endian::

    offset  bytes
         0      4  "FKWM"
         4      2  version of the format: 1
         6      2  kind
         8     32  producer: the public CURVE key of whose line this is, in both directions
        40      8  epoch
        48      8  session; 0 in HELLO, and where there is none
        56      8  seq
        64      4  rows
        68      4  zero
        72      8  bytes of the body
        80     16  XXH3-128 of the body, seed 0, the high half first
        96     24  zero
       120      8  XXH3-64 of the 120 bytes before, seed 0

A digest finds accidents; who sent the message is CURVE's affair. The checksum is there because a number is not in
the body's digest: a flipped bit of `seq` would look like a conflict, and freeze a producer that did no wrong.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from xxhash import xxh3_64_intdigest, xxh3_128_digest

from pipeline.wire.kinds import BODY_BYTES_MAX, Kind
from pipeline.wire.refusals import Reason, Refused

__all__ = ["HEADER_BYTES", "KEY_BYTES", "MAGIC", "VERSION", "Buffer", "Header", "pack"]

Buffer = bytes | bytearray | memoryview
"""Bytes of a frame; a memoryview has format ``B`` and one dimension."""

HEADER_BYTES: Final = 128
KEY_BYTES: Final = 32
MAGIC: Final = b"FKWM"
VERSION: Final = 1

_FIELDS: Final = struct.Struct("<4sHH32sQQQIIQ16s24s")
_CHECKSUM: Final = struct.Struct("<Q")
_ZEROS: Final = bytes(24)
_KINDS: Final = {int(kind): kind for kind in Kind}


class Header(NamedTuple):
    """What a header says, as it came: `kind` is one that there is, `digest` is not yet compared with a body."""

    kind: Kind
    producer: bytes
    epoch: int
    session: int
    seq: int
    rows: int
    length: int
    digest: bytes

    @classmethod
    def unpack(cls, frame: Buffer) -> Header:
        """The header in a frame; raises `Refused` where it holds no whole one."""
        if len(frame) != HEADER_BYTES:
            raise Refused(
                Reason.HEADER_LENGTH,
                f"a header of {len(frame)} bytes; expected {HEADER_BYTES}, then the body",
            )
        magic, version, kind, producer, epoch, session, seq, rows, gap, length, digest, rest = (
            _FIELDS.unpack_from(frame)
        )
        if magic != MAGIC:
            raise Refused(Reason.MAGIC, f"the header begins with {magic!r}; expected {MAGIC!r}")
        if version != VERSION:
            raise Refused(Reason.VERSION, f"version {version} of the format; this end speaks {VERSION}")
        (checksum,) = _CHECKSUM.unpack_from(frame, _FIELDS.size)
        if checksum != xxh3_64_intdigest(memoryview(frame)[: _FIELDS.size]):
            raise Refused(
                Reason.HEADER_CHECKSUM, "the header's last 8 bytes are not XXH3-64 of the 120 before them"
            )
        if gap or rest != _ZEROS:
            raise Refused(Reason.RESERVED, "reserved bytes of the header are not zero")
        known = _KINDS.get(kind)
        if known is None:
            raise Refused(Reason.KIND, f"kind {kind}, which does not exist")
        return cls(known, producer, epoch, session, seq, rows, length, digest)


def pack(
    kind: Kind,
    producer: bytes,
    body: Buffer = b"",
    *,
    epoch: int = 0,
    session: int = 0,
    seq: int = 0,
    rows: int = 0,
    digest: bytes | None = None,
) -> bytes:
    """The header of a message with this body; `digest`, where the caller has it already, saves making it."""
    if len(producer) != KEY_BYTES or len(body) > BODY_BYTES_MAX:
        raise ValueError(
            f"a key of {len(producer)} bytes and a body of {len(body)}; expected {KEY_BYTES}, at most {BODY_BYTES_MAX}"
        )
    if digest is None:
        digest = xxh3_128_digest(body)
    fields = _FIELDS.pack(
        MAGIC, VERSION, kind, producer, epoch, session, seq, rows, 0, len(body), digest, _ZEROS
    )
    return fields + _CHECKSUM.pack(xxh3_64_intdigest(fields))
