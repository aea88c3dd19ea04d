"""Plain batches as Arrow, in the types that the reference names, or in others that it allows."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa

from model.columns import INPUTS

TYPES = {
    "text": pa.string(),
    "flag": pa.bool_(),
    "float": pa.float64(),
    "bytes": pa.binary(16),
    "money": pa.decimal64(18, 9),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint16": pa.uint16(),
    "uint64": pa.uint64(),
    "instant": pa.timestamp("s", tz="UTC"),
}
UNITS = ("s", "ms", "us")


def array(values: list[Any], told: str, ids: str) -> Any:
    """One column in the type that the reference names."""
    if told == "id":
        return pa.array(values, pa.string() if ids == "utf8" else pa.uint64())
    if told == "money":
        return pa.array([None if x is None else Decimal(x).scaleb(-9) for x in values], TYPES[told])
    return pa.array(values, TYPES[told])


def freely(column: Any, told: str, rng: Random) -> Any:
    """The same column in another type that is as good."""
    if pa.types.is_string(column.type):
        return rng.choice((column, column.dictionary_encode(), column.cast(pa.large_string())))
    if told == "instant":
        whole = pa.timestamp(rng.choice(UNITS), tz="UTC")
        near = all(abs(x) < 2**40 for x in column.cast(pa.int64()).to_pylist() if x is not None)
        return column.cast(whole) if near and rng.random() < 0.7 else column.cast(pa.int64())
    if told == "money":
        return column.cast(pa.decimal128(24, 9))
    if told == "int64":
        small = all(-(2**31) <= x < 2**31 for x in column.to_pylist() if x is not None)
        return column.cast(pa.int32()) if small else column
    return column


def as_arrow(kind: str, batch: Any, ids: str, rng: Random | None = None) -> Any:
    """A plain batch as a record batch; with ``rng``, in column order and types that are as free as may be.
    ``ids`` is the kind of ids where the rows name none.

    Text of a configuration, ``None`` of a tick, and what is Arrow already are returned as they are.
    """
    if not isinstance(batch, dict):
        return batch
    named = next((x for n in ("meter_id", "account_id") for x in batch.get(n, ()) if x is not None), None)
    if named is not None:
        ids = "utf8" if isinstance(named, str) else "uint64"
    columns = {}
    for name, told in INPUTS[kind].items():
        if name in batch:
            told = told.rstrip("?")
            column = array(batch[name], told, ids)
            columns[name] = column if rng is None else freely(column, told, rng)
    names = list(columns)
    if rng is not None:
        rng.shuffle(names)
        if rng.random() < 0.2:
            names.append("remark")
            columns["remark"] = pa.array(["?"] * len(columns[names[0]]))
    return pa.RecordBatch.from_arrays([columns[name] for name in names], names=names)
