"""The Arrow types of outputs and state tables (reference, outputs), and rows of the twin as Arrow."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from .columns import Row

NAME = pa.dictionary(pa.int32(), pa.string())
INSTANT = pa.timestamp("s", tz="UTC")
ENERGY = pa.decimal64(18, 3)
MONEY = pa.decimal64(18, 9)
ID = None
"""Stands for the type of the ids in use."""
_ITEM: dict[str, Any] = {
    "id": pa.uint64(),
    "kind": NAME,
    "state": NAME,
    "subject": pa.string(),
    "district_id": ID,
    "grid": pa.string(),
    "at": INSTANT,
    "detail": pa.string(),
}
_COMMAND: dict[str, Any] = {
    "command_id": pa.uint64(),
    "kind": NAME,
    "attempt": pa.uint32(),
    "account_id": ID,
    "meter_id": ID,
    "issued_at": INSTANT,
    "expires_at": INSTANT,
    "reason": NAME,
}
_WINDOW: dict[str, Any] = {"start": INSTANT, "end": INSTANT, "revision": pa.uint32()}
_COUNTS: dict[str, Any] = {"received": pa.uint32(), "expected": pa.uint32()}
OUTPUT_TYPES: dict[str, dict[str, Any]] = {
    "intervals": {
        "seq": pa.uint64(),
        "row": pa.uint32(),
        "meter_id": ID,
        "account_id": ID,
        "district_id": ID,
        "start": INSTANT,
        "end": INSTANT,
        "energy": ENERGY,
        "quality": pa.uint16(),
        "charge": MONEY,
        "balance": MONEY,
    },
    "ledger": {
        "seq": pa.uint64(),
        "row": pa.uint32(),
        "account_id": ID,
        "at": INSTANT,
        "kind": NAME,
        "amount": MONEY,
        "balance": MONEY,
        "ref": pa.binary(16),
    },
    "exceptions": {
        "seq": pa.uint64(),
        "row": pa.uint32(),
        "kind": NAME,
        "reason": NAME,
        "subject": pa.string(),
        "at": INSTANT,
        "value": pa.int64(),
        "amount": MONEY,
    },
    "notices": {
        "seq": pa.uint64(),
        "account_id": ID,
        "kind": NAME,
        "detail": pa.string(),
        "at": INSTANT,
        "balance": MONEY,
    },
    "commands": {"seq": pa.uint64(), **_COMMAND},
    "districts": {
        "seq": pa.uint64(),
        "district_id": ID,
        **_WINDOW,
        "supply": ENERGY,
        "consumption": ENERGY,
        "loss": ENERGY,
        "loss_ratio": pa.float64(),
        **_COUNTS,
    },
    "collection": {"seq": pa.uint64(), "district_id": ID, "klass": NAME, **_WINDOW, **_COUNTS},
    "findings": {"seq": pa.uint64(), **_ITEM},
    "orders": {"seq": pa.uint64(), **_ITEM},
}
STATE_TYPES: dict[str, dict[str, Any]] = {
    "accounts": {
        "account_id": ID,
        "district_id": ID,
        "tariff": NAME,
        "policy": NAME,
        "klass": NAME,
        "state": NAME,
        "unsure": pa.bool_(),
        "blocked_by": NAME,
        "balance": MONEY,
        "tier_energy": ENERGY,
    },
    "meters": {
        "meter_id": ID,
        "account_id": ID,
        "district_id": ID,
        "in_use": pa.bool_(),
        "last_at": INSTANT,
        "last_value": pa.int64(),
        "typical": ENERGY,
        "quality": pa.uint16(),
    },
    "districts": {
        "district_id": ID,
        "name": pa.string(),
        "grid": pa.string(),
        "loss_limit": pa.float64(),
        "suspended": pa.bool_(),
    },
    "gaps": {"meter_id": ID, "from": INSTANT, "to": INSTANT, "missing": pa.uint32()},
    "findings": _ITEM,
    "orders": _ITEM,
    "commands": _COMMAND,
}


def id_type(ids: str | None) -> Any:
    """The Arrow type of the ids in use."""
    return pa.string() if ids == "utf8" else pa.uint64()


def column(values: list[Any], told: Any, ids: str | None) -> Any:
    """Plain values as an Arrow array of a type."""
    if told is ID:
        return pa.array(values, id_type(ids))
    if pa.types.is_decimal(told):
        return pa.array([None if x is None else Decimal(x).scaleb(-told.scale) for x in values], told)
    if pa.types.is_dictionary(told):
        return pa.array(values, pa.string()).cast(told)
    return pa.array(values, told)


def table(rows: list[Row], types: dict[str, Any], ids: str | None) -> Any:
    """Rows as an Arrow table of the types."""
    return pa.table({name: column([row[name] for row in rows], told, ids) for name, told in types.items()})
