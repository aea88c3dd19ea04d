"""Customers who owe money, beside the county: cut off at once, and given their supply back when they pay.

Their policy waits for nothing, so that a run of seconds has as many restores as are needed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
from xxhash import xxh3_128_digest

from benchmarks.present import Body, config
from benchmarks.sweeps import instants
from benchmarks.tariffs import CELL_S
from pipeline.wire import Kind, write_batch

__all__ = ["account_number", "config_with_prompt", "payment", "prompt_reads", "prompt_registry"]

FIRST: Final = 900_000_000_000
DISTRICT: Final = 999_999_999_999
_PROMPT: Final = """
[policies.prompt]
warn_below = ["0"]
notice = "0s"
"""


def config_with_prompt() -> str:
    """The configuration with the policy `prompt`, and no limit to how many are cut off."""
    limits = "mass_trip_fraction = 1\ntrip_rate_engine = 1\ntrip_rate_district = 1"
    return config().replace("mass_trip_fraction = 0.05", limits) + _PROMPT


def account_number(account_id: int) -> int:
    """Which of them an account is, counted from 0."""
    return account_id - FIRST


def prompt_registry(count: int) -> list[tuple[str, pa.RecordBatch]]:
    """So many accounts, each with a meter of the same number, which owe 1.00."""
    ids = np.arange(FIRST, FIRST + count, dtype=np.uint64)
    same = {"account_id": ids, "district_id": np.full(count, DISTRICT, np.uint64)}
    accounts = {
        **same,
        "tariff": ["farm"] * count,
        "policy": ["prompt"] * count,
        "klass": ["low_voltage"] * count,
        "opening_balance": ["-1"] * count,
        "protected": [False] * count,
        "manual_approval": [False] * count,
    }
    meters = {
        **same,
        "meter_id": ids,
        "role": ["consumer"] * count,
        "reading": ["register"] * count,
        "interval_s": np.full(count, CELL_S, np.int32),
        "wh_per_count": np.full(count, 10),
        "modulus": np.full(count, 100_000_000),
        "max_w": np.full(count, 20_000),
        "switchable": [True] * count,
    }
    return [("accounts", pa.record_batch(accounts)), ("meters", pa.record_batch(meters))]


def prompt_reads(count: int, at_s: int) -> pa.RecordBatch:
    """The baseline of each: nobody is cut off without a read."""
    ids = np.arange(FIRST, FIRST + count, dtype=np.uint64)
    none = np.zeros(count, np.int64)
    columns = [pa.array(ids), instants(none + at_s), pa.array(none), pa.array(none.astype(np.uint16))]
    return pa.RecordBatch.from_arrays(columns, ["meter_id", "at", "value", "status"])


def payment(number: int, at_s: int) -> Body:
    """The payment of 10.00 of one of them, as a message's body."""
    row = {
        "payment_id": [number.to_bytes(16, "big")],
        "account_id": np.array([FIRST + number], np.uint64),
        "kind": ["top_up"],
        "amount": ["10"],
        "at": [at_s],
    }
    data = memoryview(write_batch(Kind.PAYMENTS, pa.record_batch(row), "uint64"))
    return Body(1, data, xxh3_128_digest(data))
