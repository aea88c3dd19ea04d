"""Malformed batches: each is refused with the column, what it is and what it must be; none crashes."""

from __future__ import annotations

import random
import re
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from fastcore.errors import SchemaError
from fastcore.inputs import take
from unit.test_inputs import METERS, PAYMENTS, READS, SECONDS, batch

ZERO = Decimal(0)
MILLIS = pa.timestamp("ms", "UTC")
NULL_IN_DICTIONARY = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", None]))
RUNS = pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"]))
KINDS = {"reads": READS, "payments": PAYMENTS, "meters": METERS}


def refused(kind: str, form: object, ids: str | None = None) -> str:
    """What `take` says about a batch; an empty text if it takes it."""
    try:
        take(kind, form, ids)
    except SchemaError as error:
        return str(error)
    return ""


def text(offsets: list[int], data: bytes) -> pa.Array:
    """Text whose offsets nobody has looked at; only the last of them is checked by PyArrow itself."""
    buffers = [None, pa.py_buffer(np.array(offsets, np.int32)), pa.py_buffer(data)]
    return pa.StringArray.from_buffers(len(offsets) - 1, *buffers[1:])


def test_what_the_refused_ones_are_made_from_is_good():
    assert [refused(kind, batch(columns)) for kind, columns in KINDS.items()] == ["", "", ""]


AT, MONEY = "timestamp[s, UTC], of another unit", "decimal64(18, 9), or another decimal of scale 9"
TEXT, PAYMENT_ID = "utf8, plain or dictionary-encoded", "fixed_size_binary(16) or arrow.uuid"


def of(*values: object, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array(values, kind)


@pytest.mark.parametrize(
    ("kind", "column", "array", "found", "expected"),
    [
        ("reads", "status", None, "is missing", "uint16"),
        ("reads", "value", of(1.0, 2.0), "is double", "int64"),
        ("reads", "value", of(1, 2, kind=pa.uint64()), "is uint64", "int64"),
        ("reads", "value", of(1, None), "is null in row 1", "int64 without nulls"),
        ("reads", "value", of(None, None), "is null", "int64"),
        ("reads", "value", of(True, False), "is bool", "int64"),
        ("reads", "status", of(1, 2, kind=pa.int32()), "is int32", "uint16"),
        ("reads", "status", of(1, 2, kind=pa.int8()), "is int8", "uint16"),
        ("reads", "status", of(1, 2, kind=pa.uint32()), "is uint32", "uint16"),
        ("reads", "at", of("a", "b"), "is string", AT),
        ("reads", "at", of(1, 2, kind=pa.timestamp("s")), "is timestamp[s]", AT),
        ("reads", "at", of(1, 2, kind=pa.timestamp("s", "Asia/Tokyo")), "is timestamp[s, tz=Asia/Tokyo]", AT),
        ("reads", "at", of(1, 2, kind=pa.date32()), "is date32[day]", AT),
        ("reads", "at", of(1, 2, kind=pa.duration("s")), "is duration[s]", AT),
        (
            "reads",
            "at",
            of(1000, 1500, kind=MILLIS),
            f"is {MILLIS} (Casting from {MILLIS} to {SECONDS} would lose data: 1500)",
            AT,
        ),
        ("reads", "meter_id", of(1, 2), "is int64", "uint64 or utf8"),
        ("reads", "meter_id", of(b"1", b"2"), "is binary", "uint64 or utf8"),
        (
            "reads",
            "meter_id",
            of(1, 2).dictionary_encode(),
            "is dictionary<values=int64, indices=int32, ordered=0>",
            "uint64 or utf8",
        ),
        ("payments", "payment_id", of(b"a" * 16, b"b" * 16), "is binary", PAYMENT_ID),
        ("payments", "payment_id", of(b"a", b"b", kind=pa.binary(1)), "is fixed_size_binary[1]", PAYMENT_ID),
        ("payments", "amount", of(1.0, 2.0), "is double", MONEY),
        ("payments", "amount", of(1, 2), "is int64", MONEY),
        (
            "payments",
            "amount",
            of(ZERO, ZERO, kind=pa.decimal128(20, 10)),
            "is decimal128(20, 10)",
            MONEY,
        ),
        (
            "payments",
            "amount",
            of(ZERO, ZERO, kind=pa.decimal128(20, -39)),
            "is decimal128(20, -39)",
            MONEY,
        ),
        (
            "payments",
            "amount",
            of(ZERO, Decimal(10**9), kind=pa.decimal128(20, 2)),
            "is decimal128(20, 2) (Decimal value does not fit in precision 18)",
            MONEY,
        ),
        ("payments", "kind", of(1, 2), "is int64", TEXT),
        ("payments", "kind", of("a", None), "is null in row 1", TEXT),
        ("payments", "kind", NULL_IN_DICTIONARY, "is null in row 1", TEXT),
        ("payments", "kind", RUNS, "is run_end_encoded<run_ends: int32, values: string>", TEXT),
        ("meters", "interval_s", of(900), "is int64", "int32"),
        ("meters", "interval_s", of(900, kind=pa.uint32()), "is uint32", "int32"),
        ("meters", "switchable", of(1, kind=pa.uint8()), "is uint8", "bool"),
        ("meters", "account_id", of(5, kind=pa.uint64()), "is uint64", "utf8, as the engine's other ids are"),
    ],
)
def test_a_column_that_is_not_as_it_must_be(kind, column, array, found, expected):
    said = refused(kind, batch(KINDS[kind], **{column: array}))
    assert said.startswith(f"{kind}.{column}: {found}; expected {expected}")


def test_a_loss_limit_is_a_float64():
    columns = {"district_id": pa.array(["D"]), "loss_limit": pa.array([0.5], pa.float32())}
    assert refused("districts", pa.table(columns)) == "districts.loss_limit: is float; expected float64"


def test_the_wrong_kind_of_ids():
    assert (
        refused("reads", batch(), "utf8")
        == "reads.meter_id: is uint64; expected utf8, as the engine's other ids are"
    )
    found = refused("payments", batch(PAYMENTS), "uint64")
    assert found == "payments.account_id: is string; expected uint64, as the engine's other ids are"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("readings", "unknown kind of batch, 'readings'; expected one of accounts, meters, districts, reads"),
        ("config", "config takes its TOML as text, not a batch; expected one of accounts, meters"),
        ("", "unknown kind of batch, ''"),
    ],
)
def test_an_unknown_kind(kind, expected):
    assert refused(kind, batch()).startswith(expected)


@pytest.mark.parametrize("form", [None, 5, "text", b"", [1], [READS], object(), np.zeros(3), READS.keys()])
def test_what_is_no_batch(form):
    found = refused("reads", form)
    assert (
        found
        == f"reads: expected Arrow data, or a mapping of column name to array; found {type(form).__name__}"
    )


@pytest.mark.parametrize("form", [READS["at"], pa.chunked_array([READS["at"]]), pa.array([{"at": 1}, None])])
def test_arrow_data_that_is_no_table(form):
    assert refused("reads", form).startswith("reads: expected Arrow columns; found a damaged ")


def test_columns_of_the_same_name():
    twice = pa.RecordBatch.from_arrays([*READS.values(), READS["at"]], names=[*READS, "at"])
    assert refused("reads", twice) == "reads.at: expected one column of this name; found 2"
    others = pa.RecordBatch.from_arrays([*READS.values(), READS["at"], READS["at"]], names=[*READS, "x", "x"])
    assert refused("reads", others) == ""


def test_columns_of_different_lengths():
    found = refused("reads", READS | {"value": [1, 2, 3]})
    assert found == "reads.value: expected 2 rows, as the other columns have; found 3"


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("value", np.zeros((2, 2), int), "reads.value: only handle 1-dimensional arrays"),
        ("value", np.array([1, 2], ">i8"), "reads.value: Byte-swapped arrays not supported"),
        ("value", 5, "reads.value: is int, not an array; expected int64"),
        ("value", [2**64, 1], "reads.value: "),
        ("value", ["a", "b"], "reads.value: "),
        ("status", [-1, 0], "reads.status: "),
        ("meter_id", [-1, 0], "reads.meter_id: "),
        ("meter_id", [1, "a"], "reads.meter_id: "),
        ("meter_id", [1.5, 2.5], "reads.meter_id: is double; expected uint64 or utf8"),
        ("at", np.array([1500, 2000], "M8[ms]"), "reads.at: is timestamp[ms, tz=UTC] (Casting"),
        ("at", np.array([1, "NaT"], "M8[s]"), "reads.at: is null in row 1"),
        (
            "at",
            np.array(["2026-01-01"] * 2, "M8[s]").tolist(),
            "reads.at: is timestamp[us]; expected timestamp[s, UTC]",
        ),
    ],
)
def test_values_that_are_no_column(name, values, expected):
    assert refused("reads", READS | {name: values}).startswith(expected)


@pytest.mark.parametrize(
    "ids", [np.array([b"a"] * 2, "S15"), np.zeros((2, 8), np.uint8), np.zeros((2, 4), "u4"), [b"a"] * 2]
)
def test_payment_ids_that_are_not_16_bytes(ids):
    assert refused("payments", PAYMENTS | {"payment_id": ids}).startswith("payments.payment_id: ")


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (text([0, 99, 3], b"abc"), "Offset invariant failure"),
        (text([0, 2, 1], b"abc"), "Offset invariant failure"),
        (text([0, 1, 2], b"\xff\xfe"), "Invalid UTF8 sequence"),
        (
            pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int32()), pa.array(["a"]), safe=False),
            "Dictionary indices invalid",
        ),
        (
            pa.DictionaryArray.from_arrays(pa.array([0, -1], pa.int32()), pa.array(["a"]), safe=False),
            "Dictionary indices invalid",
        ),
        (
            pa.DictionaryArray.from_arrays(pa.array([0, 0]), text([0, 2], b"\xff\xfe"), safe=False),
            "Invalid UTF8 sequence",
        ),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_damaged_text_is_refused(array, why, chunked):
    table = pa.table(PAYMENTS).set_column(1, "account_id", pa.chunked_array([array]))
    if chunked:
        table = pa.concat_tables(
            [table.slice(0, 0), table, pa.table(PAYMENTS).set_column(1, "account_id", table[1])]
        )
    found = refused("payments", table if chunked else table.to_batches()[0])
    assert re.match(rf"payments\.account_id: is damaged .*{why}.*; expected uint64 or utf8$", found)


def test_an_amount_beyond_its_own_precision_is_refused():
    raw = pa.py_buffer(np.array([10**18, 0]))
    array = pa.Array.from_buffers(pa.decimal64(18, 9), 2, [None, raw])
    assert refused("payments", batch(PAYMENTS, amount=array)).startswith(
        "payments.amount: is damaged decimal64(18, 9)"
    )


def test_a_null_count_that_is_not_true_is_refused():
    bitmap, values = pa.py_buffer(b"\x01"), pa.py_buffer(np.array([1, 2]))
    array = pa.Array.from_buffers(pa.int64(), 2, [bitmap, values], null_count=2)
    updates = pa.record_batch({"op": pa.array(["a", "b"]), "value": array})
    found = refused("updates", updates)
    assert found.startswith("updates.value: is damaged int64 (null_count value (2) doesn't match")


def test_no_flipped_bit_crashes_or_slips_through():
    columns = PAYMENTS | {
        "kind": PAYMENTS["kind"].dictionary_encode(),
        "channel": pa.array(["web", None], pa.large_string()),
        "amount": PAYMENTS["amount"].cast(pa.decimal128(20, 9)),
    }
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch(columns).schema) as writer:
        writer.write_batch(batch(columns))
    good, dice, seen = sink.getvalue().to_pybytes(), random.Random(0), {"taken": 0, "refused": 0}
    for _ in range(1500):
        bad = bytearray(good)
        bad[dice.randrange(len(bad))] ^= 1 << dice.randrange(8)
        try:
            table = pa.ipc.open_stream(bytes(bad)).read_all()
        except (pa.ArrowException, OSError, ValueError):
            continue
        try:
            taken = take("payments", table, None)
        except SchemaError:
            seen["refused"] += 1
            continue
        seen["taken"] += 1
        for name, array in taken.columns.items():
            array.validate(full=True)
            assert len(array) == taken.rows
            assert name == "channel" or array.null_count == 0
    assert min(seen.values()) > 50
