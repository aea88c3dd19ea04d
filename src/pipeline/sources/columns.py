"""The columns of each kind of rows that a source may hold (reference, section 3), and how each is read.

A column that the file lacks takes its `default`; one without a default must be there, unless it is
`optional`, which leaves it null. An empty cell is treated the same way, but that a column which must be there
makes its row a reject.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

__all__ = ["COLUMNS", "Column", "Ids", "arrow_type"]

Ids = Literal["utf8", "uint64"]
Meaning = Literal["id", "text", "instant", "energy", "whole", "money", "flag", "ratio", "payment_id"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in the engine, what its cells mean, and what stands in where there is none."""

    name: str
    meaning: Meaning
    optional: bool = False
    default: str | None = None


COLUMNS: dict[str, tuple[Column, ...]] = {
    "reads": (
        Column("meter_id", "id"),
        Column("at", "instant"),
        Column("value", "energy"),
        Column("status", "whole", default="0"),
    ),
    "accounts": (
        Column("account_id", "id"),
        Column("district_id", "id"),
        Column("tariff", "text"),
        Column("policy", "text"),
        Column("klass", "text"),
        Column("opening_balance", "money", default="0"),
        Column("protected", "flag", default="false"),
        Column("manual_approval", "flag", default="false"),
    ),
    "meters": (
        Column("meter_id", "id"),
        Column("role", "text", default="consumer"),
        Column("account_id", "id", optional=True),
        Column("district_id", "id", optional=True),
        Column("reading", "text"),
        Column("interval_s", "whole"),
        Column("wh_per_count", "whole"),
        Column("modulus", "whole", default="0"),
        Column("max_w", "whole", default="0"),
        Column("switchable", "flag", default="false"),
        Column("initial_at", "instant", optional=True),
        Column("initial_value", "whole", optional=True),
    ),
    "districts": (
        Column("district_id", "id"),
        Column("name", "text", optional=True),
        Column("grid", "text", optional=True),
        Column("loss_limit", "ratio", optional=True),
    ),
    "payments": (
        Column("payment_id", "payment_id"),
        Column("account_id", "id"),
        Column("kind", "text"),
        Column("amount", "money"),
        Column("at", "instant"),
        Column("channel", "text", optional=True),
    ),
}

_TYPES = {
    "text": pa.string(),
    "instant": pa.timestamp("s", "UTC"),
    "energy": pa.int64(),
    "whole": pa.int64(),
    "money": pa.decimal64(18, 9),
    "flag": pa.bool_(),
    "ratio": pa.float64(),
    "payment_id": pa.binary(16),
}
_NARROW = {"status": pa.uint16(), "interval_s": pa.int32()}


def arrow_type(column: Column, ids: Ids) -> pa.DataType:
    """The Arrow type in which the engine takes `column`."""
    if column.meaning == "id":
        return pa.uint64() if ids == "uint64" else pa.string()
    return _NARROW.get(column.name, _TYPES.get(column.meaning))
