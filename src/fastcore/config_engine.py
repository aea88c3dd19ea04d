"""Reading the table ``[engine]`` (reference, "Configuration" and sections 1, 2, 7 and 8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Any

from fastcore import config_limits as limits
from fastcore import config_values as values
from fastcore.config_model import Engine
from fastcore.config_reader import REQUIRED, Reader

__all__ = ["read_engine"]

Parse = Callable[[object], object]


def _duration(least_s: int = 0) -> Parse:
    return lambda value: values.duration_s(value, least_s)


def _ratio(most: int) -> Parse:
    return lambda value: values.ratio(value, most)


def _count(value: object) -> int:
    return values.count(value, 1, limits.COUNT)


_H, _D = 3_600, limits.DAY_S
_FIELDS: tuple[tuple[str, str, Parse, object], ...] = (
    # key, field, domain, default
    ("currency", "currency", values.currency, REQUIRED),
    ("timezone", "timezone", values.timezone, REQUIRED),
    ("cell", "cell_s", _duration(1), 900),
    ("window", "window_s", _duration(1), _H),
    ("holidays", "holidays", values.dates, ()),
    ("workdays", "workdays", values.dates, ()),
    ("max_jump", "max_jump_s", _duration(), 7 * _D),
    ("clock_jump", "clock_jump_s", _duration(), 0),
    ("future_tolerance", "future_tolerance_s", _duration(), _H),
    ("late_horizon", "late_horizon_s", _duration(), 28 * _D),
    ("accept_estimates", "accept_estimates", values.flag, False),
    ("suspect_floor_wh", "suspect_floor_wh", values.energy_wh, 2_000),
    ("suspect_ratio", "suspect_ratio", _ratio(limits.RATIO), Fraction(8)),
    ("payment_horizon", "payment_horizon_s", _duration(), 400 * _D),
    ("payment_feed_timeout", "payment_feed_timeout_s", _duration(), 0),
    ("mass_trip_fraction", "mass_trip_fraction", _ratio(1), Fraction(5, 100)),
    ("trip_rate_engine", "trip_rate_engine", _ratio(1), Fraction(2, 100)),
    ("trip_rate_district", "trip_rate_district", _ratio(1), Fraction(1, 10)),
    ("off_tolerance_wh", "off_tolerance_wh", values.energy_wh, 100),
    ("allowed_lateness", "allowed_lateness_s", _duration(), 2 * _H),
    ("window_horizon", "window_horizon_s", _duration(), 3 * _D),
    ("outage_coverage", "outage_coverage", _ratio(1), Fraction(1, 2)),
    ("loss_coverage", "loss_coverage", _ratio(1), Fraction(98, 100)),
    ("loss_windows", "loss_windows", _count, 24),
    ("zero_usage", "zero_usage_s", _duration(), 30 * _D),
    ("silent_after", "silent_after_s", _duration(), 3 * _D),
)


def read_engine(reader: Reader) -> Engine | None:
    """Return the table ``[engine]``, or None where it has a mistake."""
    before = len(reader.mistakes)
    found: dict[str, Any] = {field: reader.take(key, parse, default) for key, field, parse, default in _FIELDS}
    found["calendar_from"], found["calendar_to"] = _calendar(reader)
    reader.done()
    if len(reader.mistakes) > before:
        return None
    engine = Engine(**found)
    _check_together(engine, reader)
    return engine if len(reader.mistakes) == before else None


def _calendar(engine: Reader) -> tuple[date | None, date | None]:
    reader = engine.table("calendar")
    if reader is None:
        return None, None
    first, last = reader.take("from", _calendar_date), reader.take("to", _calendar_date)
    reader.done()
    if first is not None and last is not None and not first < last:
        reader.note("to", f"expected a date after calendar.from, {first}; found {last}")
    return first, last


def _calendar_date(value: object) -> date:
    found = values.local_date(value)
    if not limits.CALENDAR_FROM <= found <= limits.CALENDAR_TO:
        raise values.Misfit(f"a date from {limits.CALENDAR_FROM} to {limits.CALENDAR_TO}", found)
    return found


def _check_together(engine: Engine, reader: Reader) -> None:
    """Note what no single key shows."""
    if engine.cell_s > _D:
        reader.note("cell", f"expected at most a day; found {engine.cell_s} s")
    if engine.window_s % engine.cell_s:
        reader.note("window", f"expected whole cells, multiples of {engine.cell_s} s; found {engine.window_s} s")
    days = (engine.calendar_to - engine.calendar_from).days
    if days > limits.CALENDAR_DAYS:
        reader.note("calendar", f"expected at most {limits.CALENDAR_DAYS} days (200 years); found {days}")
    elif days * _D // engine.cell_s > limits.CALENDAR_CELLS:
        reader.note("calendar", f"expected at most {limits.CALENDAR_CELLS} cells; found {days * _D // engine.cell_s}")
    for both in sorted(set(engine.holidays) & set(engine.workdays)):
        reader.note("workdays", f"expected dates that are not in holidays too; found {both}")
