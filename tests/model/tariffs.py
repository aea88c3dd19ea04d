"""What energy costs: time of use, tiers, standing charges (reference, section 5)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from .calendar import Calendar, Day
from .config import Match, Rate, Tariff

HOLIDAY = 7
Special = tuple[frozenset[date], frozenset[date]]
"""The holidays, and the workdays."""


def kind_of(day: date, special: Special) -> int:
    """The day kind: 0 to 6 for Monday to Sunday, 7 for a holiday; a workday counts as a Monday."""
    holidays, workdays = special
    if day in holidays:
        return HOLIDAY
    return 0 if day in workdays else day.weekday()


def version_on(tariff: Tariff, day: date) -> int:
    """Which version is in force on a day."""
    return bisect_right([rate.valid_from for rate in tariff.rates], day) - 1


def day_prices(rate: Rate, month: int, kind: int, seconds: tuple[int, ...]) -> list[int | None]:
    """The price of each cell of a day; None where no line matches."""
    lines = [line for line in rate.schedule if month in line.months and kind in line.days]
    return [
        next((rate.prices[line.price] for line in lines if line.matches(month, kind, second)), None)
        for second in seconds
    ]


def cell_prices(tariff: Tariff, calendar: Calendar, special: Special) -> list[int | None]:
    """The price of every cell of the calendar."""
    known: dict[tuple[int, int, int, tuple[int, ...]], list[int | None]] = {}
    prices: list[int | None] = []
    for day in calendar.days:
        version = version_on(tariff, day.date)
        key = (version, day.date.month, kind_of(day.date, special), day.seconds)
        if key not in known:
            known[key] = day_prices(tariff.rates[version], *key[1:])
        prices += known[key]
    return prices


def unmatched(tariff: Tariff, calendar: Calendar, special: Special) -> int | None:
    """The first cell that no schedule line matches, if there is one."""
    prices = cell_prices(tariff, calendar, special)
    return prices.index(None) if None in prices else None


def match_days(windows: tuple[Match, ...], day: Day, special: Special) -> tuple[bool, ...]:
    """Which cells of a day match any of the windows."""
    month, kind = day.date.month, kind_of(day.date, special)
    return tuple(any(line.matches(month, kind, second) for line in windows) for second in day.seconds)


@dataclass(frozen=True, slots=True)
class Spread:
    """Energy spread over cells: the first ``rest`` of them get a watt-hour more than ``base``."""

    first: int
    last: int
    base: int
    rest: int

    @classmethod
    def over(cls, energy: int, first: int, last: int) -> Spread:
        """``energy`` over the cells from edge ``first`` to edge ``last``."""
        return cls(first, last, *divmod(energy, last - first))

    def until(self, edge: int) -> int:
        """The energy of the cells before an edge."""
        cells = min(max(edge, self.first), self.last) - self.first
        return self.base * cells + min(cells, self.rest)

    def between(self, low: int, high: int) -> int:
        """The energy of the cells between two edges."""
        return self.until(high) - self.until(low)


class Prices:
    """A tariff on a calendar."""

    def __init__(self, tariff: Tariff, calendar: Calendar, special: Special) -> None:
        self.tariff = tariff
        self.calendar = calendar
        self.sums: list[int] = list(accumulate(cell_prices(tariff, calendar, special), initial=0))  # type: ignore[arg-type]
        self.starts = calendar.starts(tariff.tier_period) if tariff.tier_period != "none" else ()
        self.period_tiers = [self._tiers_at(cell) for cell in self.starts]

    def _tiers_at(self, cell: int) -> tuple[tuple[int, int], ...]:
        day = self.calendar.days[self.calendar.day_of(self.calendar.from_s + cell * self.calendar.cell_s)]
        return self.tariff.rates[version_on(self.tariff, day.date)].tiers

    def time_of_use(self, spread: Spread) -> int:
        """The charge of spread energy, tiers apart, in nano-units."""
        sums, first = self.sums, spread.first
        whole = spread.base * (sums[spread.last] - sums[first])
        return whole + sums[first + spread.rest] - sums[first]

    def parts(self, spread: Spread) -> list[tuple[int, int]]:
        """The spread cut at the edges of the tier periods: (period, energy), in order of time."""
        if not self.starts:
            return []
        period = bisect_right(self.starts, spread.first) - 1
        parts: list[tuple[int, int]] = []
        low = spread.first
        while low < spread.last:
            high = self.starts[period + 1] if period + 1 < len(self.starts) else spread.last
            high = min(high, spread.last)
            parts.append((period, spread.between(low, high)))
            low, period = high, period + 1
        return parts

    def tier_cost(self, period: int, x: int, energy: int) -> int:
        """What going from ``x`` to ``x + energy`` adds in a tier period: F(x + E) − F(x)."""
        return self._f(period, x + energy) - self._f(period, x)

    def _f(self, period: int, x: int) -> int:
        return sum(add * max(0, x - above) for above, add in self.period_tiers[period])

    def standing(self, after: int, until: int) -> int:
        """The standing charges of the midnights ``m`` with ``after < m <= until``, but the calendar's end."""
        days = self.calendar.days
        first = bisect_right(self.calendar.midnights, after)
        last = min(bisect_right(self.calendar.midnights, until), len(days))
        rates = self.tariff.rates
        return sum(rates[version_on(self.tariff, days[i].date)].standing for i in range(first, last))
