"""A small county for the tests of the engine: each kind of batch, with ids of either kind."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from agreement.arrow import as_arrow
from agreement.compare import plain
from fastcore import Config, Effects, Engine
from fastcore.memory import fail_after

Row = dict[str, Any]
Batch = tuple[str, Any, int]

KIND_OF_IDS = ("uint64", "utf8")
START, STEP = 1_767_225_600, 900
NANO = 10**9
CONFIG = """
[engine]
currency = "CNY"
timezone = "UTC"
calendar = { from = 2026-01-01, to = 2027-01-01 }
max_jump = "7d"
mass_trip_fraction = 1
trip_rate_engine = 1
trip_rate_district = 1
outage_coverage = 0
allowed_lateness = "0s"
[tariffs.plain]
tier_period = "month"
[[tariffs.plain.rates]]
valid_from = 2026-01-01
standing = "0.1"
prices = { p = "0.5" }
schedule = [ { price = "p" } ]
tiers = [ { above = 1, add = "0.25" } ]
[tariffs.other]
[[tariffs.other.rates]]
valid_from = 2026-01-01
prices = { p = "0.7" }
schedule = [ { price = "p" } ]
[policies.strict]
warn_below = ["20", "10"]
notice = "0s"
max_attempts = 1
"""
LATER_CONFIG = CONFIG.replace('warn_below = ["20", "10"]', 'warn_below = ["90", "40", "20", "10"]')


def id_of(ids: str, name: str) -> int | str:
    """The id that stands for a name such as A7, as a number or as the name itself."""
    return name if ids == "utf8" else {"A": 10**6, "D": 2**63, "M": 2**64 - 10**6}[name[0]] + int(name[1:])


def rows(kind: str, ids: str, *given: Row) -> pa.RecordBatch:
    """A batch of rows, in the types that the reference names."""
    return as_arrow(kind, {name: [row[name] for row in given] for name in given[0]}, ids)


def account(ids: str, name: str, balance_nano: int = 100 * NANO, district: str = "D0") -> Row:
    return {
        "account_id": id_of(ids, name),
        "district_id": id_of(ids, district),
        "tariff": "plain",
        "policy": "strict",
        "klass": "low_voltage",
        "opening_balance": balance_nano,
        "protected": False,
        "manual_approval": False,
    }


def meter(ids: str, name: str, owner: str | None, reading: str = "register", max_w: int = 0) -> Row:
    """A consumer's meter, or without an owner one that feeds D0."""
    return {
        "meter_id": id_of(ids, name),
        "role": "consumer" if owner else "supply",
        "account_id": id_of(ids, owner) if owner else None,
        "district_id": None if owner else id_of(ids, "D0"),
        "reading": reading,
        "interval_s": STEP,
        "wh_per_count": 10,
        "modulus": 0,
        "max_w": max_w,
        "switchable": owner is not None,
        "initial_at": None,
        "initial_value": None,
    }


def district(ids: str, name: str) -> Row:
    return {"district_id": id_of(ids, name), "name": f"{name} north", "grid": "G1", "loss_limit": 0.1}


def read(ids: str, name: str, step: int, value: int) -> Row:
    return {"meter_id": id_of(ids, name), "at": START + step * STEP, "value": value, "status": 0}


def payment(ids: str, number: int, name: str, amount_nano: int, at_s: int = START) -> Row:
    return {
        "payment_id": number.to_bytes(16, "big"),
        "account_id": id_of(ids, name),
        "kind": "top_up",
        "amount": amount_nano,
        "at": at_s,
        "channel": "web",
    }


def ack(command_id: int, outcome: str) -> Row:
    return {"command_id": command_id, "outcome": outcome, "at": START}


def update(ids: str, op: str, name: str | None = None, **given: Any) -> Row:
    """An update of an account, or of a meter if its name begins with M."""
    row: Row = {"op": op, "account_id": None, "meter_id": None, "value": None, "text": None, "at": None}
    if name is not None:
        row["meter_id" if name[0] == "M" else "account_id"] = id_of(ids, name)
    return row | given


def story(ids: str, size: int = 4) -> list[Batch]:
    """Batches of every kind: ``size`` accounts, a meter each; debts, trips, gaps, a mad meter, payments."""
    every = range(size)
    updates = [
        update(ids, "suspend_trips", text=str(id_of(ids, "D1"))),
        update(ids, "autopay_started", "A0"),
        update(ids, "set_tariff", "A1", text="other"),
        update(ids, "rebase_meter", "M1", value=5, at=START + 6 * STEP),
        *(update(ids, "set_protected", f"A{i}", value=i % 2) for i in every),
    ]
    return [
        ("districts", rows("districts", ids, *(district(ids, f"D{i}") for i in range(size // 2))), START),
        (
            "accounts",
            rows("accounts", ids, *(account(ids, f"A{i}", (i % 4) * 15 * NANO - NANO) for i in every)),
            START,
        ),
        (
            "meters",
            rows("meters", ids, meter(ids, f"M{size}", None), *(meter(ids, f"M{i}", f"A{i}") for i in every)),
            START,
        ),
        ("reads", rows("reads", ids, *(read(ids, f"M{i}", 0, 100 + i) for i in range(size + 1))), START),
        (
            "reads",
            rows(
                "reads",
                ids,
                *(
                    read(ids, f"M{i}", step, 100 + 9 * i + step)
                    for i in range(size + 1)
                    for step in (1, 5, 5)
                ),
            ),
            START + 5 * STEP,
        ),
        (
            "reads",
            rows(
                "reads",
                ids,
                *(read(ids, f"M{i}", 3, 102 + 9 * i) for i in every),
                *(read(ids, "M2", step, 0) for step in (6, 7, 8)),
            ),
            START + 5 * STEP,
        ),
        ("acks", rows("acks", ids, *(ack(i + 1, "done") for i in every)), START + 6 * STEP),
        (
            "payments",
            rows("payments", ids, *(payment(ids, i, f"A{i}", 3 * NANO + i) for i in every)),
            START + 6 * STEP,
        ),
        ("updates", rows("updates", ids, *updates), START + 7 * STEP),
        ("config", LATER_CONFIG, START + 7 * STEP),
        ("tick", None, START + 7 * STEP + 86_400),
    ]


def engine(outputs: tuple[str, ...] | None = None, text: str = CONFIG) -> Engine:
    return Engine(Config.from_toml(text), outputs)


def through(ids: str, count: int | None = None, size: int = 4) -> Engine:
    """An engine after the first batches of the story, or all."""
    made = engine()
    for kind, batch, now in story(ids, size)[:count]:
        made.apply(kind, batch, now)
    return made


def good_batches(ids: str) -> dict[str, pa.RecordBatch]:
    """A good batch of each kind that has columns, for an engine that has been through the story."""
    return {kind: batch for kind, batch, _ in story(ids) if isinstance(batch, pa.RecordBatch)}


def told(effects: Effects) -> dict[str, Row]:
    """The effects as plain Python, copied out of whatever memory they lie in."""
    return {
        name: {column: plain(batch.column(column)) for column in batch.schema.names}
        for name, batch in effects
    }


def saved(made: Engine) -> bytes:
    """The bytes of a snapshot."""
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def loaded(content: bytes) -> Engine:
    return Engine.load(io.BytesIO(content))


@contextmanager
def room_for(allocations: int) -> Iterator[None]:
    """Within it the core may allocate so many times, and no more."""
    fail_after(allocations)
    try:
        yield
    finally:
        fail_after(None)
