"""The metadata of a record batch, looked at byte by byte before Arrow is."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest

from pipeline.wire import Kind, Reason, Refused, read_batch
from pipeline.wire.flat import BatchMetadata, Broken, batch_metadata
from pipeline.wire.schemas import SCHEMAS
from unit.wire.samples import body, reads, reason, rewritten


def metadata_of(batch: pa.RecordBatch, **options: object) -> bytes:
    """The metadata of a batch as Arrow writes it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_batch(batch)
    data, begin = sink.getvalue().to_pybytes(), batch.schema.serialize().size
    (length,) = struct.unpack_from("<i", data, begin + 4)
    return data[begin + 8 : begin + 8 + length]


def test_what_arrow_wrote_is_read():
    assert batch_metadata(metadata_of(reads(2)), 4, 8) == BatchMetadata(
        2, False, 56, (2, 0) * 4, (0, 0, 0, 16, 16, 0, 16, 16, 32, 0, 32, 16, 48, 0, 48, 4)
    )
    assert batch_metadata(metadata_of(reads(2), compression="zstd"), 4, 8).compressed
    assert batch_metadata(metadata_of(reads(0)), 4, 8).rows == 0
    assert batch_metadata(metadata_of(pa.record_batch([], names=[])), 0, 0).nodes == ()


@pytest.mark.parametrize(
    ("nodes", "buffers", "told"), [(3, 8, "4 columns; expected 3"), (4, 7, "8 buffers; expected 7")]
)
def test_columns_and_buffers_are_counted_before_they_are_read(nodes, buffers, told):
    with pytest.raises(Broken, match=told):
        batch_metadata(metadata_of(reads(2)), nodes, buffers)


def test_a_count_that_is_claimed_reserves_nothing():
    data = bytearray(metadata_of(reads(2)))
    at = bytes(data).index(struct.pack("<I", 8) + struct.pack("<4q", 0, 0, 0, 16))
    struct.pack_into("<I", data, at, 2**32 - 1)
    with pytest.raises(Broken, match="4294967295 buffers; expected 8"):
        batch_metadata(bytes(data), 4, 8)


def test_columns_of_views_are_refused():
    views = pa.record_batch([pa.array(["a", "b"], pa.string_view())], names=["x"])
    with pytest.raises(Broken, match="columns of views"):
        batch_metadata(metadata_of(views), 1, 3)


def test_metadata_on_the_batch_is_refused():
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, reads(2).schema) as writer:
        writer.write_batch(reads(2), custom_metadata={"a": "b" * 100})
    data = sink.getvalue().to_pybytes()
    assert reason(rewritten(Kind.READS, data)) is Reason.STREAM
    with pytest.raises(Refused, match="metadata of its own"):
        read_batch(Kind.READS, data, 2)


def test_other_messages_are_none():
    schema = reads(2).schema.serialize().to_pybytes()
    with pytest.raises(Broken, match="type 1; expected 3"):
        batch_metadata(schema[8:], 4, 8)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0",
        struct.pack("<I", 4),
        struct.pack("<I", 1 << 31),
        struct.pack("<Ii", 4, 100),  # a vtable before the beginning
        struct.pack("<Ii", 4, -(2**31)),
        struct.pack("<IiHHHH", 4, -4, 8, 4, 60_000, 0),
    ],
)
def test_what_points_outside_is_none(data):
    with pytest.raises(Broken, match=r"points outside itself|a message of type 0"):
        batch_metadata(data, 4, 8)


def test_a_vtable_before_the_beginning_is_not_looked_for_at_the_end():
    good = metadata_of(reads(2))
    (table,) = struct.unpack_from("<I", good)
    vtable = table - struct.unpack_from("<i", good, table)[0]
    moved = bytearray(good + good[vtable:table])  # the same vtable, at the end
    struct.pack_into("<i", moved, table, table + len(good[vtable:table]))
    with pytest.raises(Broken, match="points outside itself"):
        batch_metadata(bytes(moved), 4, 8)


@pytest.mark.parametrize("nulls", [-1, 3, 2**62])
def test_a_column_has_no_impossible_number_of_nulls(nulls):
    good = body(Kind.DISTRICTS)
    begin = len(SCHEMAS[Kind.DISTRICTS]["uint64"].serialize())
    at = good.index(struct.pack("<4q", 2, 0, 2, 0), begin) + 24  # of `name`, which may have some
    data = good[:at] + struct.pack("<q", nulls) + good[at + 8 :]
    with pytest.raises(Refused, match=f"a column of {nulls} nulls in 2 rows"):
        read_batch(Kind.DISTRICTS, data, 2)
