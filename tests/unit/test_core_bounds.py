"""Where 64 bits would run over: engine and plain twin, given numbers from the corners, say the same."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from agreement.arrow import as_arrow
from agreement.compare import Counts, compare_state, step
from agreement.grid import Grid, Row
from agreement.native import engine
from model import Twin

CONFIG = """
[engine]
currency = "CNY"
timezone = "UTC"
calendar = { from = 2026-01-01, to = 2027-01-01 }
max_jump = "400d"
late_horizon = "30d"
payment_horizon = "400d"
[tariffs.dear]
tier_period = "year"
[[tariffs.dear.rates]]
valid_from = 2026-01-01
standing = "999999999.999999999"
prices = { p = "9.999999" }
schedule = [ { price = "p" } ]
tiers = [ { above = 1, add = "9.999999" }, { above = 999999, add = "-9.999999" } ]
[tariffs.cheap]
[[tariffs.cheap.rates]]
valid_from = 2026-01-01
standing = "-999999999.999999999"
prices = { p = "-9.999999" }
schedule = [ { price = "p" } ]
[tariffs.free]
[[tariffs.free.rates]]
valid_from = 2026-01-01
prices = { p = "0" }
schedule = [ { price = "p" } ]
[policies.edge]
warn_below = ["999999999.999999999", "0", "-999999999.999999999"]
trip_below = "-999999999.999999999"
[policies.plain]
warn_below = ["0"]
"""
START, STEP = 1_767_225_600, 900
MOST, LEAST = 2**63 - 1, -(2**63)
MONEY = 10**18 - 1


def near(*centres: int) -> list[int]:
    """The numbers about some centres that are int64."""
    return [x for centre in centres for x in range(centre - 2, centre + 3) if LEAST <= x <= MOST]


COUNTS = near(LEAST, 0, 10**11, 2**31, 2**53, 2**62, MOST)
FACTORS = near(LEAST, 1, 10, 10**11, 2**31, 2**32, 2**62, MOST)
MODULI = near(LEAST, 0, 1000, 2**32, 10**11, 2**62, MOST)
WATTS = near(LEAST, 0, 4 * 10**5, 2**62 // 900, 2**63 // 900, 2**62, MOST)
INSTANTS = near(LEAST, 0, START, MOST, 2**31 * 900, 2**60 // 900 * 900)
AMOUNTS = [x for x in near(-MONEY, 0, 10**9, MONEY // 2, MONEY) if abs(x) <= MONEY]
INTERVALS = near(-(2**31) + 2, 0, 900, 86_400, 2**31 - 3)
STEPS = range(20)


class Pair:
    """A twin and an engine, to which the same rows are given; `met` counts what the twin said of them."""

    def __init__(self, seed: int) -> None:
        self.rng, self.grid, self.native = Random(seed), Grid.of(0), engine(CONFIG)
        self.grid.twin, self.grid.ids = Twin(CONFIG), "utf8"
        self.met: Counter[str] = Counter()

    def give(self, kind: str, rows: list[Row], now: int) -> None:
        batch = {name: [row[name] for row in rows] for name in rows[0]}
        counts = Counts()
        step(kind, self.grid, self.native, (kind, batch, now), as_arrow(kind, batch, "utf8"), counts)
        compare_state(kind, self.grid, self.native, counts)
        self.met.update(counts.met)
        self.met.update({name: number for name, number in counts.rows.items() if name == "intervals"})

    def either(self, usual: Any, corners: list[int], share: float = 0.3) -> Any:
        return self.rng.choice(corners) if self.rng.random() < share else usual

    def account(self, i: int) -> Row:
        return {
            "account_id": f"A{i}",
            "district_id": "D",
            "tariff": self.rng.choice(("dear", "cheap", "free")),
            "policy": self.rng.choice(("edge", "plain")),
            "klass": "public",
            "opening_balance": self.either(0, AMOUNTS),
            "protected": self.rng.random() < 0.5,
            "manual_approval": False,
        }

    def meter(self, i: int) -> Row:
        reading = self.rng.choice(("register", "register", "interval"))
        initial = self.rng.random() < 0.3
        return {
            "meter_id": f"M{i}",
            "role": self.rng.choice(("consumer", "consumer", "supply")),
            "account_id": f"A{i % 4}",
            "district_id": "D",
            "reading": reading,
            "interval_s": self.either(STEP, INTERVALS, 0.15),
            "wh_per_count": self.either(1, FACTORS),
            "modulus": self.either(0, MODULI),
            "max_w": self.either(0, WATTS),
            "switchable": self.rng.random() < 0.5,
            "initial_at": self.either(START, INSTANTS) if initial else None,
            "initial_value": self.either(7, COUNTS) if initial else None,
        }

    def read(self, meters: int) -> Row:
        return {
            "meter_id": f"M{self.rng.randrange(meters)}",
            "at": self.either(START + self.rng.choice(STEPS) * STEP, INSTANTS, 0.1),
            "value": self.either(self.rng.choice(STEPS), COUNTS, 0.6),
            "status": self.rng.choice((0, 0, 0, 4, 8, 2**16 - 1, 2**16 - 16)),
        }

    def payment(self, number: int) -> Row:
        return {
            "payment_id": (2**128 - 1 - number).to_bytes(16, "little"),
            "account_id": f"A{self.rng.randrange(5)}",
            "kind": self.rng.choice(("top_up", "reversal", "adjustment")),
            "amount": self.either(10**9, AMOUNTS, 0.7),
            "at": self.either(START, INSTANTS, 0.2),
            "channel": None,
        }

    def update(self, meters: int) -> Row:
        rng = self.rng
        op = rng.choice(("rebase_meter", "exchange_meter", "set_protected", "close_finding", "close_order"))
        return {
            "op": op,
            "account_id": f"A{rng.randrange(5)}",
            "meter_id": f"M{rng.randrange(meters)}",
            "value": self.either(rng.choice((None, 0, 1, 5)), COUNTS, 0.4),
            "text": rng.choice((None, f"M{rng.randrange(meters)}", "18446744073709551616")),
            "at": self.either(START + 20 * STEP, [*INSTANTS, START + 30 * STEP], 0.3),
        }


@pytest.fixture(scope="module")
def met() -> Counter[str]:
    """What all the random logs of this module met."""
    total: Counter[str] = Counter()
    for seed in range(30):
        pair = Pair(seed)
        pair.give("accounts", [pair.account(i) for i in range(4)], START)
        pair.give("meters", [pair.meter(i) for i in range(12)], START)
        for turn in range(6):
            now = START + (4 + 4 * turn) * STEP
            pair.give("reads", [pair.read(12) for _ in range(30)], now)
            pair.give("payments", [pair.payment(100 * turn + i) for i in range(8)], now)
            pair.give("acks", [{"command_id": 2**64 - 1, "outcome": "done", "at": MOST}], now)
            if turn % 2:
                pair.give("updates", [pair.update(12) for _ in range(3)], now)
                pair.give("meters", [pair.meter(i) for i in range(12, 14)], now)
        total.update(pair.met)
    return total


def test_the_corners_are_refused_and_taken_alike(met):
    assert met["intervals"] > 300
    reasons = {name: count for name, count in met.items() if name.startswith("reads ")}
    for reason in (
        "out_of_range",
        "spike",
        "backward",
        "bad_value",
        "misaligned",
        "out_of_calendar",
        "future",
    ):
        assert reasons.get(f"reads {reason}", 0) > 0, reasons


def test_payments_at_the_bounds_are_among_them(met):
    for reason in ("out_of_range", "bad_amount", "future", "too_old"):
        assert met[f"payments {reason}"] > 0, met


@pytest.mark.parametrize("value", [MOST, MOST - 1, 2**62])
@pytest.mark.parametrize("factor", [1, 2, 2**62, MOST])
@pytest.mark.parametrize("reading", ["register", "interval"])
def test_a_count_times_a_factor_beyond_64_bits_is_no_small_number(value, factor, reading):
    pair = Pair(1)
    pair.give("accounts", [pair.account(0) | {"tariff": "dear", "opening_balance": 0}], START)
    meter = pair.meter(0) | {
        "reading": reading,
        "interval_s": STEP,
        "wh_per_count": factor,
        "role": "consumer",
    }
    meter |= {"modulus": 0, "max_w": 0, "initial_at": None, "initial_value": None}
    pair.give("meters", [meter], START)
    given = [(0, 0), (1, value), (2, 0), (3, 0)]
    reads = [{"meter_id": "M0", "at": START + k * STEP, "value": v, "status": 0} for k, v in given]
    pair.give("reads", reads, START + 4 * STEP)
    assert pair.met["reads out_of_range"] == 1
    assert pair.met["intervals"] >= 2


@pytest.mark.parametrize("modulus", [MOST, MOST - 1, 2**62 + 1])
def test_a_register_of_63_bits_rolls_over(modulus):
    pair = Pair(1)
    pair.give("accounts", [pair.account(0) | {"tariff": "free", "opening_balance": 0}], START)
    meter = pair.meter(0) | {"reading": "register", "interval_s": STEP, "wh_per_count": 3, "role": "consumer"}
    meter |= {"modulus": modulus, "max_w": 10**6, "initial_at": None, "initial_value": None}
    pair.give("meters", [meter], START)
    given = [(0, modulus - 5), (1, 6), (6, 106), (3, 50), (9, modulus - 1)]
    reads = [{"meter_id": "M0", "at": START + k * STEP, "value": v, "status": 0} for k, v in given]
    pair.give("reads", reads, START + 6 * STEP)
    energy = [row["energy"] for row in pair.grid.twin.world.effects["intervals"]]
    assert energy[:3] == [0, 11 * 3, 100 * 3]
    assert len(energy) == 4
