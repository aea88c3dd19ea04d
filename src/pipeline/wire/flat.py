"""As much of FlatBuffers as it takes to look at the metadata of a record batch before Arrow is let near it.

Arrow's reader decompresses a buffer, and reserves the memory that it claims to need, before anybody can ask how much
that is. Here nothing is allocated: a few offsets are followed, each checked against the bytes that are there.

A table begins with the distance, int32, back to its vtable; that holds its own bytes and the table's, uint16, and
then, per field, where in the table its value lies, 0 where the field is absent. Vectors and tables in a field are
uint32 distances forward from the field; a vector begins with its length, uint32.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from pipeline.wire.header import Buffer

__all__ = ["BatchMetadata", "Broken", "batch_metadata"]

RECORD_BATCH: Final = 3
NODE_BYTES: Final = 16
BUFFER_BYTES: Final = 16

_VERSION, _TYPE, _HEADER, _BODY_LENGTH, _CUSTOM = range(5)
_LENGTH, _NODES, _BUFFERS, _COMPRESSION, _VARIADIC = range(5)

_U8: Final = struct.Struct("<B")
_U16: Final = struct.Struct("<H")
_I32: Final = struct.Struct("<i")
_U32: Final = struct.Struct("<I")
_I64: Final = struct.Struct("<q")


class Broken(Exception):
    """Bytes that are no FlatBuffer of a record batch, or one that has what none on the wire has."""


class BatchMetadata(NamedTuple):
    """What the metadata of a record batch says.

    Attributes:
        rows: rows of the batch, as it says.
        compressed: whether its buffers are.
        body_bytes: of the buffers together.
        nodes: per column, its length and its nulls, alternating.
        buffers: per buffer, offset in the body and length, alternating.
    """

    rows: int
    compressed: bool
    body_bytes: int
    nodes: tuple[int, ...]
    buffers: tuple[int, ...]


def batch_metadata(data: Buffer, nodes: int, buffers: int) -> BatchMetadata:
    """Read the metadata of a record batch of so many nodes and buffers; raises `Broken`."""
    try:
        message = _U32.unpack_from(data, 0)[0]
        fields = _fields(data, message)
        kind = _U8.unpack_from(data, fields[_TYPE])[0] if fields[_TYPE] else 0
        if kind != RECORD_BATCH or not fields[_HEADER]:
            raise Broken(f"a message of type {kind}; expected {RECORD_BATCH}, a record batch")
        if fields[_CUSTOM]:
            raise Broken("a record batch with metadata of its own; expected none")
        body_bytes = _I64.unpack_from(data, fields[_BODY_LENGTH])[0] if fields[_BODY_LENGTH] else 0
        batch = _fields(data, _follow(data, fields[_HEADER]))
        if batch[_VARIADIC]:
            raise Broken("a record batch with columns of views; expected none")
        return BatchMetadata(
            _I64.unpack_from(data, batch[_LENGTH])[0] if batch[_LENGTH] else 0,
            bool(batch[_COMPRESSION]),
            body_bytes,
            _pairs(data, batch[_NODES], nodes, "columns"),
            _pairs(data, batch[_BUFFERS], buffers, "buffers"),
        )
    except struct.error:
        raise Broken("metadata that points outside itself") from None


def _fields(data: Buffer, table: int) -> list[int]:
    """Where each of a table's first five fields lies, 0 where it is absent."""
    vtable = table - _I32.unpack_from(data, table)[0]
    if vtable < 0:
        raise Broken("metadata that points outside itself")
    size = _U16.unpack_from(data, vtable)[0]
    out = [0] * 5
    for i in range(min(5, (size - 4) // 2)):
        at = _U16.unpack_from(data, vtable + 4 + 2 * i)[0]
        if at:
            out[i] = table + at
    return out


def _follow(data: Buffer, at: int) -> int:
    return at + int(_U32.unpack_from(data, at)[0])


def _pairs(data: Buffer, field: int, count: int, what: str) -> tuple[int, ...]:
    """The numbers of a vector of pairs of int64, which must have so many pairs."""
    at = _follow(data, field) if field else 0
    found = _U32.unpack_from(data, at)[0] if field else 0
    if found != count:
        raise Broken(f"a record batch of {found} {what}; expected {count}")
    return struct.unpack_from(f"<{2 * count}q", data, at + 4) if count else ()
