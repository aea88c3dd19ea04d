"""Arrow bodies: what is made is taken back, and what claims to be one with a right digest is not believed."""

from __future__ import annotations

import random
import struct
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from fastcore import SchemaError
from fastcore.inputs import take
from pipeline.wire import (
    BODY_BYTES_MAX,
    ROWS_MAX,
    Kind,
    Reason,
    Refused,
    Role,
    engine_kind,
    read_batch,
    write_batch,
)
from pipeline.wire.schemas import SCHEMAS
from unit.wire.samples import KEY, NOON, ROLES, UTC, batch, body, message, reads, reason, rewritten, stream

END = b"\xff\xff\xff\xff\0\0\0\0"


def refused(data: bytes, rows: int = 2, kind: Kind = Kind.READS) -> Reason | None:
    """Why a body is refused whose digest and header are right."""
    return reason(rewritten(kind, data, rows), ROLES[kind])


def resigned(data: bytes, at: int, form: str, value: int) -> bytes:
    out = bytearray(data)
    struct.pack_into(form, out, at, value)
    return bytes(out)


@pytest.mark.parametrize("kind", SCHEMAS)
@pytest.mark.parametrize("ids", ["uint64", "utf8"])
def test_what_is_made_is_what_is_published(kind, ids):
    data = write_batch(kind, batch(kind, ids), ids)
    found = read_batch(kind, data, 2)
    assert found.schema.equals(SCHEMAS[kind][ids])
    assert take(engine_kind(kind), found, ids if kind is not Kind.ACKS else None).rows == 2


@pytest.mark.parametrize("kind", SCHEMAS)
def test_an_empty_batch_is_one(kind):
    assert read_batch(kind, write_batch(kind, batch(kind).slice(0, 0)), 0).num_rows == 0


def test_columns_may_come_in_any_order_and_in_types_that_cast_without_loss():
    wanted = batch(Kind.READS)
    columns = {
        "status": pa.array([0, 8], pa.uint8()),
        "remark": pa.array(["not", "sent"]),
        "value": pa.chunked_array([[400], [9000]], pa.int32()),
        "at": pa.array([NOON * 1000, (NOON + 900) * 1000], pa.timestamp("ms", "UTC")),
        "meter_id": pa.array([17, 18], pa.uint16()),
    }
    assert write_batch(Kind.READS, pa.table(columns)) == write_batch(Kind.READS, wanted)
    words = batch(Kind.PAYMENTS).set_column(2, "kind", batch(Kind.PAYMENTS)["kind"].dictionary_encode())
    assert write_batch(Kind.PAYMENTS, words) == body(Kind.PAYMENTS)
    assert write_batch(Kind.READS, pa.concat_batches([wanted, wanted]).slice(2)) == body(Kind.READS)


def test_updates_without_ids_take_the_type_of_the_node():
    plain = pa.record_batch({"op": ["suspend_trips"]})
    for ids in ("uint64", "utf8"):
        found = read_batch(Kind.UPDATES, write_batch(Kind.UPDATES, plain, ids), 1)
        assert found.schema.equals(SCHEMAS[Kind.UPDATES][ids])
    assert read_batch(Kind.UPDATES, write_batch(Kind.UPDATES, plain), 1).schema.field(1).type == pa.uint64()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"meter_id": None}, "READS.meter_id: 0 columns; expected one of uint64 without nulls"),
        ({"value": pa.array([1, None])}, "READS.value: has 1 nulls; expected int64 without nulls"),
        ({"value": pa.array([1.5, 2])}, "READS.value: is double .*truncated.*; expected int64"),
        ({"at": pa.array([1, 2001], pa.timestamp("ms", "UTC"))}, "READS.at: is timestamp.*lose data"),
        ({"status": pa.array([0, 70_000])}, "READS.status: is int64 .*; expected uint16"),
    ],
)
def test_what_cannot_be_sent_is_told_before_it_is(changes, told):
    columns = dict(zip(batch(Kind.READS).schema.names, batch(Kind.READS), strict=True))
    columns = {name: column for name, column in (columns | changes).items() if column is not None}
    with pytest.raises(SchemaError, match=told):
        write_batch(Kind.READS, pa.record_batch(columns))


def test_a_batch_has_its_limits():
    assert reason(message(data=write_batch(Kind.READS, reads(ROWS_MAX)), rows=ROWS_MAX)) is None
    with pytest.raises(SchemaError, match=r"65537 rows in one batch; expected at most 65536"):
        write_batch(Kind.READS, reads(ROWS_MAX + 1))
    many = stream(reads(ROWS_MAX + 1))
    assert refused(many, ROWS_MAX + 1) is Reason.ROWS
    long = pa.record_batch({"district_id": pa.array([1], pa.uint64()), "name": ["x" * BODY_BYTES_MAX]})
    with pytest.raises(SchemaError, match="expected at most 16777216, so send fewer rows"):
        write_batch(Kind.DISTRICTS, long)


def test_what_other_writers_make_is_taken_if_it_is_the_same():
    for options in ({"metadata_version": pa.ipc.MetadataVersion.V5}, {"allow_64bit": True}):
        assert refused(stream(reads(2), **options)) is None
    told = reads(2).replace_schema_metadata({"written by": "somebody else"})
    assert refused(stream(told)) is None, "metadata of the schema is not looked at"


def test_schemas_must_be_equal():
    good = reads(2)
    others = [
        good.select(["at", "meter_id", "value", "status"]),
        good.select(["meter_id", "at", "value"]),
        good.append_column("more", pa.array([1, 2])),
        good.rename_columns(["meter", "at", "value", "status"]),
        good.set_column(2, "value", pa.array([1, 2], pa.int32())),
        good.set_column(1, "at", pa.array([NOON, NOON], pa.timestamp("ms", "UTC"))),
        good.set_column(1, "at", pa.array([NOON, NOON], pa.timestamp("s"))),
        good.set_column(2, pa.field("value", pa.int64(), nullable=True), pa.array([1, 2])),
        good.set_column(
            0, pa.field("meter_id", pa.large_string(), False), pa.array(["a", "b"], pa.large_string())
        ),
        good.set_column(
            0, pa.field("meter_id", pa.string_view(), False), pa.array(["a", "b"], pa.string_view())
        ),
    ]
    assert {refused(stream(other)) for other in others} == {Reason.SCHEMA}


def test_dictionaries_are_refused():
    payments = read_batch(Kind.PAYMENTS, body(Kind.PAYMENTS), 2)
    words = payments.set_column(
        2,
        pa.field("kind", pa.dictionary(pa.int32(), pa.string()), False),
        payments["kind"].dictionary_encode(),
    )
    assert refused(stream(words), kind=Kind.PAYMENTS) is Reason.SCHEMA
    assert refused(body(Kind.PAYMENTS), kind=Kind.PAYMENTS) is None


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_a_compressed_bomb_is_refused_before_anything_is_reserved(codec):
    zeros = pa.record_batch([pa.array(np.zeros(4_000_000, np.int64))], names=["x"])
    bomb = stream(zeros, compression=codec)
    assert len(bomb) < 200_000
    assert refused(bomb) is Reason.SCHEMA
    honest = stream(reads(ROWS_MAX), compression=codec)
    # What a buffer claims to hold uncompressed stands in its first 8 bytes.
    buffers = SCHEMA_BYTES + 8 + struct.unpack_from("<i", honest, SCHEMA_BYTES + 4)[0]
    claim = honest[:buffers] + honest[buffers:].replace(
        struct.pack("<q", 8 * ROWS_MAX), struct.pack("<q", 1 << 50)
    )
    assert claim != honest
    before = pa.total_allocated_bytes()
    peak = pa.default_memory_pool().max_memory()
    for data in (honest, claim):
        assert refused(data, ROWS_MAX) is Reason.COMPRESSED
    assert pa.total_allocated_bytes() - before < 1 << 16
    assert pa.default_memory_pool().max_memory() == peak


def test_rows_are_those_that_the_header_says():
    good = stream(reads(2))
    assert [refused(good, rows) for rows in (0, 1, 2, 3, ROWS_MAX)] == [Reason.ROWS] * 2 + [None] + [
        Reason.ROWS
    ] * 2


def test_a_stream_holds_one_batch_and_its_end():
    good = stream(reads(2))
    assert good.endswith(END)
    spoilt = [good[: -len(END)], good + END, good + b"\0", good[:-1] + b"\1", stream([reads(2), reads(2)])]
    assert [refused(data) for data in spoilt] == [Reason.END_OF_STREAM] * 5
    empty = stream(reads(2))[:SCHEMA_BYTES] + END
    assert refused(empty) is Reason.STREAM


SCHEMA_BYTES = len(SCHEMAS[Kind.READS]["uint64"].serialize())


def test_nulls_are_refused_where_none_may_be():
    loose = pa.schema([field.with_nullable(True) for field in reads(1).schema])
    holes = pa.RecordBatch.from_arrays(
        [*reads(2).columns[:2], pa.array([1, None]), reads(2).columns[3]], schema=loose
    )
    data = stream(holes)
    # Under the published schema, so that only the batch itself says that there are nulls.
    strict = reads(2).schema.serialize().to_pybytes() + data[len(loose.serialize()) :]
    assert refused(strict) is Reason.NULLS
    assert refused(data) is Reason.SCHEMA
    named = write_batch(Kind.DISTRICTS, batch(Kind.DISTRICTS))
    assert refused(named, kind=Kind.DISTRICTS) is None, "an optional column may have them"


def test_what_is_no_number_and_no_text_is_refused():
    payments = read_batch(Kind.PAYMENTS, body(Kind.PAYMENTS), 2)
    amount = payments["amount"].buffers()[1].to_pybytes()
    wide = body(Kind.PAYMENTS).replace(amount[:8], struct.pack("<q", 10**18))
    text = body(Kind.PAYMENTS).replace(b"top_up", b"top\xffup")
    assert [refused(data, kind=Kind.PAYMENTS) for data in (wide, text)] == [Reason.INVALID] * 2
    assert Decimal("50") in payments["amount"].to_pylist()


@pytest.mark.parametrize("offsets", [(0, 6, 2**31 - 1), (0, -4, 14), (6, 0, 14), (-8, 6, 14), (0, 6, 20_000)])
def test_hostile_offsets_are_refused(offsets):
    good = body(Kind.PAYMENTS)
    at = good.index(struct.pack("<iii", 0, 6, 14))
    assert (
        refused(good[:at] + struct.pack("<iii", *offsets) + good[at + 12 :], kind=Kind.PAYMENTS)
        is Reason.INVALID
    )


def test_buffers_lie_inside_the_body():
    good = stream(reads(2))
    described = struct.pack("<8q", 0, 0, 0, 16, 16, 0, 16, 16)  # of `meter_id` and `at`: nulls, values
    at = good.index(described) + 48
    for offset, length in [
        (16, 1 << 40),
        (1 << 62, 1 << 62),
        (-16, 16),
        (16, -16),
        (4, 16),
        (4096, 16),
        (16, 8),
    ]:
        spoilt = resigned(resigned(good, at, "<q", offset), at + 8, "<q", length)
        assert refused(spoilt) is Reason.INVALID, (offset, length)
        if length != 8:
            with pytest.raises(Refused, match=f"a buffer of {length} bytes at byte {offset}"):
                read_batch(Kind.READS, spoilt, 2)


def test_truncated_at_every_byte_it_is_refused():
    for kind in (Kind.READS, Kind.PAYMENTS):
        good = body(kind)
        found = [refused(good[:end], kind=kind) for end in range(len(good))]
        assert None not in found
        assert set(found) == {Reason.SCHEMA, Reason.STREAM, Reason.END_OF_STREAM}


def test_a_schema_or_a_batch_that_claims_much_is_not_believed():
    good = stream(reads(2))
    for at, found in ((4, Reason.SCHEMA), (SCHEMA_BYTES + 4, Reason.STREAM)):
        for claim in (-1, 0, 7, 8200, 2**31 - 1, -(2**31)):
            assert refused(resigned(good, at, "<i", claim)) is found, (at, claim)
    wide = reads(2).replace_schema_metadata({"x": "y" * 9000})
    assert refused(stream(wide)) is Reason.SCHEMA


@pytest.mark.parametrize("kind", [Kind.READS, Kind.PAYMENTS, Kind.METERS])
def test_every_bit_flipped_under_a_right_digest_is_refused_or_harmless(kind):
    """Whatever is taken can be walked through by the engine's own reader without harm."""
    good = body(kind)
    taken = 0
    for at in range(len(good)):
        for bit in range(8):
            data = bytearray(good)
            data[at] ^= 1 << bit
            taken += _walk(kind, bytes(data))
    assert 0 < taken < 8 * len(good)


def test_metadata_shuffled_at_random_is_refused_or_harmless():
    """Numbers written over others, at places where FlatBuffers keep offsets, lengths and counts."""
    dice = random.Random(7)
    good = body(Kind.PAYMENTS)
    numbers = [0, 1, 2, 3, 8, 16, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 8]
    taken = 0
    for _ in range(6_000):
        data = bytearray(good)
        for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
            at = dice.randrange(len(good) - 3) & ~3
            struct.pack_into("<I", data, at, dice.choice(numbers))
        taken += _walk(Kind.PAYMENTS, bytes(data))
    assert 0 < taken < 6_000


def _walk(kind: Kind, data: bytes) -> bool:
    try:
        found = read_batch(kind, data, 2)
    except Refused:
        return False
    assert found.num_rows == 2
    for column in found.columns:
        values = column.view(pa.int64()) if pa.types.is_timestamp(column.type) else column
        assert len(values.to_pylist()) == 2
    try:
        take(engine_kind(kind), found, "uint64")
    except SchemaError:
        return False
    return True


def test_roles_are_looked_at_before_a_body_is():
    assert reason(rewritten(Kind.READS, b"\0" * 4096), Role.PAYMENTS, key=KEY) is Reason.ROLE
    assert refused(b"\0" * 4096) is Reason.SCHEMA
    assert str(UTC) == "timestamp[s, tz=UTC]"
