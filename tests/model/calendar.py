"""Local time: midnights, months, years, and what a schedule sees of a cell (reference, section 2)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Day:
    """A local day: its cells, and the local second of the day at which each starts."""

    date: date
    first_cell: int
    seconds: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The cells between two local midnights. Cell ``k`` is the one that starts at ``from_s + k·cell_s``."""

    zone: str
    cell_s: int
    from_s: int
    to_s: int
    midnights: tuple[int, ...]
    """Every local midnight, the calendar's two ends among them."""
    days: tuple[Day, ...]
    months: tuple[int, ...]
    """The first cell of each local month, the first being 0."""
    years: tuple[int, ...]
    cells: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", (self.to_s - self.from_s) // self.cell_s)

    def edge(self, at: int) -> int:
        """How many cells end at or before ``at``."""
        return (at - self.from_s) // self.cell_s

    def day_of(self, at: int) -> int:
        """The number of the local day that ``at`` lies in, its midnight included."""
        return bisect_right(self.midnights, at) - 1

    def starts(self, period: str) -> tuple[int, ...]:
        """The first cells of the tier periods."""
        return self.months if period == "month" else self.years


def first_instant(zone: ZoneInfo, day: date) -> int:
    """The first instant of a local day, also where its midnight comes twice or never."""
    guess = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
    if local(zone, guess).date() == day and local(zone, guess - 1).date() != day:
        return guess
    low, high = guess - DAY_S, guess + DAY_S
    while high - low > 1:
        middle = (low + high) // 2
        if local(zone, middle).date() < day:
            low = middle
        else:
            high = middle
    return high


def local(zone: ZoneInfo, at: int) -> datetime:
    """The local time of an instant."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone)


def second_of_day(moment: datetime) -> int:
    """The wall clock, in seconds."""
    return moment.hour * 3600 + moment.minute * 60 + moment.second


@lru_cache(maxsize=256)
def calendar_of(zone_name: str, first: date, last: date, cell_s: int) -> Calendar:
    """The calendar from one local midnight to another; ``ValueError`` where a midnight is inside a cell."""
    zone = ZoneInfo(zone_name)
    midnights: list[int] = []
    days: list[Day] = []
    months: list[int] = []
    years: list[int] = []
    day, start = first, first_instant(zone, first)
    from_s = start
    whole = tuple(range(0, DAY_S, cell_s))
    while day < last:
        following = day + timedelta(days=1)
        end = first_instant(zone, following)
        if start % cell_s:
            raise ValueError(f"the midnight of {day} is not a whole number of cells")
        cell = (start - from_s) // cell_s
        opening = local(zone, start)
        regular = end - start == DAY_S and opening.utcoffset() == local(zone, end - 1).utcoffset()
        seconds = whole
        if not regular or second_of_day(opening):
            seconds = tuple(second_of_day(local(zone, at)) for at in range(start, end, cell_s))
        midnights.append(start)
        days.append(Day(day, cell, seconds))
        if day == first or day.day == 1:
            months.append(cell)
            if day == first or day.month == 1:
                years.append(cell)
        day, start = following, end
    if start % cell_s:
        raise ValueError(f"the midnight of {last} is not a whole number of cells")
    midnights.append(start)
    return Calendar(
        zone_name, cell_s, from_s, start, tuple(midnights), tuple(days), tuple(months), tuple(years)
    )
