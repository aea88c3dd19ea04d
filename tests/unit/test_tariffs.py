"""A tariff laid over the calendar: prices, standing charges and tiers by version."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from fastcore.calendar import Calendar
from fastcore.config import Config
from fastcore.tariffs import TariffTables

TWO_VERSIONS = """
[engine]
currency = "CNY"
timezone = "Europe/London"
calendar = { from = 2026-03-20, to = 2027-02-01 }
holidays = [2026-03-25]

[tariffs.t]
tier_period = "month"
[[tariffs.t.rates]]
valid_from = 2025-01-01
standing = "0.000000007"
prices = { peak = "0.000003", flat = "0.000001", special = "-0.000005" }
schedule = [
  { days = "holidays", price = "special" },
  { days = "mon-fri", from = "08:00", to = "11:00", price = "peak" },
  { price = "flat" },
]
tiers = [{ above = 1, add = "0.1" }, { above = 2.5, add = "0.2" }]
[[tariffs.t.rates]]
valid_from = 2026-04-01
standing = "0.000000009"
prices = { all = "0.000002" }
schedule = [{ price = "all" }]
[[tariffs.t.rates]]
valid_from = 2026-04-15
prices = { none = "0" }
schedule = [{ price = "none" }]
tiers = [{ above = 0, add = "0.3" }]
[[tariffs.t.rates]]
valid_from = 2030-01-01
standing = "5"
prices = { later = "1" }
schedule = [{ price = "later" }]
"""


def tables(text: str, name: str = "t") -> tuple[Calendar, TariffTables]:
    config = Config.from_toml(text)
    calendar = Calendar.build(config)
    return calendar, TariffTables.build(config.tariffs[name], calendar)


def day_of(calendar: Calendar, day: str) -> int:
    return int(np.flatnonzero(calendar.day_ordinal == date.fromisoformat(day).toordinal())[0])


def prices_of_day(calendar: Calendar, found: TariffTables, day: str) -> list[int]:
    low, high = calendar.day_first_cell[day_of(calendar, day) :][:2]
    return np.diff(found.price_sum[low : high + 1]).tolist()


def test_the_first_line_prices_a_cell_in_the_version_of_its_day():
    calendar, found = tables(TWO_VERSIONS)
    assert (found.price_sum[0], len(found.price_sum)) == (0, calendar.n_cells + 1)
    assert prices_of_day(calendar, found, "2026-03-20") == [1] * 32 + [3] * 12 + [1] * 52
    assert prices_of_day(calendar, found, "2026-03-21") == [1] * 96
    assert prices_of_day(calendar, found, "2026-03-25") == [-5] * 96
    assert prices_of_day(calendar, found, "2026-03-29") == [1] * 92
    assert prices_of_day(calendar, found, "2026-03-31") == [1] * 32 + [3] * 12 + [1] * 52
    assert prices_of_day(calendar, found, "2026-04-01") == [2] * 96
    assert prices_of_day(calendar, found, "2026-04-14") == [2] * 96
    assert prices_of_day(calendar, found, "2026-04-15") == [0] * 96


def test_the_sum_up_to_any_cell_is_the_sum_of_the_days():
    calendar, found = tables(TWO_VERSIONS)
    days = ("2026-03-20", "2026-03-21", "2026-03-22", "2026-03-23", "2026-03-24", "2026-03-25")
    edge = calendar.day_first_cell[6]
    assert (
        found.price_sum[edge] == sum(sum(prices_of_day(calendar, found, day)) for day in days) == 4 * 0 + 72
    )


def test_standing_is_that_of_the_day_which_the_midnight_starts():
    calendar, found = tables(TWO_VERSIONS)
    assert len(found.standing_of_day) == calendar.n_days == 318
    at = {
        day: int(found.standing_of_day[day_of(calendar, day)])
        for day in ("2026-03-31", "2026-04-01", "2026-04-14")
    }
    assert at == {"2026-03-31": 7, "2026-04-01": 9, "2026-04-14": 9}
    assert set(found.standing_of_day[day_of(calendar, "2026-04-15") :].tolist()) == {0}


def test_tiers_are_those_of_the_version_in_a_periods_first_cell():
    _, found = tables(TWO_VERSIONS)
    assert found.tier_kind == 1
    assert found.version_of_period.tolist() == [0, 1, *[2] * 9]
    assert found.tier_offset.tolist() == [0, 2, 2, 3, 3]
    assert found.tier_above.tolist() == [1000, 2500, 0]
    assert found.tier_add.tolist() == [100000, 200000, 300000]


def test_tiers_by_the_year():
    _, found = tables(TWO_VERSIONS.replace('tier_period = "month"', 'tier_period = "year"'))
    assert found.tier_kind == 2
    assert found.version_of_period.tolist() == [0, 2]


def test_a_tariff_without_tiers():
    text = TWO_VERSIONS.replace('tier_period = "month"\n', "").replace("\ntiers", "\n#")
    _, found = tables(text)
    assert found.tier_kind == 0
    assert [len(a) for a in (found.version_of_period, found.tier_above, found.tier_add)] == [0, 0, 0]
    assert found.tier_offset.tolist() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("price_sum", np.int64),
        ("standing_of_day", np.int64),
        ("version_of_period", np.int32),
        ("tier_offset", np.int32),
        ("tier_above", np.int64),
        ("tier_add", np.int64),
    ],
)
def test_arrays_are_read_only_contiguous_and_of_the_promised_types(name, kind):
    _, found = tables(TWO_VERSIONS)
    array = getattr(found, name)
    assert array.dtype == kind
    assert array.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_sums_of_the_highest_price_stay_in_range():
    text = """
[engine]
currency = "CNY"
timezone = "UTC"
calendar = {{ from = 2026-01-01, to = 2028-01-01 }}
cell = "1m"
[tariffs.t]
[[tariffs.t.rates]]
valid_from = 2026-01-01
standing = "{0}999999999.999999999"
prices = {{ p = "{0}9.999999" }}
schedule = [{{ price = "p" }}]
"""
    for sign in (1, -1):
        calendar, found = tables(text.format("-" if sign < 0 else ""))
        assert found.price_sum[-1] == sign * 9_999_999 * calendar.n_cells
        assert found.standing_of_day[0] == sign * (10**18 - 1)
