"""TOML text to ``Config``: every mistake is collected under its key, then raised at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from . import toml_values as v
from .calendar import Calendar, calendar_of
from .config import Config, Match, Policy, Rate, Tariff
from .errors import TwinConfigError
from .tariffs import unmatched

Reader = Callable[[object], object]
Shape = dict[str, tuple[Reader, object]]
REQUIRED = object()


def as_given(value: object) -> object:
    """A value that is read further on."""
    return value


def dates(value: object) -> tuple[date, ...]:
    """Local dates."""
    if not isinstance(value, list):
        raise ValueError("must be a list of dates")
    return tuple(v.day(item) for item in value)


def levels(value: object) -> tuple[tuple[int, str], ...]:
    """Warning levels, falling, each with its text."""
    if not isinstance(value, list) or not value:
        raise ValueError('must be a list of levels, such as ["50", "20"]')
    found = tuple((v.money(item), str(item)) for item in value)
    if any(a[0] <= b[0] for a, b in pairwise(found)):
        raise ValueError("must fall from level to level")
    return found


MATCH: Shape = {
    "months": (v.months, [*range(1, 13)]),
    "days": (v.days, "mon-sun,holidays"),
    "from": (v.first_hour, "00:00"),
    "to": (v.hour, "24:00"),
}
TIER: Shape = {"above": (v.energy, REQUIRED), "add": (v.price, REQUIRED)}
ENGINE: Shape = {
    "currency": (v.text, REQUIRED),
    "timezone": (v.text, REQUIRED),
    "calendar": (as_given, REQUIRED),
    "cell": (v.positive_duration, "15m"),
    "window": (v.positive_duration, "1h"),
    "holidays": (dates, []),
    "workdays": (dates, []),
    "max_jump": (v.duration, "7d"),
    "clock_jump": (v.duration, "0s"),
    "future_tolerance": (v.duration, "1h"),
    "late_horizon": (v.duration, "28d"),
    "accept_estimates": (v.flag, False),
    "suspect_floor_wh": (v.whole, 2000),
    "suspect_ratio": (v.ratio, 8),
    "payment_horizon": (v.duration, "400d"),
    "payment_feed_timeout": (v.duration, "0s"),
    "mass_trip_fraction": (v.part, Decimal("0.05")),
    "trip_rate_engine": (v.part, Decimal("0.02")),
    "trip_rate_district": (v.part, Decimal("0.1")),
    "off_tolerance_wh": (v.whole, 100),
    "allowed_lateness": (v.duration, "2h"),
    "window_horizon": (v.duration, "3d"),
    "outage_coverage": (v.part, Decimal("0.5")),
    "loss_coverage": (v.part, Decimal("0.98")),
    "loss_windows": (v.count, 24),
    "zero_usage": (v.duration, "30d"),
    "silent_after": (v.duration, "3d"),
}
RATE: Shape = {
    "valid_from": (v.day, REQUIRED),
    "standing": (v.money, "0"),
    "prices": (as_given, REQUIRED),
    "schedule": (as_given, REQUIRED),
    "tiers": (as_given, []),
}
POLICY: Shape = {
    "warn_below": (levels, REQUIRED),
    "trip_below": (v.money, "0"),
    "restore_above": (v.money, REQUIRED),
    "notice": (v.duration, "48h"),
    "windows": (as_given, []),
    "autopay_hold": (v.duration, "72h"),
    "max_staleness": (v.duration, "26h"),
    "ack_timeout": (v.positive_duration, "60s"),
    "max_attempts": (v.count, 5),
    "command_ttl": (v.positive_duration, "10m"),
    "armed_timeout": (v.duration, "24h"),
    "trip_cooldown": (v.duration, "24h"),
    "restore_retry": (v.positive_duration, "1h"),
}


class Reading:
    """One reading of a configuration, and the mistakes found on the way."""

    def __init__(self, text: str) -> None:
        self.mistakes: list[str] = []
        try:
            self.root = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise TwinConfigError([f"TOML: {error}"]) from error

    def wrong(self, key: str, what: object) -> None:
        """Note a mistake."""
        self.mistakes.append(f"{key}: {what}")

    def shaped(self, key: str, table: object, shape: Shape, also: tuple[str, ...] = ()) -> dict[str, object]:
        """A table's values, read as ``shape`` says; keys in neither ``shape`` nor ``also`` are wrong."""
        if not isinstance(table, dict):
            self.wrong(key, "must be a table")
            return {}
        for name in table:
            if name not in shape and name not in also:
                self.wrong(f"{key}.{name}", "unknown key")
        found: dict[str, object] = {}
        for name, (reader, default) in shape.items():
            value = table.get(name, default)
            try:
                if value is REQUIRED:
                    raise ValueError("is missing")
                found[name] = reader(value)
            except ValueError as error:
                self.wrong(f"{key}.{name}", error)
        return found

    def matches(self, key: str, value: object, also: tuple[str, ...] = ()) -> tuple[Match, ...]:
        """Schedule lines or trip windows."""
        if not isinstance(value, list):
            self.wrong(key, "must be a list of tables")
            return ()
        lines = []
        for i, item in enumerate(value):
            line = self.shaped(f"{key}[{i}]", item, MATCH, also)
            price = item.get("price", "") if isinstance(item, dict) else ""
            if len(line) == len(MATCH):
                lines.append(Match(line["months"], line["days"], line["from"], line["to"], price))  # type: ignore[arg-type]
        return tuple(lines)

    def calendar(self, engine: dict[str, object]) -> Calendar | None:
        """The calendar that the engine's zone, dates and cell make."""
        span = self.shaped(
            "engine.calendar",
            engine.get("calendar", {}),
            {"from": (v.day, REQUIRED), "to": (v.day, REQUIRED)},
        )
        if len(span) < 2 or "timezone" not in engine or "cell" not in engine:
            return None
        first, last = v.day(span["from"]), v.day(span["to"])
        zone, cell_s = str(engine["timezone"]), v.whole(engine["cell"])
        if first >= last:
            self.wrong("engine.calendar", "must end after it starts")
            return None
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError):
            self.wrong("engine.timezone", "must be an IANA zone")
            return None
        try:
            return calendar_of(zone, first, last, cell_s)
        except ValueError as error:
            self.wrong("engine.cell", error)
            return None

    def engine(self) -> dict[str, object]:
        """The table ``[engine]``."""
        engine = self.shaped("engine", self.root.get("engine", {}), ENGINE)
        cell_s, window_s = engine.get("cell"), engine.get("window")
        if isinstance(cell_s, int) and isinstance(window_s, int) and window_s % cell_s:
            self.wrong("engine.window", "must be whole cells")
        holidays, workdays = engine.get("holidays", ()), engine.get("workdays", ())
        assert isinstance(holidays, tuple)
        assert isinstance(workdays, tuple)
        for both in sorted(set(holidays) & set(workdays)):
            self.wrong("engine.workdays", f"{both} is a holiday too")
        return engine

    def tiers(self, key: str, value: object) -> tuple[tuple[int, int], ...]:
        """Tiers as (above, add), rising."""
        if not isinstance(value, list):
            self.wrong(key, "must be a list of tables")
            return ()
        read = [self.shaped(f"{key}[{i}]", item, TIER) for i, item in enumerate(value)]
        found = [(v.whole(t["above"]), t["add"]) for t in read if len(t) == 2]
        if any(a[0] >= b[0] for a, b in pairwise(found)):
            self.wrong(key, "must rise from tier to tier")
        if abs(sum(add for _, add in found)) >= 10**7:  # type: ignore[misc]
            self.wrong(key, "must add up to less than 10 per kWh")
        return tuple(found)  # type: ignore[arg-type]

    def rate(self, key: str, table: object) -> Rate | None:
        """One version of a tariff."""
        found = self.shaped(key, table, RATE)
        if len(found) < len(RATE):
            return None
        named = found["prices"]
        if not isinstance(named, dict) or not named:
            self.wrong(f"{key}.prices", "must be a table of prices")
            return None
        prices = self.shaped(f"{key}.prices", named, dict.fromkeys(named, (v.price, REQUIRED)))
        schedule = self.matches(f"{key}.schedule", found["schedule"], ("price",))
        for i, line in enumerate(schedule):
            if line.price not in named:
                self.wrong(f"{key}.schedule[{i}].price", "must be one of the prices")
        tiers = self.tiers(f"{key}.tiers", found["tiers"])
        return Rate(found["valid_from"], found["standing"], prices, schedule, tiers)  # type: ignore[arg-type]

    def tariff(self, key: str, table: object, engine: dict[str, object], calendar: Calendar | None) -> Tariff:
        """A tariff; ``calendar`` shows whether its schedule matches every cell."""
        shape: Shape = {"tier_period": (v.text, "none"), "rates": (as_given, REQUIRED)}
        found = self.shaped(key, table, shape)
        period, rates = found.get("tier_period", "none"), found.get("rates")
        if period not in ("none", "month", "year"):
            self.wrong(f"{key}.tier_period", "must be none, month or year")
        if not isinstance(rates, list) or not rates:
            self.wrong(f"{key}.rates", "must be a list of tables")
            return Tariff(str(period), ())
        read = [self.rate(f"{key}.rates[{i}]", item) for i, item in enumerate(rates)]
        tariff = Tariff(str(period), tuple(rate for rate in read if rate is not None))
        starts = [rate.valid_from for rate in tariff.rates]
        if any(a >= b for a, b in pairwise(starts)):
            self.wrong(f"{key}.rates", "valid_from must rise from version to version")
        elif period == "none" and any(rate.tiers for rate in tariff.rates):
            self.wrong(f"{key}.tier_period", "must be month or year where there are tiers")
        elif calendar is not None and len(tariff.rates) == len(rates) and not self.mistakes:
            if starts[0] > calendar.days[0].date:
                self.wrong(f"{key}.rates[0].valid_from", "must cover the calendar's first day")
            elif (cell := unmatched(tariff, calendar, special(engine))) is not None:
                self.wrong(f"{key}.rates", f"no line of the schedule matches the cell {cell}")
        return tariff

    def policy(self, key: str, table: object) -> Policy | None:
        """A policy."""
        if isinstance(table, dict) and "restore_above" not in table:
            table = {**table, "restore_above": table.get("trip_below", "0")}
        found = self.shaped(key, table, POLICY)
        if len(found) < len(POLICY):
            return None
        found["windows"] = self.matches(f"{key}.windows", found["windows"])
        policy = Policy(**found)  # type: ignore[arg-type]
        if policy.trip_below > 0:
            self.wrong(f"{key}.trip_below", "must be 0 or less")
        if policy.warn_below[-1][0] < policy.trip_below:
            self.wrong(f"{key}.warn_below", "must not be below trip_below")
        if policy.restore_above < policy.trip_below:
            self.wrong(f"{key}.restore_above", "must not be below trip_below")
        return policy

    def named(self, key: str) -> dict[str, object]:
        """The tables ``[key.NAME]``."""
        tables = self.root.get(key, {})
        if isinstance(tables, dict):
            return tables
        self.wrong(key, "must be a table of tables")
        return {}


def special(engine: dict[str, object]) -> tuple[frozenset[date], frozenset[date]]:
    """The holidays and the workdays."""
    return frozenset(engine["holidays"]), frozenset(engine["workdays"])  # type: ignore[call-overload]


def parse(text: str) -> Config:
    """The configuration, or ``TwinConfigError`` with every mistake in it."""
    reading = Reading(text)
    for key in reading.root:
        if key not in ("engine", "tariffs", "policies"):
            reading.wrong(key, "unknown key")
    engine = reading.engine()
    calendar = reading.calendar(engine)
    tariffs = {
        n: reading.tariff(f"tariffs.{n}", t, engine, calendar) for n, t in reading.named("tariffs").items()
    }
    policies = {n: reading.policy(f"policies.{n}", t) for n, t in reading.named("policies").items()}
    if reading.mistakes or calendar is None:
        raise TwinConfigError(reading.mistakes)
    return Config(engine, tariffs, {n: p for n, p in policies.items() if p is not None}, calendar)
