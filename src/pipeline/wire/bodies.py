"""Arrow bodies: one IPC stream of one batch, made and read.

What is accepted is narrower than what Arrow's reader would take: a schema message, one record batch, the end of the
stream, and nothing else; no compression, no dictionaries, no metadata on the batch, each buffer inside the body and
on a multiple of 8. All that is looked at in the bytes themselves, before anything is reserved for them, so that what a
body costs is bounded by its own length whatever it claims. Then Arrow reads it, without a copy, and validates it.

::

    bytes
        4  ff ff ff ff
        4  m: bytes of the schema's metadata, int32, a multiple of 8
        m  the schema's metadata, a FlatBuffer
        4  ff ff ff ff
        4  n: bytes of the batch's metadata, int32, a multiple of 8
        n  the batch's metadata, a FlatBuffer, which tells the bytes b of the buffers
        b  the buffers
        8  ff ff ff ff 00 00 00 00, the end
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import pyarrow as pa

from fastcore.errors import SchemaError
from fastcore.inputs import UNSOUND
from pipeline.wire.flat import BatchMetadata, Broken, batch_metadata
from pipeline.wire.header import Buffer
from pipeline.wire.kinds import ARROW_BYTES_MAX, ROWS_MAX, Kind
from pipeline.wire.refusals import Reason, Refused
from pipeline.wire.schemas import COMMANDS, IDS, SCHEMAS, Ids

__all__ = ["END", "METADATA_BYTES_MAX", "head_bytes", "read_batch", "write_batch"]

METADATA_BYTES_MAX: Final = 8192
"""Of a schema or a batch; the largest that is published takes less than a fifth."""

_START: Final = b"\xff\xff\xff\xff"
END: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""How a stream ends."""
_LENGTH: Final = struct.Struct("<4si")
_UNSOUND: Final = (*UNSOUND, OSError)
"""What PyArrow raises at a stream that is damaged."""


class _Published(NamedTuple):
    """A schema, the bytes as which Arrow writes it, and what a batch of it is made of."""

    ids: Ids
    schema: pa.Schema
    prefix: bytes
    required: tuple[int, ...]
    buffers: int


def _publish(ids: Ids, schema: pa.Schema) -> _Published:
    buffers = sum(3 if pa.types.is_string(kind) else 2 for kind in schema.types)
    required = tuple(i for i, field in enumerate(schema) if not field.nullable)
    return _Published(ids, schema, schema.serialize().to_pybytes(), required, buffers)


_PUBLISHED: Final[dict[Kind, list[_Published]]] = {
    kind: [_publish(ids, schema) for ids, schema in by_ids.items()]
    for kind, by_ids in {**SCHEMAS, Kind.COMMAND: COMMANDS}.items()
}


def write_batch(kind: Kind, batch: pa.RecordBatch | pa.Table, ids: Ids | None = None) -> bytes:
    """The body of a batch, whose columns may stand in any order and be of any type that casts without loss.

    Columns that the kind does not have are left out; optional ones that are missing are all null. `ids` is the type
    of the node's ids: without it, it is that of the batch's, and ``uint64`` where the batch has none. Raises
    `SchemaError` for a column that does not fit, and for more rows or bytes than a message takes.
    """
    if batch.num_rows > ROWS_MAX:
        raise SchemaError(f"{kind.name}: {batch.num_rows} rows in one batch; expected at most {ROWS_MAX}")
    published = _PUBLISHED[kind][list(IDS).index(ids or _ids_of(batch.schema))]
    columns = [_column(kind, batch, field) for field in published.schema]
    made = pa.RecordBatch.from_arrays(columns, schema=published.schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, published.schema) as writer:
        writer.write_batch(made)
    body: bytes = sink.getvalue().to_pybytes()
    if len(body) > ARROW_BYTES_MAX:
        raise SchemaError(
            f"{kind.name}: a batch of {len(body)} bytes; expected at most {ARROW_BYTES_MAX}, so send fewer rows"
        )
    return body


def read_batch(kind: Kind, body: Buffer, rows: int) -> pa.RecordBatch:
    """The batch in a body, over the body's own bytes; raises `Refused`, checking cheapest first."""
    if rows > ROWS_MAX:
        raise Refused(Reason.ROWS, f"{rows} rows in one batch; expected at most {ROWS_MAX}")
    published, at = _schema(kind, body)
    metadata = _metadata(published, body, at)
    start = at
    at += _LENGTH.size + _LENGTH.unpack_from(body, at)[1]
    if metadata.rows != rows or any(count != rows for count in metadata.nodes[::2]):
        raise Refused(Reason.ROWS, f"a batch of {metadata.rows} rows; the header says {rows}")
    behind = len(body) - at - metadata.body_bytes
    if behind != len(END) or body[-len(END) :] != END:
        raise Refused(
            Reason.END_OF_STREAM,
            f"{behind} bytes behind the one batch; expected the end of the stream, 8 bytes",
        )
    _buffers(metadata)
    try:
        batch = pa.ipc.read_record_batch(pa.py_buffer(body)[start : len(body) - len(END)], published.schema)
        batch.validate(full=True)
    except _UNSOUND as error:
        raise Refused(Reason.INVALID, f"damaged columns: {error}") from None
    for i in published.required:
        if metadata.nodes[2 * i + 1]:
            raise Refused(Reason.NULLS, f"column {published.schema.names[i]} has nulls; expected none")
    return batch


def head_bytes(body: Buffer) -> int:
    """How many bytes schema and metadata of the batch take, if the body is what it should be; 0 if it is too short.

    Nothing is checked: what lies there is to be compared with what has been.
    """
    end = 0
    for _ in range(2):
        if end + _LENGTH.size > len(body):
            return 0
        end += _LENGTH.size + max(_LENGTH.unpack_from(body, end)[1], 0)
    return end if end <= len(body) else 0


def _schema(kind: Kind, body: Buffer) -> tuple[_Published, int]:
    """The published schema that a body begins with, and the byte behind it."""
    for published in _PUBLISHED[kind]:
        if body[: len(published.prefix)] == published.prefix:
            return published, len(published.prefix)
    end = _message(body, 0, Reason.SCHEMA)
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(body)[:end])
        for published in _PUBLISHED[kind]:
            if schema.equals(published.schema):
                return published, end
        found = _told(schema)
    except _UNSOUND as error:
        raise Refused(Reason.SCHEMA, f"the stream does not begin with a schema: {error}") from None
    expected = " or ".join(_told(published.schema) for published in _PUBLISHED[kind])
    raise Refused(Reason.SCHEMA, f"columns {found}; expected {expected}")


def _message(body: Buffer, at: int, reason: Reason) -> int:
    """The byte behind the metadata of the message that begins at a byte."""
    start, length = _LENGTH.unpack_from(body, at) if at + _LENGTH.size <= len(body) else (b"", 0)
    end: int = at + _LENGTH.size + length
    if start != _START or not 0 < length <= METADATA_BYTES_MAX or length % 8 or end > len(body):
        raise Refused(
            reason,
            f"no message of Arrow's stream at byte {at}; expected ffffffff, then at most {METADATA_BYTES_MAX} bytes of "
            "metadata, a multiple of 8, and their number",
        )
    return end


def _metadata(published: _Published, body: Buffer, at: int) -> BatchMetadata:
    end = _message(body, at, Reason.STREAM)
    try:
        metadata = batch_metadata(
            memoryview(body)[at + _LENGTH.size : end], len(published.schema), published.buffers
        )
    except Broken as error:
        raise Refused(Reason.STREAM, str(error)) from None
    if metadata.compressed:
        raise Refused(Reason.COMPRESSED, "compressed buffers; expected plain ones")
    return metadata


def _buffers(metadata: BatchMetadata) -> None:
    """Raise `Refused` if a buffer is not where it may be, or a column has an impossible number of nulls."""
    for offset, length in zip(metadata.buffers[::2], metadata.buffers[1::2], strict=True):
        if offset % 8 or not 0 <= offset <= offset + length <= metadata.body_bytes or length < 0:
            raise Refused(
                Reason.INVALID,
                f"a buffer of {length} bytes at byte {offset}; expected a multiple of 8, inside the "
                f"{metadata.body_bytes} bytes of buffers",
            )
    for count in metadata.nodes[1::2]:
        if not 0 <= count <= metadata.rows:
            raise Refused(Reason.INVALID, f"a column of {count} nulls in {metadata.rows} rows")


def _ids_of(schema: pa.Schema) -> Ids:
    """The type of the first column of ids that says one."""
    for name in ("meter_id", "account_id", "district_id"):
        place = schema.get_field_index(name)
        if place >= 0 and not pa.types.is_null(schema.field(place).type):
            return "uint64" if pa.types.is_integer(schema.field(place).type) else "utf8"
    return "uint64"


def _column(kind: Kind, batch: pa.RecordBatch | pa.Table, field: pa.Field) -> pa.Array:
    places = batch.schema.get_all_field_indices(field.name)
    if not places and field.nullable:
        return pa.nulls(batch.num_rows, field.type)
    expected = f"{field.type}" + ("" if field.nullable else " without nulls")
    if len(places) != 1:
        raise SchemaError(f"{kind.name}.{field.name}: {len(places)} columns; expected one of {expected}")
    column = batch.column(places[0])
    try:
        column = column.cast(field.type)
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
    except _UNSOUND as error:
        raise SchemaError(
            f"{kind.name}.{field.name}: is {column.type} ({error}); expected {expected}"
        ) from None
    if column.null_count and not field.nullable:
        raise SchemaError(f"{kind.name}.{field.name}: has {column.null_count} nulls; expected {expected}")
    return column


def _told(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name}: {field.type}" + "?" * field.nullable for field in schema)
