"""A configuration that holds together, and what a later one may change of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from .calendar import Calendar
from .errors import TwinConfigError


@dataclass(frozen=True, slots=True)
class Match:
    """A schedule line or trip window: the cells it matches, and the price that it names."""

    months: frozenset[int]
    days: frozenset[int]
    from_s: int
    to_s: int
    price: str = ""

    def matches(self, month: int, kind: int, second: int) -> bool:
        """Whether it matches the cell that starts then."""
        if month not in self.months or kind not in self.days:
            return False
        if self.from_s < self.to_s:
            return self.from_s <= second < self.to_s
        return self.from_s == self.to_s or second >= self.from_s or second < self.to_s


@dataclass(frozen=True, slots=True)
class Rate:
    """One version of a tariff, from a local date on; tiers as (above in Wh, added price)."""

    valid_from: date
    standing: int
    prices: dict[str, int]
    schedule: tuple[Match, ...]
    tiers: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    """A tariff's versions, oldest first."""

    tier_period: str
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """When to warn, trip and restore; money in nano-units, times in seconds, levels with their text."""

    warn_below: tuple[tuple[int, str], ...]
    trip_below: int
    restore_above: int
    notice: int
    windows: tuple[Match, ...]
    autopay_hold: int
    max_staleness: int
    ack_timeout: int
    max_attempts: int
    command_ttl: int
    armed_timeout: int
    trip_cooldown: int
    restore_retry: int


FIXED = (
    "currency",
    "timezone",
    "cell",
    "window",
    "future_tolerance",
    "late_horizon",
    "payment_horizon",
    "window_horizon",
)
"""What shapes the state, and so may not change."""


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration without mistakes."""

    engine: dict[str, object]
    tariffs: dict[str, Tariff]
    policies: dict[str, Policy]
    calendar: Calendar

    def number(self, key: str) -> int:
        """A count, or a duration in seconds, of ``[engine]``."""
        value = self.engine[key]
        assert isinstance(value, int)
        return value

    def ratio(self, key: str) -> Fraction:
        """A ratio of ``[engine]``."""
        value = self.engine[key]
        assert isinstance(value, Fraction)
        return value

    def check_change(self, new: Config, tariffs: set[str], policies: set[str]) -> None:
        """Raise ``TwinConfigError`` where ``new`` changes what it may not, or drops what is in use."""
        mistakes = [f"engine.{key}: may not change" for key in FIXED if new.engine[key] != self.engine[key]]
        if new.calendar.days[0].date != self.calendar.days[0].date:
            mistakes.append("engine.calendar.from: may not change")
        if new.calendar.to_s < self.calendar.to_s:
            mistakes.append("engine.calendar.to: may only come later")
        mistakes += [f"tariffs.{name}: is in use" for name in sorted(tariffs - new.tariffs.keys())]
        mistakes += [f"policies.{name}: is in use" for name in sorted(policies - new.policies.keys())]
        if mistakes:
            raise TwinConfigError(mistakes)
