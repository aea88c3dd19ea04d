"""Batches as rows: column names, types and nulls checked, values made plain (reference, inputs).

A batch is a mapping of column to list, or Arrow. Plain values: ids int or str, instants int seconds, money
int nano-units, payment ids bytes.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from .errors import TwinSchemaError

Row = dict[str, Any]
WIDE = decimal.Context(prec=120)
INPUTS: dict[str, dict[str, str]] = {
    "accounts": {
        "account_id": "id",
        "district_id": "id",
        "tariff": "text",
        "policy": "text",
        "klass": "text",
        "opening_balance": "money",
        "protected": "flag",
        "manual_approval": "flag",
    },
    "meters": {
        "meter_id": "id",
        "role": "text",
        "account_id": "id?",
        "district_id": "id?",
        "reading": "text",
        "interval_s": "int32",
        "wh_per_count": "int64",
        "modulus": "int64",
        "max_w": "int64",
        "switchable": "flag",
        "initial_at": "instant?",
        "initial_value": "int64?",
    },
    "districts": {"district_id": "id", "name": "text?", "grid": "text?", "loss_limit": "float?"},
    "reads": {"meter_id": "id", "at": "instant", "value": "int64", "status": "uint16"},
    "payments": {
        "payment_id": "bytes",
        "account_id": "id",
        "kind": "text",
        "amount": "money",
        "at": "instant",
        "channel": "text?",
    },
    "acks": {"command_id": "uint64", "outcome": "text", "at": "instant"},
    "updates": {
        "op": "text",
        "account_id": "id?",
        "meter_id": "id?",
        "value": "int64?",
        "text": "text?",
        "at": "instant?",
    },
}
KINDS = ("config", *INPUTS, "tick")
REGISTRY = ("accounts", "meters", "districts")
RANGES = {
    "int32": (-(2**31), 2**31),
    "int64": (-(2**63), 2**63),
    "uint16": (0, 2**16),
    "uint64": (0, 2**64),
    "instant": (-(2**63), 2**63),
    "money": (-(10**18) + 1, 10**18),
}
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
UTC_NAMES = ("UTC", "utc", "Etc/UTC", "+00:00", "Z", "GMT", "Etc/GMT")


def id_kind(values: list[Any]) -> str | None:
    """``uint64`` or ``utf8``, as plain ids say; None where there is none."""
    return next(("utf8" if isinstance(x, str) else "uint64" for x in values if x is not None), None)


def plain_ok(kind: str, value: object) -> bool:
    """Whether a plain value is of a type."""
    if kind == "id":
        return isinstance(value, str) or (type(value) is int and 0 <= value < 2**64)
    if kind == "text":
        return isinstance(value, str)
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "float":
        return isinstance(value, float)
    if kind == "bytes":
        return isinstance(value, bytes) and len(value) == 16
    low, high = RANGES[kind]
    return type(value) is int and low <= value < high


def whole_seconds(column: Any) -> list[int | None]:
    """Seconds of a timestamp column; an error where one is a fraction."""
    kind = column.type
    if kind.tz not in UTC_NAMES:
        raise TypeError("timestamps must be UTC")
    ticks = TICKS[kind.unit]
    values: list[int | None] = column.cast(pa.int64()).to_pylist()
    if any(x is not None and x % ticks for x in values):
        raise TypeError("timestamps must be whole seconds")
    return [None if x is None else x // ticks for x in values]


def nano(column: Any) -> list[int | None]:
    """Nano-units of a decimal column of at most 9 decimals."""
    if column.type.scale > 9:
        raise TypeError("decimals must have a scale of 9 or less")
    values = [None if x is None else int(x.scaleb(9, WIDE)) for x in column.to_pylist()]
    if any(x is not None and abs(x) >= 10**18 for x in values):
        raise TypeError("decimals must fit decimal64(18, 9)")
    return values


def integers(column: Any, kind: str) -> list[int | None]:
    """An integer column of the type, or of one that it holds."""
    t = column.type
    bits = {"int32": 32, "int64": 64, "instant": 64, "uint16": 16, "uint64": 64, "id": 64}[kind]
    unsigned = kind in ("uint16", "uint64", "id")
    if not pa.types.is_integer(t):
        raise TypeError("must be an integer")
    if pa.types.is_unsigned_integer(t):
        fits = t.bit_width <= bits if unsigned else t.bit_width < bits
    else:
        fits = not unsigned and t.bit_width <= bits
    if not fits:
        raise TypeError(f"{t} is not held by {kind}")
    values: list[int | None] = column.to_pylist()
    return values


def arrow_values(column: Any, kind: str) -> tuple[list[Any], str]:
    """The plain values of an Arrow column of a type, and the kind of id."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    t = column.type
    if pa.types.is_dictionary(t):
        column = column.cast(t.value_type)
        t = column.type
        if kind not in ("id", "text") or not is_text(t):
            raise TypeError("only text may be dictionary-encoded")
    if kind in ("id", "text") and is_text(t):
        return column.to_pylist(), "utf8"
    if kind == "instant" and pa.types.is_timestamp(t):
        return whole_seconds(column), ""
    if kind == "money" and pa.types.is_decimal(t):
        return nano(column), ""
    exact: dict[str, Callable[[Any], bool]] = {
        "flag": pa.types.is_boolean,
        "float": pa.types.is_float64,
        "bytes": lambda x: x == pa.binary(16),
    }
    if kind in exact and exact[kind](t):
        return column.to_pylist(), ""
    if kind in exact or kind in ("text", "money"):
        raise TypeError(f"is {t}, must be {kind}")
    return integers(column, kind), "uint64"


def is_text(t: Any) -> bool:
    """Whether an Arrow type is text."""
    return bool(pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t))


def column_of(batch: Any, name: str, kind: str) -> tuple[list[Any] | None, str | None]:
    """One column of a batch as plain values, and its kind of id; None where it is absent."""
    if isinstance(batch, dict):
        values = batch.get(name)
        if values is None:
            return None, None
        if not isinstance(values, list):
            raise TypeError("must be a list")
        if not all(x is None or plain_ok(kind, x) for x in values):
            raise TypeError(f"must be {kind}")
        if kind == "id" and len({type(x) for x in values if x is not None}) > 1:
            raise TypeError("ids must be of one kind")
        return values, id_kind(values)
    found = [i for i, n in enumerate(batch.schema.names) if n == name]
    if len(found) > 1:
        raise TypeError("stands twice")
    return arrow_values(batch.column(found[0]), kind) if found else (None, None)


def rows_of(kind: str, batch: Any, ids: str | None) -> tuple[list[Row], str | None]:
    """The rows of a batch, and the kind of its ids; ``TwinSchemaError`` where it is malformed."""
    if kind == "tick":
        if batch is not None:
            raise TwinSchemaError("tick: takes no batch")
        return [], None
    if not isinstance(batch, (dict, pa.Table, pa.RecordBatch)):
        raise TwinSchemaError(f"{kind}: must be columns, is {type(batch).__name__}")
    columns: dict[str, list[Any]] = {}
    kinds: set[str] = set() if ids is None else {ids}
    absent = []
    for name, told in INPUTS[kind].items():
        optional, told = told.endswith("?"), told.rstrip("?")
        try:
            values, found = column_of(batch, name, told)
        except TypeError as error:
            raise TwinSchemaError(f"{kind}.{name}: {error}") from error
        if values is None and not optional:
            raise TwinSchemaError(f"{kind}.{name}: is missing")
        if values is None:
            absent.append(name)
            continue
        if not optional and None in values:
            raise TwinSchemaError(f"{kind}.{name}: must not be null")
        if told == "id" and found:
            kinds.add(found)
        columns[name] = values
    if len(kinds) > 1:
        raise TwinSchemaError(f"{kind}: ids must be of one kind, all uint64 or all utf8")
    if len({len(values) for values in columns.values()}) > 1:
        raise TwinSchemaError(f"{kind}: columns differ in length")
    names = list(columns)
    none = dict.fromkeys(absent)
    rows = [{**dict(zip(names, row, strict=True)), **none} for row in zip(*columns.values(), strict=True)]
    return rows, next(iter(kinds), None)
