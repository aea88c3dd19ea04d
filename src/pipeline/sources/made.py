"""A registry made of the ids that the reads hold: an account and a meter for each, all alike.

For public data sets, which come without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import pyarrow as pa

from pipeline.sources.columns import Ids
from pipeline.sources.records import schema_of

__all__ = ["MadeRegistry", "made_registry"]


@dataclass(frozen=True, slots=True)
class MadeRegistry:
    """What every account and meter has in common; each account has its meter's id.

    `interval_s` None is the engine's cell. `wh_per_count` is that of the reads.
    """

    tariff: str
    policy: str
    district: str
    klass: str = "low_voltage"
    reading: Literal["register", "interval"] = "interval"
    interval_s: int | None = None
    wh_per_count: int = 1
    max_w: int = 0
    switchable: bool = True
    opening_balance: Decimal = Decimal(0)


def made_registry(made: MadeRegistry, meter_ids: pa.Array, ids: Ids, cell_s: int) -> dict[str, pa.Table]:
    """The tables `accounts` and `meters`, with a row for each of `meter_ids`."""
    rows = len(meter_ids)
    plain = meter_ids.cast(pa.uint64() if ids == "uint64" else pa.string())
    district = pa.scalar(int(made.district) if ids == "uint64" else made.district)
    same = {
        "tariff": made.tariff,
        "policy": made.policy,
        "klass": made.klass,
        "opening_balance": made.opening_balance,
        "protected": False,
        "manual_approval": False,
        "role": "consumer",
        "reading": made.reading,
        "interval_s": made.interval_s or cell_s,
        "wh_per_count": made.wh_per_count,
        "modulus": 0,
        "max_w": made.max_w,
        "switchable": made.switchable,
        "initial_at": None,
        "initial_value": None,
    }
    tables = {}
    for kind in ("accounts", "meters"):
        schema = schema_of(kind, ids)
        columns = {
            field.name: plain
            if field.name in ("account_id", "meter_id")
            else pa.repeat(district if field.name == "district_id" else pa.scalar(same[field.name]), rows)
            for field in schema
        }
        tables[kind] = pa.table(
            {name: column.cast(schema.field(name).type) for name, column in columns.items()}
        )
    return tables
