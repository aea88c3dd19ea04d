"""A tariff laid over the calendar: running price sums, tiers and standing charges (reference, section 5).

With the running sum ``P`` of the cells' prices, the time-of-use charge of any stretch is one subtraction per
part: an interval and a month-long gap cost the same to rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
from numpy.typing import NDArray

from fastcore.arrays import frozen
from fastcore.calendar import Calendar
from fastcore.config_model import Rate, Tariff, TierPeriod

__all__ = ["TIER_KINDS", "TariffTables", "uncovered"]

TIER_KINDS: tuple[TierPeriod, ...] = ("none", "month", "year")
"""What ``tier_kind`` numbers."""


class TariffTables:
    """What rating needs of one tariff, as read-only C-contiguous arrays.

    Attributes
    ----------
    price_sum : int64[n_cells + 1]
        ``P``: the sum of the prices of the cells before ``k``, in nano-units per Wh; |P| < 2·10¹⁴.
    standing_of_day : int64[n_days]
        What the midnight of each day charges, in nano-units: that of edge ``k`` is
        ``standing_of_day[day_of_edge[k] - 1]``. The midnight that ends the calendar charges nothing.
    tier_kind : int
        0 no tiers, 1 by month, 2 by year.
    version_of_period : int32[n_periods]
        The version in force in the first cell of each month or year; empty without tiers.
    tier_offset : int32[n_versions + 1]
        Version ``v`` has the tiers ``tier_offset[v]`` up to before ``tier_offset[v + 1]``.
    tier_above, tier_add : int64[]
        Of each tier the level, in Wh, rising within a version, and what crossing it adds, in nano-units per
        Wh.

    """

    def __init__(self, tariff: Tariff, calendar: Calendar) -> None:
        version_of_day = _version_of_day(tariff, calendar)
        price = np.zeros(calendar.n_cells + 1, np.int64)
        for rate, cells in _in_force(tariff, calendar, version_of_day):
            price[1:][cells] = _price_of_slot(rate, calendar)[calendar.slot_of_cell[cells]]
        self.price_sum = frozen(np.cumsum(price, out=price))
        self.standing_of_day = frozen(
            np.array([rate.standing_nano for rate in tariff.rates], np.int64)[version_of_day]
        )
        self.tier_kind = TIER_KINDS.index(tariff.tier_period)
        first_cell = (np.zeros(1, np.int64), calendar.month_first_cell, calendar.year_first_cell)[
            self.tier_kind
        ][:-1]
        self.version_of_period = frozen(version_of_day[calendar.day_of_edge[first_cell] - 1].astype(np.int32))
        self.tier_offset = frozen(np.cumsum([0, *(len(rate.tiers) for rate in tariff.rates)], dtype=np.int32))
        tiers = [tier for rate in tariff.rates for tier in rate.tiers]
        self.tier_above = frozen(np.array([tier.above_wh for tier in tiers], np.int64))
        self.tier_add = frozen(np.array([tier.add for tier in tiers], np.int64))

    @classmethod
    def build(cls, tariff: Tariff, calendar: Calendar) -> TariffTables:
        """Return a checked tariff's tables; about 2 ms for three years of quarter-hours."""
        return cls(tariff, calendar)


def uncovered(tariff: Tariff, calendar: Calendar) -> Iterator[str]:
    """Yield the cells of the calendar that have no price, for want of a version or a line, as mistakes."""
    key = f"tariffs.{tariff.name}.rates"
    first_day, first = date.fromordinal(int(calendar.day_ordinal[0])), tariff.rates[0].valid_from
    if first > first_day:
        yield f"{key}[0].valid_from: expected at most {first_day}, the calendar's first day; found {first}"
    version_of_day = np.maximum(_version_of_day(tariff, calendar), 0)
    for i, (rate, cells) in enumerate(_in_force(tariff, calendar, version_of_day)):
        missed = np.flatnonzero(calendar.first_match(rate.schedule)[calendar.slot_of_cell[cells]] < 0)
        if len(missed):
            k = cells.start + int(missed[0])
            day = date.fromordinal(int(calendar.day_ordinal[calendar.day_of_edge[k] - 1]))
            minute = int(calendar.cell_second_of_day[k]) // 60
            yield (
                f"{key}[{i}].schedule: expected a line for every cell while it is in force; found none for "
                f"{len(missed)} cells, the first of them at {day} {minute // 60:02}:{minute % 60:02}"
            )


def _version_of_day(tariff: Tariff, calendar: Calendar) -> NDArray[np.int64]:
    """Return int64[n_days]: the newest version whose ``valid_from`` has come; -1 before the first."""
    valid_from = np.array([rate.valid_from.toordinal() for rate in tariff.rates], np.int32)
    return np.searchsorted(valid_from, calendar.day_ordinal, side="right") - 1


def _in_force(
    tariff: Tariff, calendar: Calendar, version_of_day: NDArray[np.int64]
) -> Iterator[tuple[Rate, slice]]:
    """Yield each version with the cells in which it is in force, which may be none."""
    edges = np.searchsorted(version_of_day, np.arange(len(tariff.rates) + 1), side="left")
    for i, rate in enumerate(tariff.rates):
        yield rate, slice(int(calendar.day_first_cell[edges[i]]), int(calendar.day_first_cell[edges[i + 1]]))


def _price_of_slot(rate: Rate, calendar: Calendar) -> NDArray[np.int64]:
    """Return the price of every slot; of one without a line, in which no cell starts, the last line's."""
    prices = np.array([rate.prices[line.price] for line in rate.schedule], np.int64)
    return prices[calendar.first_match(rate.schedule)]
