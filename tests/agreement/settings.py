"""Random configurations: small limits, so that a few dozen batches meet what may happen in a year."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

ZONES: dict[str, tuple[tuple[str, ...], tuple[date, ...]]] = {
    "Asia/Shanghai": (("15m", "30m", "1h"), (date(2026, 1, 1), date(2026, 3, 31))),
    "Europe/London": (("15m", "30m", "1h"), (date(2026, 3, 29), date(2026, 10, 25))),
    "Australia/Lord_Howe": (("15m", "30m"), (date(2026, 4, 5), date(2026, 10, 4))),
    "America/Santiago": (("15m", "30m", "1h"), (date(2026, 4, 5), date(2026, 9, 6))),
    "America/Havana": (("15m", "1h"), (date(2026, 3, 8), date(2026, 11, 1))),
    "America/New_York": (("15m", "1h"), (date(2026, 3, 8), date(2026, 11, 1))),
    "Asia/Kathmandu": (("15m",), (date(2025, 12, 31),)),
    "UTC": (("15m", "30m", "1h"), (date(2026, 1, 31), date(2025, 12, 31))),
}
"""Each zone with cells that its midnights are whole numbers of, and days on which something changes."""
CELL_S = {"15m": 900, "30m": 1800, "1h": 3600}
HOURS = ("00:00", "06:30", "07:00", "09:00", "12:00", "16:00", "21:30", "24:00")
DAYS = ("mon-fri", "sat-sun", "fri-mon", "holidays", "mon,wed-thu", "sun,holidays", "mon-sun,holidays")
PRICES = ("0.5", "0.5", "0.288", "1.000001", "-0.05", "0", "0.333333", "9.999999")


@dataclass(slots=True)
class Settings:
    """A configuration as plain tables: values are TOML already."""

    engine: dict[str, str]
    tariffs: dict[str, tuple[str, list[dict[str, str]]]]
    policies: dict[str, dict[str, str]]
    first: date
    last: date
    """The calendar's two ends."""
    levels: dict[str, list[int]] = field(default_factory=dict)
    """The thresholds of each policy, in nano-units."""

    def toml(self) -> str:
        """The configuration's text."""
        lines = ["[engine]", *(f"{key} = {value}" for key, value in self.engine.items())]
        lines.append(f"calendar = {{ from = {self.first.isoformat()}, to = {self.last.isoformat()} }}")
        for name, (period, rates) in self.tariffs.items():
            lines += [f"[tariffs.{name}]", f'tier_period = "{period}"']
            for rate in rates:
                lines += [f"[[tariffs.{name}.rates]]", *(f"{key} = {value}" for key, value in rate.items())]
        for name, policy in self.policies.items():
            lines += [f"[policies.{name}]", *(f"{key} = {value}" for key, value in policy.items())]
        return "\n".join(lines) + "\n"

    def copy(self) -> Settings:
        """The same, to be changed."""
        return deepcopy(self)


def quoted(value: str) -> str:
    """Text as TOML."""
    return f'"{value}"'


def span(rng: Random, *choices: str) -> str:
    """One of some durations, as TOML."""
    return quoted(rng.choice(choices))


def line(rng: Random) -> str:
    """What a schedule line or a trip window matches, as TOML pairs."""
    pairs = []
    if rng.random() < 0.3:
        pairs.append(f"months = {sorted(rng.sample(range(1, 13), rng.randint(1, 11)))}")
    if rng.random() < 0.6:
        pairs.append(f"days = {quoted(rng.choice(DAYS))}")
    if rng.random() < 0.7:
        pairs.append(f"from = {quoted(rng.choice(HOURS[:-1]))}")
    if rng.random() < 0.7:
        pairs.append(f"to = {quoted(rng.choice(HOURS))}")
    return ", ".join(pairs)


def rate(rng: Random, valid_from: date, tiers: bool) -> dict[str, str]:
    """One version of a tariff."""
    names = ["peak", "flat", "valley"][: rng.randint(1, 3)]
    prices = ", ".join(f"{name} = {quoted(rng.choice(PRICES))}" for name in names)
    lines = []
    for name in names[1:]:
        matched = line(rng)
        lines.append(f"{{ {matched + ', ' if matched else ''}price = {quoted(name)} }}")
    lines.append(f"{{ price = {quoted(names[0])} }}")
    found = {
        "valid_from": valid_from.isoformat(),
        "standing": quoted(rng.choice(("0", "0", "1", "0.123456789", "-0.5"))),
        "prices": f"{{ {prices} }}",
        "schedule": f"[ {', '.join(lines)} ]",
    }
    if tiers:
        above = sorted(rng.sample((0, 1, 2, 5, 10, 30), rng.randint(1, 3)))
        adds = [quoted(rng.choice(("0.05", "0.3", "1", "0.000001", "-0.1"))) for _ in above]
        steps = ", ".join(f"{{ above = {a}, add = {b} }}" for a, b in zip(above, adds, strict=True))
        found["tiers"] = f"[ {steps} ]"
    return found


def tariff(rng: Random, first: date, last: date) -> tuple[str, list[dict[str, str]]]:
    """A tariff of one to three versions."""
    period = rng.choice(("none", "month", "month", "year"))
    starts = [first - timedelta(days=rng.choice((0, 1, 400)))]
    for _ in range(rng.choice((0, 0, 1, 2))):
        later = first + timedelta(days=rng.randint(1, max(2, (last - first).days)))
        if later not in starts:
            starts.append(later)
    return period, [rate(rng, start, period != "none" and rng.random() < 0.9) for start in sorted(starts)]


def policy(rng: Random) -> tuple[dict[str, str], list[int]]:
    """A policy, and its thresholds in nano-units."""
    trip = rng.choice((0, 0, -5, -20))
    warn = sorted({trip, *rng.sample((5, 10, 20, 50), rng.randint(1, 3))}, reverse=True)
    if rng.random() < 0.6:
        warn.remove(trip)
    restore = trip + rng.choice((0, 0, 5, 15))
    texts = [quoted(f"{level}" if rng.random() < 0.8 else f"{level}.00") for level in warn]
    windows = ", ".join(f"{{ {line(rng)} }}" for _ in range(rng.choice((0, 0, 0, 0, 0, 1, 2))))
    found = {
        "warn_below": f"[{', '.join(texts)}]",
        "trip_below": quoted(str(trip)),
        "restore_above": quoted(str(restore)),
        "notice": span(rng, "0s", "0s", "0s", "15m", "2h"),
        "windows": f"[{windows}]",
        "autopay_hold": span(rng, "30m", "2h", "3d"),
        "max_staleness": span(rng, "1h", "6h", "26h", "10d"),
        "ack_timeout": span(rng, "60s", "10m", "90s"),
        "max_attempts": str(rng.randint(1, 4)),
        "command_ttl": span(rng, "1m", "10m", "2h"),
        "armed_timeout": span(rng, "15m", "1h", "1d"),
        "trip_cooldown": span(rng, "1m", "1h", "6h"),
        "restore_retry": span(rng, "15m", "1h"),
    }
    if restore == trip and rng.random() < 0.3:
        del found["restore_above"]
    return found, [level * 10**9 for level in (*warn, trip, restore)]


def settings(rng: Random) -> Settings:
    """A configuration without mistakes."""
    zone = rng.choice(list(ZONES))
    cells, turns = ZONES[zone]
    turn, cell = rng.choice(turns), rng.choice(cells)
    first = turn - timedelta(days=rng.randint(1, 5))
    last = turn + timedelta(days=rng.choice((3, 10, 45, 80)))
    window_s = rng.choice([s for s in (900, 1800, 3600, 3600, 7200, 86400) if s % CELL_S[cell] == 0])
    near = [(turn + timedelta(days=i)).isoformat() for i in range(-1, 4)]
    holidays = rng.sample(near, rng.choice((0, 1, 2)))
    workdays = [day for day in rng.sample(near, rng.choice((0, 0, 1))) if day not in holidays]
    ratio = rng.choice(("0.05", "0.29", "0.57", "1.0", "1.0", "1.0", "1.0"))
    engine = {
        "currency": '"CNY"',
        "timezone": quoted(zone),
        "cell": quoted(cell),
        "window": quoted(f"{window_s}s"),
        "holidays": f"[{', '.join(holidays)}]",
        "workdays": f"[{', '.join(workdays)}]",
        "max_jump": span(rng, "7d", "2d", "12h"),
        "clock_jump": span(rng, "0s", "0s", "0s", "3h", "12h"),
        "future_tolerance": span(rng, "0s", "1h", "15m"),
        "late_horizon": span(rng, "28d", "6h", "1d"),
        "accept_estimates": rng.choice(("true", "false")),
        "suspect_floor_wh": rng.choice(("0", "500", "2000")),
        "suspect_ratio": rng.choice(("2", "8", "1.5")),
        "payment_horizon": span(rng, "400d", "1d", "6h"),
        "payment_feed_timeout": span(rng, "0s", "0s", "0s", "6h"),
        "mass_trip_fraction": ratio,
        "trip_rate_engine": rng.choice(("0.07", "0.57", "1.0", "1.0", "1.0")),
        "trip_rate_district": rng.choice(("0.28", "0.5", "1.0", "1.0", "1.0")),
        "off_tolerance_wh": rng.choice(("0", "100")),
        "allowed_lateness": span(rng, "0s", "15m", "2h"),
        "window_horizon": span(rng, "3h", "6h", "1d"),
        "outage_coverage": rng.choice(("0.0", "0.0", "0.01", "0.25", "0.5")),
        "loss_coverage": rng.choice(("0.0", "0.5", "0.98")),
        "loss_windows": rng.choice(("1", "2", "3")),
        "zero_usage": span(rng, "1h", "3h", "1d"),
        "silent_after": span(rng, "2h", "6h", "3d"),
    }
    if window_s == 86400:
        engine["window_horizon"] = span(rng, "1d", "3d")
    found = Settings(engine, {}, {}, first, last)
    for i in range(rng.randint(1, 3)):
        found.tariffs[f"t{i}"] = tariff(rng, first, last)
    for i in range(rng.randint(1, 3)):
        found.policies[f"p{i}"], found.levels[f"p{i}"] = policy(rng)
    return found


def changed(rng: Random, now: Settings) -> Settings:
    """A later configuration: other limits, tariffs, policies, holidays, a longer calendar."""
    fresh, found = settings(rng), now.copy()
    for key in rng.sample(sorted(CHANGEABLE), rng.randint(1, 5)):
        found.engine[key] = fresh.engine[key]
    if rng.random() < 0.3:
        found.last += timedelta(days=rng.choice((1, 30, 60)))
    if rng.random() < 0.4:
        found.tariffs[rng.choice([*now.tariffs, "t9"])] = tariff(rng, found.first, found.last)
    if rng.random() < 0.4:
        name = rng.choice([*now.policies, "p9"])
        found.policies[name], found.levels[name] = policy(rng)
    return found


CHANGEABLE = (
    "max_jump",
    "clock_jump",
    "accept_estimates",
    "suspect_floor_wh",
    "suspect_ratio",
    "payment_feed_timeout",
    "mass_trip_fraction",
    "trip_rate_engine",
    "trip_rate_district",
    "off_tolerance_wh",
    "allowed_lateness",
    "outage_coverage",
    "loss_coverage",
    "loss_windows",
    "zero_usage",
    "silent_after",
)
"""What a later configuration may change, of ``[engine]``."""


def spoiled(rng: Random, now: Settings) -> Settings:
    """A later configuration with a mistake in it, or with a change that it may not make."""
    found = now.copy()
    tariff_name, policy_name = rng.choice(list(now.tariffs)), rng.choice(list(now.policies))
    _, rates = found.tariffs[tariff_name]
    mistakes: list[tuple[dict[str, Any], str, str]] = [
        (found.engine, "currency", '"EUR"'),
        (found.engine, "window", '"4h"'),
        (found.engine, "late_horizon", '"29d"'),
        (found.engine, "payment_horizon", '"401d"'),
        (found.engine, "window_horizon", '"5d"'),
        (found.engine, "future_tolerance", '"59m"'),
        (found.engine, "nonsense", "1"),
        (found.engine, "max_jump", '"7 d"'),
        (found.engine, "loss_windows", '"24"'),
        (found.engine, "trip_rate_engine", "1.5"),
        (found.engine, "holidays", '["2026-01-01"]'),
        (found.policies[policy_name], "warn_below", '["10", "20"]'),
        (found.policies[policy_name], "trip_below", '"1"'),
        (found.policies[policy_name], "windows", '[{ days = "mon-fry" }]'),
        (found.policies[policy_name], "notice", '"-1h"'),
        (rates[0], "prices", '{ flat = "10" }'),
        (rates[0], "schedule", '[ { price = "none" } ]'),
        (rates[0], "standing", "1"),
        (rates[0], "valid_from", "2099-01-01"),
        (rates[0], "tiers", '[ { above = 1, add = "5" }, { above = 2, add = "5" } ]'),
    ]
    table, key, value = rng.choice(mistakes)
    table[key] = value
    return found
