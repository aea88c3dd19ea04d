"""What a checked configuration holds: whole seconds, whole watt-hours, nano-units, exact ratios.

Names are the keys of the TOML with the unit last (reference, "Configuration"). Every value is immutable, and
has passed the rules of the reference, sections 1, 2, 5 and 7, and the bounds of `config_limits`.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Literal

import msgspec

__all__ = [
    "HOLIDAY",
    "Engine",
    "Line",
    "Policy",
    "Rate",
    "Span",
    "Tariff",
    "Tier",
    "TierPeriod",
    "TripWindow",
]

TierPeriod = Literal["none", "month", "year"]

HOLIDAY = 7
"""The weekday of a holiday; 0 is Monday and 6 Sunday. A date in ``workdays`` is a 0."""


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """The table ``[engine]``."""

    currency: str
    timezone: str
    calendar_from: date
    calendar_to: date
    cell_s: int
    window_s: int
    holidays: tuple[date, ...]
    workdays: tuple[date, ...]
    max_jump_s: int
    clock_jump_s: int
    future_tolerance_s: int
    late_horizon_s: int
    accept_estimates: bool
    suspect_floor_wh: int
    suspect_ratio: Fraction
    payment_horizon_s: int
    payment_feed_timeout_s: int
    mass_trip_fraction: Fraction
    trip_rate_engine: Fraction
    trip_rate_district: Fraction
    off_tolerance_wh: int
    allowed_lateness_s: int
    window_horizon_s: int
    outage_coverage: Fraction
    loss_coverage: Fraction
    loss_windows: int
    zero_usage_s: int
    silent_after_s: int


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Which cells a schedule line or a trip window matches, by the local time at which a cell starts.

    ``months`` are of 1 to 12 and ``days`` of 0 to 7 (`HOLIDAY`); None is every one. A cell's second of the
    day ``x`` matches if ``from_s <= x < to_s``; where ``from_s > to_s`` it wraps, ``x >= from_s or x <
    to_s``; where they are equal, always.
    """

    months: frozenset[int] | None
    days: frozenset[int] | None
    from_s: int
    to_s: int


class Line(Span, frozen=True, kw_only=True):
    """A line of a schedule: the cells it matches first take ``price``, a key of its rate's ``prices``."""

    price: str


class TripWindow(Span, frozen=True, kw_only=True):
    """Cells in which a policy lets a trip go out."""


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """Energy above ``above_wh`` in the tier period costs ``add`` more, in nano-units per Wh."""

    above_wh: int
    add: int


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a tariff, in force from the local day ``valid_from`` until the next one is.

    ``standing_nano`` is per local midnight; ``prices`` are in nano-units per Wh, which is 10⁻⁶ units per kWh.
    """

    valid_from: date
    standing_nano: int
    prices: dict[str, int]
    schedule: tuple[Line, ...]
    tiers: tuple[Tier, ...]


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff with its versions, ``valid_from`` rising."""

    name: str
    tier_period: TierPeriod
    rates: tuple[Rate, ...]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """When accounts are warned, tripped and restored; ``warn_below`` falls, and notices quote its text."""

    name: str
    warn_below: tuple[int, ...]
    warn_below_text: tuple[str, ...]
    trip_below_nano: int
    restore_above_nano: int
    notice_s: int
    windows: tuple[TripWindow, ...]
    autopay_hold_s: int
    max_staleness_s: int
    ack_timeout_s: int
    max_attempts: int
    command_ttl_s: int
    armed_timeout_s: int
    trip_cooldown_s: int
    restore_retry_s: int
