"""A small county for questions: one customer falls due, is cut, pays and is restored; another never notices."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from pipeline.batchlog import BatchLog, BatchLogWriter
from pipeline.query.catalog import Catalog, open_folder
from pipeline.replay import replay

T0 = 1_772_294_400  # 2026-03-01T00:00 in Shanghai
HOUR = 3600
APRIL = T0 + 31 * 24 * HOUR
CONFIG = """
[engine]
currency = "CNY"
timezone = "Asia/Shanghai"
calendar = { from = 2026-01-01, to = 2027-01-01 }
cell = "15m"
trip_rate_engine = 1
trip_rate_district = 1
mass_trip_fraction = 1
outage_coverage = 0
[tariffs.home]
[[tariffs.home.rates]]
valid_from = 2026-01-01
standing = "0.123"
prices = { all = "0.333" }
schedule = [{ price = "all" }]
[policies.prepaid]
warn_below = ["20", "5"]
notice = "2h"
"""


def money(*amounts: str) -> pa.Array:
    return pa.array([Decimal(amount) for amount in amounts], pa.decimal64(18, 9))


def reads(at_s: int, *pairs: tuple[str, int]) -> pa.Table:
    return pa.table(
        {
            "meter_id": [meter for meter, _ in pairs],
            "at": pa.array([at_s] * len(pairs), pa.timestamp("s", "UTC")),
            "value": [value for _, value in pairs],
            "status": pa.array([0] * len(pairs), pa.uint16()),
        }
    )


def top_up(number: int, account: str, amount: str, at_s: int) -> pa.Table:
    return pa.table(
        {
            "payment_id": pa.array([number.to_bytes(16)], pa.binary(16)),
            "account_id": [account],
            "kind": ["top_up"],
            "amount": money(amount),
            "at": pa.array([at_s], pa.timestamp("s", "UTC")),
            "channel": ["app"],
        }
    )


def ack(command: int, at_s: int) -> pa.Table:
    return pa.table(
        {
            "command_id": pa.array([command], pa.uint64()),
            "outcome": ["done"],
            "at": pa.array([at_s], pa.timestamp("s", "UTC")),
        }
    )


def registry(log: BatchLogWriter) -> None:
    log.config(CONFIG)
    log.write(
        "accounts",
        pa.table(
            {
                "account_id": ["A1", "A2"],
                "district_id": ["D1", "D1"],
                "tariff": ["home"] * 2,
                "policy": ["prepaid"] * 2,
                "klass": ["low_voltage", "public"],
                "opening_balance": money("25.005", "900"),
                "protected": [False] * 2,
                "manual_approval": [False] * 2,
            }
        ),
        T0,
    )
    log.write(
        "meters",
        pa.table(
            {
                "meter_id": ["M1", "M2"],
                "role": ["consumer"] * 2,
                "account_id": ["A1", "A2"],
                "district_id": pa.nulls(2, pa.string()),
                "reading": ["interval"] * 2,
                "interval_s": pa.array([HOUR] * 2, pa.int32()),
                "wh_per_count": [1] * 2,
                "modulus": [0] * 2,
                "max_w": [0] * 2,
                "switchable": [True] * 2,
            }
        ),
        T0,
    )


def day(log: BatchLogWriter) -> None:
    """A1 uses 9 kWh an hour; notice after the 9th; the trip after the 11th; paid after it, though dated before.

    A2 reads once more, as March ends.
    """
    registry(log)
    for hour in range(1, 12):
        log.write("reads", reads(T0 + hour * HOUR, ("M1", 9_001), ("M2", 1_000)), T0 + hour * HOUR)
    log.write("acks", ack(1, T0 + 11 * HOUR + 30), T0 + 11 * HOUR + 60)
    log.write("reads", reads(T0 + 11 * HOUR, ("M1", 1), ("M9", 1)), T0 + 11 * HOUR + 120)
    log.write("payments", top_up(1, "A1", "30.00", T0 + 10 * HOUR), T0 + 11 * HOUR + 600)
    log.write("acks", ack(2, T0 + 11 * HOUR + 660), T0 + 11 * HOUR + 660)
    for days in range(6, 40, 6):
        log.tick(T0 + days * 24 * HOUR)
        if days == 30:
            log.write("reads", reads(APRIL, ("M2", 500)), APRIL)
    log.write("payments", top_up(2, "A1", "12.50", T0 + 40 * 24 * HOUR), T0 + 40 * 24 * HOUR)


def played(folder: Path) -> Path:
    """The day's log and what a replay makes of it; the folder of that."""
    with BatchLogWriter(folder / "log") as log:
        day(log)
    replay(BatchLog.open(folder / "log"), folder / "out")
    return folder / "out"


def catalog(folder: Path, **options: str) -> Catalog:
    return Catalog(open_folder(folder), **options)
