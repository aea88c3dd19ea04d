"""The county's registry as batches: districts, accounts with balances, meters, the freeze at midnight."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.demo import settings
from pipeline.demo.arrow import INSTANT, instants, money
from pipeline.demo.county import INDUSTRY, KINDS, MODULUS, PUBLIC, County, Flags

LOSS_LIMIT: Final = 0.10
_CLASSES: Final = np.array(["special", "public", "low_voltage"])


def districts_batch(county: County) -> pa.RecordBatch:
    """A row per public transformer."""
    return pa.record_batch(
        {
            "district_id": county.district_id,
            "name": pa.array(county.district_name, pa.string()),
            "grid": pa.array(county.grid, pa.string()),
            "loss_limit": np.full(county.districts, LOSS_LIMIT),
        }
    )


def accounts_batch(county: County) -> pa.RecordBatch:
    """A row per customer, with the evening's balance; industry is cut off only when a person has approved."""
    return pa.record_batch(
        {
            "account_id": county.account_id,
            "district_id": county.district_id[county.account_district],
            "tariff": pa.array(_by_kind(county, settings.TARIFF_OF_KIND), pa.string()),
            "policy": pa.array(policies(county), pa.string()),
            "klass": pa.array(_CLASSES[county.meter_class[county.meter_of_account]], pa.string()),
            "opening_balance": money(county.opening_nano),
            "protected": pa.array(county.protected),
            "manual_approval": pa.array(county.kind == INDUSTRY),
        }
    )


def meters_batch(county: County) -> pa.RecordBatch:
    """A row per meter: registers read each quarter-hour."""
    return _meters(county, None)


def freeze_batch(county: County) -> pa.RecordBatch:
    """The meters again, each with its register as frozen at midnight: the day's energy counts from there."""
    return _meters(county, county.start_counts)


def _meters(county: County, initial: NDArray[np.int64] | None) -> pa.RecordBatch:
    is_supply: Flags = county.meter_class == PUBLIC
    account = np.maximum(county.account_of_meter, 0)
    columns: dict[str, object] = {
        "meter_id": county.meter_id,
        "role": pa.array(np.where(is_supply, "supply", "consumer"), pa.string()),
        "account_id": pa.array(county.account_id[account], mask=is_supply),
        "district_id": county.district_id[county.meter_district],
        "reading": pa.array(np.full(county.meters, "register"), pa.string()),
        "interval_s": np.full(county.meters, settings.QUARTER_S, np.int32),
        "wh_per_count": county.wh_per_count,
        "modulus": np.full(county.meters, MODULUS),
        "max_w": county.max_w,
        "switchable": pa.array(county.switchable),
        "initial_at": pa.nulls(county.meters, INSTANT),
        "initial_value": pa.nulls(county.meters, pa.int64()),
    }
    if initial is not None:
        columns["initial_at"] = instants(np.full(county.meters, settings.MIDNIGHT_S))
        columns["initial_value"] = initial
    return pa.record_batch(columns)


def policies(county: County) -> NDArray[np.str_]:
    """The policy of each account: that of its kind if it is prepaid, else that of a bill paid later."""
    return np.where(
        county.prepaid, _by_kind(county, settings.PREPAID_POLICY_OF_KIND), settings.POSTPAID_POLICY
    )


def _by_kind(county: County, names: dict[int, str]) -> NDArray[np.str_]:
    return np.array([names[kind] for kind in range(len(KINDS))])[county.kind]
