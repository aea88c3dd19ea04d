"""What the twin takes for a batch."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from model import TwinSchemaError
from model.columns import rows_of

READS: dict[str, list[Any]] = {"meter_id": ["M"], "at": [900], "value": [1], "status": [0]}
PAYMENT: dict[str, list[Any]] = {
    "payment_id": [bytes(16)],
    "account_id": ["A"],
    "kind": ["top_up"],
    "amount": [5 * 10**9],
    "at": [900],
}


def arrow(**columns: Any) -> Any:
    """A batch of reads with some columns replaced."""
    return pa.RecordBatch.from_pydict({**READS, "status": pa.array([0], pa.uint16()), **columns})


def test_plain_and_arrow_give_the_same_rows() -> None:
    assert rows_of("reads", READS, None) == rows_of("reads", arrow(), None)
    assert rows_of("reads", READS, None)[1] == "utf8"


def test_optional_columns_may_be_absent() -> None:
    rows, ids = rows_of("payments", PAYMENT, "utf8")
    assert rows[0]["channel"] is None
    assert ids == "utf8"


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array([1], pa.int8()), "value"),
        (pa.array([1], pa.uint32()), "value"),
        (pa.array([0], pa.uint8()), "status"),
        (pa.array([900_000], pa.timestamp("ms", "UTC")), "at"),
        (pa.array(["M"]).dictionary_encode(), "meter_id"),
        (pa.array(["M"], pa.large_string()), "meter_id"),
    ],
)
def test_types_that_hold_less_are_widened(column: Any, told: str) -> None:
    rows, _ = rows_of("reads", arrow(**{told: column}), None)
    assert rows == rows_of("reads", READS, None)[0]


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array([1.0]), "value"),
        (pa.array([1], pa.uint64()), "value"),
        (pa.array([0], pa.int32()), "status"),
        (pa.array([900_001], pa.timestamp("ms", "UTC")), "at"),
        (pa.array([900], pa.timestamp("s")), "at"),
        (pa.array([None], pa.int64()), "value"),
        (pa.array([1], pa.uint64()), "meter_id"),
    ],
)
def test_other_types_are_refused_by_name(column: Any, told: str) -> None:
    with pytest.raises(TwinSchemaError, match=told if told != "meter_id" else "one kind"):
        rows_of("reads", arrow(**{told: column}), "utf8")


def test_decimals_of_any_scale_up_to_nine_are_nano_units() -> None:
    batch = pa.table(
        {**PAYMENT, "payment_id": pa.array([bytes(16)], pa.binary(16)), "amount": [Decimal("5.25")]}
    )
    assert rows_of("payments", batch, None)[0][0]["amount"] == 5_250_000_000
    finer = batch.set_column(3, "amount", pa.array([Decimal("0.0000000001")]))
    with pytest.raises(TwinSchemaError, match=r"payments\.amount: .*scale"):
        rows_of("payments", finer, None)


def test_missing_columns_and_ragged_ones_are_refused() -> None:
    with pytest.raises(TwinSchemaError, match=r"reads\.value: is missing"):
        rows_of("reads", {k: v for k, v in READS.items() if k != "value"}, None)
    with pytest.raises(TwinSchemaError, match="length"):
        rows_of("reads", {**READS, "value": [1, 2]}, None)
