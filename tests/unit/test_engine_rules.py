"""`stats()["rules"]`: each refused read counts for the rule of the reference, section 4, that refused it."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa

from fastcore import Config, Engine

START = 1_767_196_800  # 2026-01-01T00:00 in Shanghai
STEP = 900

TOML = """
engine = { currency = "CNY", timezone = "Asia/Shanghai", calendar = { from = 2026-01-01, to = 2027-01-01 } }
policies.home = { warn_below = ["20"] }
[[tariffs.flat.rates]]
valid_from = 2026-01-01
prices = { all = "0.5" }
schedule = [{ price = "all" }]
"""


def built() -> Engine:
    engine = Engine(Config.from_toml(TOML))
    accounts = {
        "account_id": ["A"],
        "district_id": ["D"],
        "tariff": ["flat"],
        "policy": ["home"],
        "klass": ["low_voltage"],
        "opening_balance": pa.array(["999999999"]).cast(pa.decimal128(18, 9)),
        "protected": [False],
        "manual_approval": [False],
    }
    engine.apply("accounts", pa.table(accounts), START)
    meters = {
        "meter_id": ["R", "I", "H"],
        "role": ["consumer"] * 3,
        "account_id": ["A"] * 3,
        "reading": ["register", "interval", "interval"],
        "interval_s": pa.array([STEP, 4 * STEP, STEP], pa.int32()),
        "wh_per_count": [1, 1, 10**11],
        "modulus": [10_000, 0, 0],
        "max_w": [20_000, 0, 0],
        "switchable": [False] * 3,
    }
    engine.apply("meters", pa.table(meters), START)
    return engine


def read(engine: Engine, meter: str, at_s: int, value: int, status: int = 0) -> str | None:
    """Send one read at noon of the day; its refusal, or None."""
    columns = {"meter_id": [meter], "at": [at_s], "value": [value], "status": np.array([status], np.uint16)}
    refused = engine.apply("reads", pa.table(columns), START + 48 * STEP).exceptions
    return refused["reason"][0].as_py() if refused.num_rows else None


def test_each_refusal_counts_for_its_rule():
    engine = built()
    for meter, at, value in (("R", 4, 100), ("R", 8, 500), ("I", 4, 1), ("I", 12, 1)):
        assert read(engine, meter, START + at * STEP, value) is None
    refused = [
        (1, "unknown_meter", read(engine, "X", START, 1)),
        (2, "bad_status", read(engine, "R", START + 9 * STEP, 600, status=1)),
        (3, "misaligned", read(engine, "R", START + 9 * STEP + 1, 600)),
        (4, "out_of_calendar", read(engine, "R", START - STEP, 600)),
        (5, "future", read(engine, "R", START + 96 * STEP, 600)),
        (6, "bad_value", read(engine, "R", START + 9 * STEP, 10_000)),
        (7, "conflict", read(engine, "R", START + 8 * STEP, 501)),
        (7, "duplicate", read(engine, "R", START + 8 * STEP, 500)),
        (9, "duplicate", read(engine, "R", START + 4 * STEP, 100)),
        (10, "overlap", read(engine, "I", START + 7 * STEP, 1)),
        (11, "backward", read(engine, "R", START + 6 * STEP, 501)),
        (12, "spike", read(engine, "R", START + 9 * STEP, 7_000)),
        (13, "out_of_range", read(engine, "H", START + STEP, 1)),
    ]
    assert [(rule, reason) for rule, reason, _ in refused] == [(rule, came) for rule, _, came in refused]
    counted = {rule: sum(each == rule for each, _, _ in refused) for rule in range(1, 14)}
    assert engine.stats()["rules"] == counted
    assert counted[7] == 2
    assert counted[8] == 0

    kept = io.BytesIO()
    engine.save(kept)
    kept.seek(0)
    assert Engine.load(kept).stats()["rules"] == counted
