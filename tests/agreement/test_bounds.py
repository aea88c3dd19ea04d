"""Sums at their bounds: engine and twin refuse the same rows, whole, and go on with the next."""

from __future__ import annotations

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
window = "WINDOW"
max_jump = "400d"
window_horizon = "1h"
[tariffs.free]
tier_period = "year"
[[tariffs.free.rates]]
valid_from = 2026-01-01
prices = { p = "PRICE" }
schedule = [ { price = "p" } ]
tiers = [ { above = 0, add = "0.000000" } ]
[policies.std]
warn_below = ["0"]
"""
START, STEP = 1_767_225_600, 900
MOST = 10**11 - 1


def pair(price: str, window: str = "720d") -> tuple[Grid, Any]:
    """A grid with a consumer C and a supply meter S, both read by the interval, and an engine beside it."""
    text = CONFIG.replace("PRICE", price).replace("WINDOW", window)
    grid = Grid.of(0)
    grid.twin, grid.ids, grid.first_text = Twin(text), "utf8", text
    native = engine(text)
    account: Row = {
        "account_id": "A",
        "district_id": "D",
        "tariff": "free",
        "policy": "std",
        "klass": "public",
    }
    account |= {"opening_balance": 0, "protected": True, "manual_approval": False}
    common: Row = {"reading": "interval", "interval_s": STEP, "wh_per_count": 1, "modulus": 0, "max_w": 0}
    consumer: Row = {"meter_id": "C", "role": "consumer", "account_id": "A", "district_id": None}
    supply: Row = {"meter_id": "S", "role": "supply", "account_id": None, "district_id": "D"}
    meters = [row | common | {"switchable": False} for row in (consumer, supply)]
    give(grid, native, "accounts", [account], START)
    give(grid, native, "meters", meters, START)
    return grid, native


def give(grid: Grid, native: Any, kind: str, rows: list[Row], now: int) -> Counts:
    """Rows through both; what they compared."""
    counts = Counts()
    batch = {name: [row[name] for row in rows] for name in rows[0]}
    step(kind, grid, native, (kind, batch, now), as_arrow(kind, batch, grid.ids), counts)
    compare_state(kind, grid, native, counts)
    return counts


def reads(meter: str, first: int, values: list[int]) -> list[Row]:
    """Reads of a meter, an interval each, from the one that ends ``first`` intervals after the start."""
    return [
        {"meter_id": meter, "at": START + (first + i) * STEP, "value": value, "status": 0}
        for i, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("meter", "window"),
    [("C", "720d"), ("S", "720d"), ("C", "1h")],
    ids=["consumption", "supply", "the tier period, its windows being left out"],
)
def test_sums_of_energy_stop_below_their_bound(meter: str, window: str) -> None:
    grid, native = pair("0", window)
    full, rest = divmod(10**15 - 1, MOST)
    now = START + (full + 9) * STEP + 86400
    assert give(grid, native, "reads", reads(meter, 1, [MOST] * full), now).rows["intervals"] == full
    counts = give(grid, native, "reads", reads(meter, full + 1, [rest + 1, rest, 1, 0]), now)
    assert counts.met["reads out_of_range"] == 2
    assert counts.rows["intervals"] == 2


def test_a_read_stops_below_its_bound() -> None:
    grid, native = pair("0")
    counts = give(grid, native, "reads", reads("C", 1, [MOST + 1, MOST, 2**63 - 1]), START + 9 * STEP)
    assert (counts.met["reads out_of_range"], counts.rows["intervals"]) == (2, 1)


@pytest.mark.parametrize("price", ["9.999999", "-9.999999"])
def test_balances_stop_below_their_bound(price: str) -> None:
    grid, native = pair(price)
    counts = give(grid, native, "reads", reads("C", 1, [MOST, MOST, 1, 0, 10_009, 1]), START + 9 * STEP)
    assert counts.met["reads out_of_range"] >= 1
    assert counts.rows["intervals"] >= 3
    assert abs(grid.twin.accounts()[0]["balance"]) < 10**18
