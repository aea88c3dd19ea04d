"""Accounts of the twin, from on to off and back, told in steps."""

from __future__ import annotations

from typing import Any

import pytest

from model import Twin, TwinConfigError

START = 1_767_196_800  # 2026-01-01 in Shanghai
CONFIG = """
[engine]
currency = "CNY"
timezone = "Asia/Shanghai"
calendar = { from = 2026-01-01, to = 2026-03-01 }
mass_trip_fraction = 1.0
trip_rate_engine = 1.0
trip_rate_district = 1.0
outage_coverage = 0.0
[tariffs.flat]
[[tariffs.flat.rates]]
valid_from = 2026-01-01
prices = { flat = "0.5" }
schedule = [ { price = "flat" } ]
[policies.std]
warn_below = ["20"]
notice = "1h"
"""


@pytest.fixture
def twin() -> Twin:
    """An account A of 21 units with a switchable meter M, read at 0 counts."""
    made = Twin(CONFIG)
    account = {
        "account_id": ["A"],
        "district_id": ["D"],
        "tariff": ["flat"],
        "policy": ["std"],
        "klass": ["low_voltage"],
        "opening_balance": [21 * 10**9],
        "protected": [False],
        "manual_approval": [False],
    }
    meter: dict[str, list[Any]] = {
        "meter_id": ["M"],
        "role": ["consumer"],
        "account_id": ["A"],
        "reading": ["register"],
        "interval_s": [900],
        "wh_per_count": [1000],
        "modulus": [0],
        "max_w": [0],
        "switchable": [True],
    }
    made.apply("accounts", account, START)
    made.apply("meters", meter, START)
    read(made, START, 0)
    return made


def read(twin: Twin, at: int, value: int) -> dict[str, list[dict[str, Any]]]:
    """A read of M that arrives at once."""
    return twin.apply("reads", {"meter_id": ["M"], "at": [at], "value": [value], "status": [0]}, at)


def pay(twin: Twin, number: int, units: int, at: int) -> dict[str, list[dict[str, Any]]]:
    """A payment of A."""
    return twin.apply(
        "payments",
        {
            "payment_id": [number.to_bytes(16, "big")],
            "account_id": ["A"],
            "kind": ["top_up"],
            "amount": [units * 10**9],
            "at": [at],
        },
        at,
    )


def ack(twin: Twin, command: int, at: int) -> dict[str, list[dict[str, Any]]]:
    """The relay did it."""
    return twin.apply("acks", {"command_id": [command], "outcome": ["done"], "at": [at]}, at)


def kinds(rows: list[dict[str, Any]]) -> list[str]:
    """The kinds of rows."""
    return [row["kind"] for row in rows]


def state(twin: Twin) -> str:
    """Where A stands."""
    return str(twin.accounts()[0]["state"])


def test_warned_tripped_paid_restored(twin: Twin) -> None:
    effects = read(twin, START + 900, 2)
    assert kinds(effects["notices"]) == ["low_balance"]
    assert effects["notices"][0]["balance"] == 20 * 10**9
    effects = read(twin, START + 1800, 42)
    assert kinds(effects["notices"]) == ["trip_due"]
    assert twin.accounts()[0]["blocked_by"] == "notice"
    effects = twin.apply("tick", None, START + 1800 + 3600)
    assert kinds(effects["commands"]) == ["trip"]
    assert kinds(ack(twin, 1, START + 5460)["notices"]) == ["tripped"]
    assert state(twin) == "off"
    effects = pay(twin, 1, 30, START + 7200)
    assert kinds(effects["commands"]) == ["restore"]
    assert state(twin) == "restoring"
    assert kinds(ack(twin, 2, START + 7260)["notices"]) == ["restored"]
    assert state(twin) == "on"
    twin.check()


def test_a_payment_counts_once(twin: Twin) -> None:
    pay(twin, 1, 5, START + 60)
    effects = pay(twin, 1, 5, START + 120)
    assert [row["reason"] for row in effects["exceptions"]] == ["duplicate"]
    assert pay(twin, 1, 6, START + 180)["exceptions"][0]["reason"] == "conflict"
    assert twin.accounts()[0]["balance"] == 26 * 10**9


def test_a_gap_is_spread_and_a_late_read_corrects_nothing_at_one_price(twin: Twin) -> None:
    effects = read(twin, START + 3600, 8)
    assert (effects["intervals"][0]["quality"], effects["intervals"][0]["charge"]) == (4, 4 * 10**9)
    late = {"meter_id": ["M"], "at": [START + 900], "value": [7], "status": [0]}
    effects = twin.apply("reads", late, START + 3600)
    assert (effects["intervals"][0]["quality"], effects["intervals"][0]["charge"]) == (8, 0)
    assert effects["ledger"] == []
    assert [(gap["from"] - START, gap["to"] - START, gap["missing"]) for gap in twin.gaps()] == [
        (900, 3600, 2)
    ]


def test_check_sees_money_that_was_never_booked(twin: Twin) -> None:
    twin.check()
    twin.world.accounts["A"].balance += 1
    with pytest.raises(AssertionError, match="balance of account A"):
        twin.check()


def test_every_mistake_of_a_configuration_is_named() -> None:
    wrong = CONFIG.replace('"0.5"', '"10"').replace('notice = "1h"', 'notice = "1 h"\nhours = 2')
    with pytest.raises(TwinConfigError) as caught:
        Twin(wrong)
    keys = {mistake.split(":")[0] for mistake in caught.value.mistakes}
    assert keys == {"tariffs.flat.rates[0].prices.flat", "policies.std.notice", "policies.std.hours"}
