"""The county's configuration: tariffs, policies, and limits drawn so tightly that a day shows everything.

A utility would give two days' notice and wait for a loss to last for a day. Here the notice is four hours and
six hours of loss are enough, since the demo has one day; nothing else is different.
"""

from __future__ import annotations

from typing import Final

from pipeline.demo.county import FARM, HOUSEHOLD, INDUSTRY, SHOP

TIMEZONE: Final = "Asia/Shanghai"
MIDNIGHT_S: Final = 1_784_044_800  # 2026-07-15 00:00 in Hefeng, a Wednesday
EVENING_S: Final = MIDNIGHT_S - 4 * 3600
QUARTER_S: Final = 900
QUARTERS: Final = 96
ALLOWED_LATENESS_S: Final = 2 * 3600
LOOK_AT_S: Final = 300  # of each quarter-hour, when the desk looks who is due
TRIP_FROM_S, TRIP_TO_S = 9 * 3600, 16 * 3600  # local seconds of the day between which a trip may go out

TARIFF_OF_KIND: Final = {INDUSTRY: "industry", HOUSEHOLD: "household", SHOP: "commercial", FARM: "farm"}
PREPAID_POLICY_OF_KIND: Final = {INDUSTRY: "industry", HOUSEHOLD: "household", SHOP: "shop", FARM: "farm"}
POSTPAID_POLICY: Final = "postpaid"

NOTICE_S: Final = {
    "industry": 4 * 3600,
    "household": 4 * 3600,
    "shop": 4 * 3600,
    "farm": 4 * 3600,
    "postpaid": 172_800,
}
TRIP_BELOW: Final = {"industry": 0, "household": 0, "shop": 0, "farm": -10, "postpaid": -5_000}

TOML: Final = """\
[engine]
currency = "CNY"
timezone = "Asia/Shanghai"
calendar = { from = 2026-01-01, to = 2027-01-01 }
cell = "15m"
window = "1h"
allowed_lateness = "2h"
payment_feed_timeout = "10m"
trip_rate_engine = 0.001
trip_rate_district = 0.05
loss_windows = 6
silent_after = "6h"

[tariffs.household]
tier_period = "year"
[[tariffs.household.rates]]
valid_from = 2025-01-01
prices = { peak = "0.588", flat = "0.558", valley = "0.288" }
schedule = [
  { from = "18:00", to = "22:00", price = "peak" },
  { from = "23:00", to = "07:00", price = "valley" },
  { price = "flat" },
]
tiers = [ { above = 2160, add = "0.05" }, { above = 4200, add = "0.30" } ]

[tariffs.commercial]
[[tariffs.commercial.rates]]
valid_from = 2025-01-01
standing = "0.50"
prices = { peak = "0.982", flat = "0.714", valley = "0.401" }
schedule = [
  { months = [7, 8], from = "12:00", to = "17:00", price = "peak" },
  { from = "18:00", to = "22:00", price = "peak" },
  { from = "23:00", to = "07:00", price = "valley" },
  { price = "flat" },
]

[tariffs.farm]
[[tariffs.farm.rates]]
valid_from = 2025-01-01
prices = { flat = "0.461" }
schedule = [ { price = "flat" } ]

[tariffs.industry]
[[tariffs.industry.rates]]
valid_from = 2025-01-01
standing = "160"
prices = { sharp = "1.121", peak = "0.934", flat = "0.627", valley = "0.301" }
schedule = [
  { months = [7, 8], days = "mon-fri", from = "20:00", to = "22:00", price = "sharp" },
  { from = "09:00", to = "12:00", price = "peak" },
  { from = "17:00", to = "22:00", price = "peak" },
  { from = "23:00", to = "07:00", price = "valley" },
  { price = "flat" },
]

[policies.household]
warn_below = ["20", "5"]
trip_below = "0"
notice = "4h"
windows = [ { days = "mon-fri", from = "09:00", to = "16:00" } ]
max_staleness = "2h"
ack_timeout = "2m"
max_attempts = 4
armed_timeout = "30m"
trip_cooldown = "3h"

[policies.shop]
warn_below = ["100", "30"]
trip_below = "0"
restore_above = "10"
notice = "4h"
windows = [ { days = "mon-fri", from = "09:00", to = "16:00" } ]
max_staleness = "2h"
ack_timeout = "2m"
max_attempts = 4
armed_timeout = "30m"
trip_cooldown = "3h"

[policies.farm]
warn_below = ["15", "0"]
trip_below = "-10"
restore_above = "0"
notice = "4h"
windows = [ { days = "mon-fri", from = "09:00", to = "16:00" } ]
max_staleness = "2h"
ack_timeout = "2m"
max_attempts = 4
armed_timeout = "30m"
trip_cooldown = "3h"

[policies.industry]
warn_below = ["5000", "1000"]
trip_below = "0"
restore_above = "500"
notice = "4h"
windows = [ { days = "mon-fri", from = "09:00", to = "16:00" } ]
max_staleness = "1h"
ack_timeout = "2m"
max_attempts = 4
armed_timeout = "30m"
trip_cooldown = "3h"

[policies.postpaid]
warn_below = ["-3000"]
trip_below = "-5000"
notice = "48h"
windows = [ { days = "mon-fri", from = "09:00", to = "16:00" } ]
"""
