"""The configuration of the benchmarks' county, and what its hours cost, written a second time.

`HOURLY` is no reading of the configuration but a table of its own: what a working day in July costs in each
local hour. The answers of the core are held against it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["CELL_S", "CONFIG", "HOURLY", "STANDING_NANO", "TARIFFS", "ZONE_S"]

CELL_S: Final = 900
ZONE_S: Final = 8 * 3600
"""How far local time is ahead of UTC, all year."""

CONFIG: Final = """
[engine]
currency = "CNY"
timezone = "Asia/Shanghai"
calendar = { from = 2026-01-01, to = 2028-01-01 }
holidays = [2026-10-01, 2026-10-02, 2026-10-03]
mass_trip_fraction = 0.05

[tariffs.household]
tier_period = "year"
[[tariffs.household.rates]]
valid_from = 2026-01-01
prices = { day = "0.568", night = "0.288" }
schedule = [{ from = "08:00", to = "22:00", price = "day" }, { price = "night" }]
tiers = [{ above = 2760, add = "0.05" }, { above = 4800, add = "0.30" }]

[tariffs.commerce]
[[tariffs.commerce.rates]]
valid_from = 2026-01-01
standing = "1.20"
prices = { sharp = "1.2064", peak = "0.9982", flat = "0.6644", valley = "0.3305" }
schedule = [
  { months = [1, 7, 8, 12], from = "19:00", to = "21:00", price = "sharp" },
  { from = "08:00", to = "11:00", price = "peak" },
  { from = "13:00", to = "22:00", price = "peak" },
  { days = "holidays", price = "valley" },
  { from = "22:00", to = "08:00", price = "valley" },
  { price = "flat" },
]

[tariffs.farm]
[[tariffs.farm.rates]]
valid_from = 2026-01-01
prices = { all = "0.4312" }
schedule = [{ price = "all" }]

[policies.household]
warn_below = ["50", "20"]
trip_below = "0"
notice = "48h"
windows = [{ days = "mon-fri", from = "09:00", to = "16:00" }]

[policies.commerce]
warn_below = ["500", "100"]
trip_below = "-50"
restore_above = "0"
notice = "24h"
windows = [{ days = "mon-fri", from = "09:00", to = "16:00" }]
"""

TARIFFS: Final = ("household", "commerce", "farm")
STANDING_NANO: Final[NDArray[np.int64]] = np.array([0, 1_200_000_000, 0], np.int64)

_HOUSEHOLD = [288_000] * 8 + [568_000] * 14 + [288_000] * 2
_COMMERCE = (
    [330_500] * 8
    + [998_200] * 3
    + [664_400] * 2
    + [998_200] * 6
    + [1_206_400] * 2
    + [998_200]
    + [330_500] * 2
)
HOURLY: Final[NDArray[np.int64]] = np.array([_HOUSEHOLD, _COMMERCE, [431_200] * 24], np.int64)
"""Nano-units per Wh by tariff and local hour, on a working day in July."""
