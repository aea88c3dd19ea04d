"""The twin's arithmetic, by hand."""

from __future__ import annotations

from datetime import date

import pytest

from model.calendar import calendar_of
from model.config import Match, Rate, Tariff
from model.rating import Bill, tier_cost
from model.tariffs import Prices, Spread

ALL_DAYS = frozenset(range(8))
ALL_MONTHS = frozenset(range(1, 13))
NOBODY: tuple[frozenset[date], frozenset[date]] = (frozenset(), frozenset())


@pytest.fixture
def prices() -> Prices:
    """2026-01-30 to 2026-03-02 by the hour: 3 by night, else 5; above 10 Wh a month 7 more; 2 a day."""
    schedule = (
        Match(ALL_MONTHS, ALL_DAYS, 0, 6 * 3600, "night"),
        Match(ALL_MONTHS, ALL_DAYS, 0, 86400, "day"),
    )
    rate = Rate(date(2026, 1, 1), 2, {"night": 3, "day": 5}, schedule, ((10, 7),))
    later = Rate(date(2026, 2, 15), 4, {"night": 3, "day": 5}, schedule, ((0, 1),))
    calendar = calendar_of("UTC", date(2026, 1, 30), date(2026, 3, 2), 3600)
    return Prices(Tariff("month", (rate, later)), calendar, NOBODY)


def test_the_first_cells_get_the_rest() -> None:
    spread = Spread.over(11, 4, 8)
    assert [spread.between(k, k + 1) for k in range(3, 9)] == [0, 3, 3, 3, 2, 0]


def test_time_of_use_is_the_sum_over_cells(prices: Prices) -> None:
    spread = Spread.over(11, 4, 8)  # two cells by night, two by day
    assert prices.time_of_use(spread) == 3 * 3 + 3 * 3 + 3 * 5 + 2 * 5


def test_a_stretch_is_cut_at_the_month(prices: Prices) -> None:
    spread = Spread.over(48 * 2 + 5, 24, 72)
    assert prices.parts(spread) == [(0, 24 * 2 + 5), (1, 24 * 2)]


def test_tiers_count_from_the_level_on(prices: Prices) -> None:
    assert [prices.tier_cost(0, x, 4) for x in (0, 6, 8, 20)] == [0, 0, 14, 28]


def test_a_period_keeps_the_tiers_of_its_first_cell(prices: Prices) -> None:
    assert prices.tier_cost(1, 10, 1) == 7
    assert prices.tier_cost(2, 10, 1) == 1


def test_energy_of_older_periods_counts_in_the_one_before(prices: Prices) -> None:
    bill = Bill(period=2, period_wh=5, previous_wh=9)
    assert tier_cost(bill, prices, Spread.over(3, 0, 1)) == 2 * 7  # January's, priced in February from 9 on
    assert (bill.period, bill.period_wh, bill.previous_wh) == (2, 5, 12)


def test_a_period_that_is_skipped_leaves_nothing_before(prices: Prices) -> None:
    bill = Bill(period=0, period_wh=5, previous_wh=9)
    tier_cost(bill, prices, Spread.over(0, 31 * 24, 31 * 24 + 1))
    assert (bill.period, bill.period_wh, bill.previous_wh) == (2, 0, 0)


def test_standing_is_for_midnights_after_the_last_read(prices: Prices) -> None:
    midnights = prices.calendar.midnights
    assert prices.standing(midnights[0], midnights[0]) == 0
    assert prices.standing(midnights[0], midnights[1]) == 2
    assert prices.standing(midnights[0], midnights[1] - 1) == 0
    assert prices.standing(midnights[15], midnights[17]) == 2 * 4
    assert prices.standing(midnights[-2], midnights[-1]) == 0  # the calendar's end starts no day
