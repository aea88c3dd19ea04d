"""The bounds of a configuration, together in one place, with what each of them protects.

The bounds on prices and money are the reference's (section 1). The others are ours: far above what a utility
needs, and low enough that the engine's 64-bit sums and indices hold.
"""

from __future__ import annotations

from datetime import date

DAY_S = 86_400

TEXT_BYTES = 16 << 20
"""A configuration's TOML text: room for ten thousand tariffs."""

PRICE = 10**7
"""A price, in 10⁻⁶ units per kWh, and a running sum of tiers, stays below this (reference, section 1)."""

MONEY_NANO = 10**18
"""An amount, in nano-units, stays below this (reference, section 1); so it fits ``decimal64(18, 9)``."""

ENERGY_WH = 10**15
"""A sum of energy stays below this (reference, section 1)."""

DURATION_S = 36_600 * DAY_S
"""A hundred years: instants with a few durations added stay far inside 64 bits."""

COUNT = 1_000_000
"""``max_attempts`` and ``loss_windows``: they are counted in 32 bits."""

RATIO = 1_000_000
RATIO_DECIMALS = 12
"""A ratio is at most RATIO and has at most RATIO_DECIMALS decimals: both its terms are at most 10¹⁸."""

CALENDAR_FROM = date(1970, 1, 2)
CALENDAR_TO = date(2500, 1, 1)
"""The first and the last day of a calendar: none of its instants is before the epoch, in any zone."""

CALENDAR_DAYS = 73_050
CALENDAR_CELLS = 20_000_000
"""200 years, and the length of the arrays that have an entry per cell."""

NAMES = 65_535
"""Tariffs, policies; the engine numbers them in 16 bits."""

NAME_BYTES = 255
VERSIONS = 10_000
PRICES = 1_000
LINES = 1_000
TIERS = 64
WARN_LEVELS = 64
"""A bit each says which warn levels have been said."""
