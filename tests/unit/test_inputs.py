"""Batches in every form and type that they may come in: what the core gets is always the same."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fastcore.errors import SchemaError
from fastcore.inputs import take

SECONDS = pa.timestamp("s", "UTC")
READS = {
    "meter_id": pa.array([7, 2**64 - 1], pa.uint64()),
    "at": pa.array([900, 1800], SECONDS),
    "value": pa.array([-5, 2**62], pa.int64()),
    "status": pa.array([0, 65535], pa.uint16()),
}
STRUCT = pa.StructArray.from_arrays(list(READS.values()), list(READS))
PLAIN = {
    "meter_id": [7, 2**64 - 1],
    "at": [900, 1800],
    "value": [-5, 2**62],
    "status": [0, 65535],
}
PAYMENTS = {
    "payment_id": pa.array([b"a" * 16, b"b" * 15 + b"\0"], pa.binary(16)),
    "account_id": pa.array(["A", "é"]),
    "kind": pa.array(["top_up", "reversal"]),
    "amount": pa.array([Decimal("1.5"), Decimal("-0.000000001")], pa.decimal64(18, 9)),
    "at": pa.array([900, 1800], SECONDS),
}
METERS = {
    "meter_id": pa.array(["M"]),
    "role": pa.array(["consumer"]),
    "account_id": pa.array(["A"]),
    "reading": pa.array(["register"]),
    "interval_s": pa.array([900], pa.int32()),
    "wh_per_count": pa.array([1], pa.int64()),
    "modulus": pa.array([0], pa.int64()),
    "max_w": pa.array([0], pa.int64()),
    "switchable": pa.array([True]),
}


class Exporter:
    """Speaks one half of the PyCapsule interface and is nothing else."""

    def __init__(self, held):
        self.held = held


class ArrayExporter(Exporter):
    def __arrow_c_array__(self, requested_schema=None):
        return self.held.__arrow_c_array__(requested_schema)


class StreamExporter(Exporter):
    def __arrow_c_stream__(self, requested_schema=None):
        return self.held.__arrow_c_stream__(requested_schema)


def batch(columns=READS, **changed) -> pa.RecordBatch:
    """A batch of these columns with some changed; None leaves one out."""
    return pa.record_batch({name: array for name, array in (columns | changed).items() if array is not None})


def one(kind: str, columns: dict[str, pa.Array], name: str, array: object) -> pa.Array:
    """What a column becomes in a batch with all the others as they should be."""
    return take(kind, batch(columns, **{name: array}), None).columns[name]


def check_reads(taken) -> None:
    assert (taken.rows, taken.ids) == (2, "uint64")
    assert {name: array.to_pylist() for name, array in taken.columns.items()} == PLAIN
    assert [str(array.type) for array in taken.columns.values()] == ["uint64", "int64", "int64", "uint16"]
    check_plain(taken)


def check_plain(taken) -> None:
    """Each column is one array, sound and aligned."""
    for array in taken.columns.values():
        array.validate(full=True)
        assert isinstance(array, pa.Array)
        assert len(array) == taken.rows
        assert all(buffer is None or buffer.address % 8 == 0 for buffer in array.buffers())


@pytest.mark.parametrize(
    "form",
    [
        batch(),
        pa.table(READS),
        pa.table(READS).slice(0, 2),
        pa.concat_tables([pa.table(READS).slice(0, 1), pa.table(READS).slice(1, 1)]),
        pa.concat_batches([batch(), batch()]).slice(2, 2),
        ArrayExporter(batch()),
        StreamExporter(pa.table(READS)),
        STRUCT,
        ArrayExporter(
            pa.concat_arrays([pa.StructArray.from_arrays(list(READS.values()), list(READS))] * 2).slice(2)
        ),
        pl.from_arrow(pa.table(READS | {"at": READS["at"].cast(pa.timestamp("ms", "UTC"))})),
        pd.DataFrame(
            {
                "meter_id": np.array(PLAIN["meter_id"], np.uint64),
                "at": pd.to_datetime([900, 1800], unit="s", utc=True),
                "value": PLAIN["value"],
                "status": np.array(PLAIN["status"], np.uint16),
            }
        ),
        READS,
        {
            "meter_id": np.array(PLAIN["meter_id"], np.uint64),
            "at": np.array(PLAIN["at"], "M8[s]"),
            "value": np.array(PLAIN["value"]),
            "status": np.array(PLAIN["status"], np.uint16),
        },
        {
            "meter_id": np.array([7, 0, 2**64 - 1, 0], np.uint64)[::2],
            "at": np.array(PLAIN["at"]),
            "value": np.array([2**62, -5])[::-1],
            "status": np.array(PLAIN["status"], object),
        },
        PLAIN,
        PLAIN | {"at": tuple(datetime.fromtimestamp(at, timezone(timedelta(hours=8))) for at in PLAIN["at"])},
        PLAIN | {"value": pl.Series(PLAIN["value"]), "at": pa.chunked_array([[900], [1800]])},
    ],
    ids=lambda form: type(form).__name__,
)
def test_a_batch_in_every_form(form):
    check_reads(take("reads", form, None))


def test_a_batch_as_it_should_be_is_not_copied():
    reads = batch()
    taken = take("reads", reads, "uint64")
    for name, array in READS.items():
        assert taken.columns[name].buffers()[1].address == array.buffers()[1].address
    assert list(taken.columns) == list(READS)


def test_columns_in_any_order_and_extra_ones_are_ignored():
    extra = pa.array([{"a": [1]}, None])
    columns = dict(reversed(READS.items()))
    check_reads(take("reads", pa.record_batch({"x": extra} | columns | {"y": extra}), None))


@pytest.mark.parametrize("kind", [pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16(), pa.uint32()])
def test_narrower_integers_are_widened(kind):
    for name in ("value", "at"):
        found = one("reads", READS, name, pa.array([1, 100], kind))
        assert (found.type, found.to_pylist()) == (pa.int64(), [1, 100])


@pytest.mark.parametrize("kind", [pa.uint8(), pa.uint16(), pa.uint32()])
def test_narrower_ids_are_widened(kind):
    found = one("reads", READS, "meter_id", pa.array([1, 100], kind))
    assert (found.type, found.to_pylist()) == (pa.uint64(), [1, 100])


def test_a_narrower_status_and_interval_are_widened():
    assert one("reads", READS, "status", pa.array([1, 2], pa.uint8())).type == pa.uint16()
    for kind in (pa.int8(), pa.int16(), pa.uint8(), pa.uint16()):
        assert one("meters", METERS, "interval_s", pa.array([60], kind)) == pa.array([60], pa.int64())


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("tz", ["UTC", "Etc/UTC", "+00:00", "GMT"])
def test_instants_of_every_unit(unit, tz):
    array = READS["at"].cast(pa.timestamp(unit, tz))
    assert one("reads", READS, "at", array).to_pylist() == [900, 1800]


@pytest.mark.parametrize(
    "kind",
    [
        pa.decimal32(9, 2),
        pa.decimal64(18, 9),
        pa.decimal64(18, 1),
        pa.decimal128(38, 8),
        pa.decimal256(50, 9),
    ],
)
def test_decimals_that_fit(kind):
    found = one("payments", PAYMENTS, "amount", pa.array([Decimal("1.5"), Decimal("-250")], kind))
    assert found == pa.array([1_500_000_000, -250_000_000_000], pa.int64())


def test_a_decimal_of_negative_scale_fits_too():
    found = one(
        "payments", PAYMENTS, "amount", pa.array([Decimal("1E+3"), Decimal("-2E+2")], pa.decimal128(10, -2))
    )
    assert found.to_pylist() == [1000 * 10**9, -200 * 10**9]


def test_the_largest_amount_fits():
    largest = Decimal("999999999.999999999")
    assert one("payments", PAYMENTS, "amount", pa.array([largest, -largest])).to_pylist() == [
        10**18 - 1,
        1 - 10**18,
    ]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["A", "é"], pa.large_string()),
        pa.array(["A", "é"], pa.string_view()),
        pa.array(["A", "é"]).dictionary_encode(),
        pa.array(["A", "é"], pa.dictionary(pa.uint8(), pa.large_string())),
        pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.int8()), pa.array(["é", "A", None])),
        pa.array(["x", "A", "é"]).slice(1),
        pa.array(["x", "A", "é"]).dictionary_encode().slice(1),
    ],
    ids=lambda array: str(array.type),
)
def test_text_of_every_layout(array):
    taken = take("payments", batch(PAYMENTS, account_id=array, kind=array), "utf8")
    assert taken.ids == "utf8"
    assert taken.columns["account_id"] == taken.columns["kind"] == pa.array(["A", "é"])
    check_plain(taken)


def test_ids_of_any_length_pass():
    ids = ["", "x" * 65]
    assert one("payments", PAYMENTS, "account_id", pa.array(ids)).to_pylist() == ids


def test_dictionaries_that_differ_by_chunk():
    chunked = pa.chunked_array([pa.array(["A"]).dictionary_encode(), pa.array(["é"]).dictionary_encode()])
    table = pa.table(PAYMENTS).set_column(1, "account_id", chunked)
    assert take("payments", table, None).columns["account_id"].to_pylist() == ["A", "é"]


RAW = [b"a" * 16, b"b" * 15 + b"\0"]


@pytest.mark.parametrize(
    "ids",
    [
        PAYMENTS["payment_id"],
        PAYMENTS["payment_id"].cast(pa.uuid()),
        RAW,
        [uuid.UUID(bytes=raw) for raw in RAW],
        np.array(RAW, "S16"),
        np.array(RAW, "V16"),
        np.array([list(raw) for raw in RAW], np.uint8),
        np.array(RAW, object),
    ],
    ids=lambda ids: str(getattr(ids, "dtype", getattr(ids, "type", type(ids[0])))),
)
def test_payment_ids_of_every_kind(ids):
    found = take("payments", PAYMENTS | {"payment_id": ids}, None).columns["payment_id"]
    assert (found.type, found.to_pylist()) == (pa.binary(16), RAW)


def test_flags_are_bytes():
    assert one("meters", METERS, "switchable", pa.array([True])) == pa.array([1], pa.uint8())
    assert take("meters", METERS | {"switchable": np.array([False])}, None).columns[
        "switchable"
    ].to_pylist() == [0]


def test_optional_columns_may_be_absent_hold_nulls_or_have_no_type():
    columns = {"op": pa.array(["a", "b"]), "value": pa.array([1, None], pa.int32()), "text": pa.nulls(2)}
    taken = take("updates", pa.table(columns), "uint64")
    assert (list(taken.columns), taken.ids) == (["op", "value"], None)
    assert taken.columns["value"].to_pylist() == [1, None]
    check_plain(taken)


def test_ids_are_those_of_the_batch():
    assert (
        take("updates", pa.table({"op": ["a"], "account_id": ["A"], "meter_id": [None]}), None).ids == "utf8"
    )
    acks = {"command_id": pa.array([1], pa.uint64()), "outcome": ["done"], "at": [5]}
    taken = take("acks", acks, "utf8")
    assert (taken.ids, taken.columns["command_id"].type) == (None, pa.uint64())


def test_aware_datetimes_and_decimals_in_lists():
    columns = PAYMENTS | {
        "at": [datetime(1970, 1, 1, 0, 15, tzinfo=UTC)] * 2,
        "amount": [Decimal("2.5"), Decimal(-1)],
    }
    taken = take("payments", columns, None)
    assert taken.columns["at"].to_pylist() == [900, 900]
    assert taken.columns["amount"].to_pylist() == [2_500_000_000, -1_000_000_000]


@pytest.mark.parametrize(
    "rows", [batch().slice(0, 0), pa.table(READS).slice(0, 0), pa.schema(batch().schema).empty_table()]
)
def test_a_batch_without_rows(rows):
    taken = take("reads", rows, None)
    assert (taken.rows, taken.ids, len(taken.columns)) == (0, "uint64", 4)
    check_plain(taken)


def test_a_tick_has_no_rows():
    for nothing in (None, {}, pa.table({}), pa.table({"x": pa.array([], pa.int8())})):
        assert take("tick", nothing, "utf8") == (0, None, {})
    for something in ({"x": []}, pa.table({"x": [1]})):
        with pytest.raises(SchemaError, match=r"^tick: expected None, or a batch without rows; found"):
            take("tick", something, None)


def test_misaligned_columns_are_copied():
    raw = pa.py_buffer(b"\0" * 3 + np.array([900, 1800]).tobytes()).slice(3)
    taken = take("reads", batch(at=pa.Array.from_buffers(SECONDS, 2, [None, raw])), None)
    assert raw.address % 8 != 0
    check_reads(taken)
