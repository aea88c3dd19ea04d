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

    `interval_s` None is the engine's cell.
    """

    tariff: str
    policy: str
    district: str
    klass: str = "low_voltage"
    reading: Literal["register", "interval"] = "interval"
    interval_s: int | None = None
    max_w: int = 0
    switchable: bool = True
    opening_balance: Decimal = Decimal(0)


def made_registry(
    made: MadeRegistry, meter_ids: pa.Array, wh_per_count: list[int], ids: Ids, cell_s: int
) -> dict[str, pa.Table]:
    """The tables `accounts` and `meters`, with a row for each of `meter_ids` and its `wh_per_count`."""
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
        "modulus": 0,
        "max_w": made.max_w,
        "switchable": made.switchable,
        "initial_at": None,
        "initial_value": None,
    }
    own = {
        "account_id": plain,
        "meter_id": plain,
        "district_id": pa.repeat(district, rows),
        "wh_per_count": pa.array(wh_per_count, pa.int64()),
    }
    tables = {}
    for kind in ("accounts", "meters"):
        schema = schema_of(kind, ids)
        columns = [
            (own[field.name] if field.name in own else pa.repeat(same[field.name], rows)).cast(field.type)
            for field in schema
        ]
        tables[kind] = pa.table(columns, schema=schema)
    return tables
