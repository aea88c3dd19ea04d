"""Local time to cells: days, months, years, holidays, schedules and trip windows (reference, section 2).

A `Calendar` counts cells from its start: cell ``k``, from 0, is ``(from_s + k·cell_s, from_s +
(k+1)·cell_s]``, and edge ``k`` is ``from_s + k·cell_s``. A cell belongs to the local day, month, year and
hour in which it starts. A day begins with its first instant, and lasts until the next one begins: where a
clock put back repeats an hour of yesterday after midnight, that hour is still today's, though its hour of the
day is what the clock shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from math import gcd
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fastcore.arrays import frozen
from fastcore.config_model import HOLIDAY, Engine, Policy, Span
from fastcore.errors import ConfigError
from fastcore.localtime import Era, eras, midnights

__all__ = ["Calendar"]

_DAY_S = 86_400
_DAYS = HOLIDAY + 1


class _Configured(Protocol):
    """What has an ``[engine]`` table: a `Config`."""

    @property
    def engine(self) -> Engine: ...


class Calendar:
    """The cells, days, months and years of a configuration's calendar, as read-only C-contiguous arrays.

    Attributes
    ----------
    from_s, to_s, cell_s : int
        First and last edge, in seconds since the epoch, and a cell's length in seconds.
    n_cells, n_days, n_months, n_years : int
        How many cells there are, and how many local days, months and years they start in; the first and the
        last may be partial.
    day_of_edge : uint32[n_cells + 1]
        The local midnights ``m`` with ``from_s <= m <= edge k``: 1 at first; the calendar's last midnight
        counts at the last edge. A cell ``k`` lies in day ``day_of_edge[k] - 1``.
    day_ordinal : int32[n_days]
        The date of each day, as ``date.toordinal()``.
    day_first_cell : int64[n_days + 1]
        The first cell of each day, and ``n_cells``.
    month_of_cell, year_of_cell : uint16[n_cells]
        The month and the year of each cell, counted from 0 at the calendar's start.
    month_first_cell, year_first_cell : int64[n + 1]
        The first cell of each month and of each year, and ``n_cells``.
    cell_local_month : uint8[n_cells]
        1 to 12.
    cell_weekday : uint8[n_cells]
        0 (Monday) to 6, and 7 for a holiday; a date in ``workdays`` is a 0.
    cell_second_of_day : int32[n_cells]
        What a clock shows at the cell's start, in seconds after 00:00.

    """

    def __init__(self, engine: Engine) -> None:
        self.cell_s = engine.cell_s
        spans = eras(engine.timezone, engine.calendar_from, engine.calendar_to)
        ordinals, starts_s = midnights(spans, engine.calendar_from, engine.calendar_to)
        _check(engine, ordinals, starts_s)
        self.from_s, self.to_s = int(starts_s[0]), int(starts_s[-1])
        self.n_cells = (self.to_s - self.from_s) // self.cell_s
        self._lay_days(engine, ordinals[:-1], (starts_s - self.from_s) // self.cell_s)
        self.cell_second_of_day = frozen(self._seconds_of_day(spans))

    @classmethod
    def build(cls, config: _Configured) -> Calendar:
        """Return the calendar of a configuration; about 5 ms for three years of quarter-hours.

        Raises ConfigError if its first or last day does not exist in the zone, or if a local midnight is not
        on a whole cell.
        """
        return cls(config.engine)

    @property
    def n_days(self) -> int:
        """Days that the cells start in."""
        return len(self.day_ordinal)

    @property
    def n_months(self) -> int:
        """Months that the cells start in."""
        return len(self.month_first_cell) - 1

    @property
    def n_years(self) -> int:
        """Years that the cells start in."""
        return len(self.year_first_cell) - 1

    def trip_mask(self, policy: Policy) -> NDArray[np.uint8]:
        """Return uint8[n_cells]: 1 where a trip window of the policy matches; 1 everywhere if it has none."""
        if not policy.windows:
            return frozen(np.ones(self.n_cells, np.uint8))
        return frozen((self.first_match(policy.windows)[self.slot_of_cell] >= 0).astype(np.uint8))

    def first_match(self, spans: Sequence[Span]) -> NDArray[np.int32]:
        """Return int32[n_slots]: for each slot the first of the spans that matches it, or -1.

        A slot is a month, a day of the week and a time of the day, as cells start in them; `slot_of_cell`
        leads to it. There are far fewer slots than cells, so that schedules are matched once a slot and
        gathered.
        """
        out = np.full((12, _DAYS, _DAY_S // self._step_s), -1, np.int32)
        time_s = np.arange(0, _DAY_S, self._step_s)
        for i in range(len(spans) - 1, -1, -1):
            span = spans[i]
            within = _within(time_s, span.from_s, span.to_s)
            months = np.array(sorted(span.months or range(1, 13))) - 1
            days = np.array(sorted(span.days or range(_DAYS)))
            out[np.ix_(months, days, np.flatnonzero(within))] = i
        return out.reshape(-1)

    @cached_property
    def slot_of_cell(self) -> NDArray[np.int32]:
        """int32[n_cells]: the slot (see `first_match`) that each cell starts in."""
        day = (self.cell_local_month.astype(np.int32) - 1) * _DAYS + self.cell_weekday
        return frozen(day * (_DAY_S // self._step_s) + self.cell_second_of_day // self._step_s)

    @cached_property
    def _step_s(self) -> int:
        """The seconds between times of the day at which cells start, at most."""
        return gcd(_DAY_S, int(np.gcd.reduce(self.cell_second_of_day)))

    def _lay_days(self, engine: Engine, ordinals: NDArray[np.int64], first_cells: NDArray[np.int64]) -> None:
        """Lay the days, and with them months, years and weekdays, over the cells."""
        lengths = np.diff(first_cells)
        dates = [date.fromordinal(int(n)) for n in ordinals]
        years, months = np.array([d.year for d in dates]), np.array([d.month for d in dates])
        day = np.repeat(np.arange(1, len(dates) + 1, dtype=np.uint32), lengths)
        self.day_of_edge = frozen(np.append(day, np.uint32(len(dates) + 1)))
        self.day_ordinal = frozen(ordinals.astype(np.int32))
        self.day_first_cell = frozen(first_cells)
        month_of_day = years * 12 + months - (years[0] * 12 + months[0])
        year_of_day = years - years[0]
        self.month_of_cell = frozen(np.repeat(month_of_day.astype(np.uint16), lengths))
        self.year_of_cell = frozen(np.repeat(year_of_day.astype(np.uint16), lengths))
        self.month_first_cell = frozen(_first_cells(month_of_day, first_cells))
        self.year_first_cell = frozen(_first_cells(year_of_day, first_cells))
        self.cell_local_month = frozen(np.repeat(months.astype(np.uint8), lengths))
        self.cell_weekday = frozen(np.repeat(_weekdays(engine, dates), lengths))

    def _seconds_of_day(self, spans: Sequence[Era]) -> NDArray[np.int32]:
        starts_s = np.arange(self.n_cells, dtype=np.int64) * self.cell_s
        out = np.empty(self.n_cells, np.int32)
        for era in spans:
            # The cells that start within the era.
            low = max(0, -((self.from_s - era.start_s) // self.cell_s))
            high = min(self.n_cells, -((self.from_s - era.end_s) // self.cell_s))
            if low < high:
                out[low:high] = (starts_s[low:high] + (self.from_s + era.offset_s)) % _DAY_S
        return out


def _check(engine: Engine, ordinals: NDArray[np.int64], starts_s: NDArray[np.int64]) -> None:
    mistakes = []
    zone = engine.timezone
    for key, day in (("from", engine.calendar_from), ("to", engine.calendar_to)):
        if day.toordinal() not in ordinals[[0, -1]]:
            mistakes.append(
                f"engine.calendar.{key}: expected a date that {zone} has; found {day}, which it skipped"
            )
    off = np.flatnonzero(starts_s % engine.cell_s)
    if len(off):
        day, at = date.fromordinal(int(ordinals[off[0]])), np.datetime64(int(starts_s[off[0]]), "s")
        mistakes.append(
            f"engine.cell: expected local midnights to be whole cells of {engine.cell_s} s since the epoch; "
            f"found {len(off)} that are not, the first of them {day}, which begins at {at}Z in {zone}"
        )
    if mistakes:
        raise ConfigError(mistakes)


def _weekdays(engine: Engine, dates: Sequence[date]) -> NDArray[np.uint8]:
    special = dict.fromkeys(engine.holidays, HOLIDAY) | dict.fromkeys(engine.workdays, 0)
    return np.array([special.get(day, day.weekday()) for day in dates], np.uint8)


def _first_cells(period_of_day: NDArray[np.int64], first_cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first cell of each period, and the number of cells."""
    firsts = np.flatnonzero(np.diff(period_of_day, prepend=-1))
    return np.append(first_cells[firsts], first_cells[-1])


def _within(time_s: NDArray[np.int64], from_s: int, to_s: int) -> NDArray[np.bool_]:
    after, before = from_s <= time_s, time_s < to_s
    return after & before if from_s < to_s else after | before
