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

_H, _D = 3_600, limits.DAY_S
Parse = Callable[[object], object]


def _duration(least_s: int = 0) -> Parse:
    return lambda value: values.duration_s(value, least_s)


def _cell(value: object) -> int:
    found_s = values.duration_s(value, 1)
    if found_s > _D:
        raise values.Misfit("a duration of at most 24h", value)
    return found_s


def _ratio(most: int) -> Parse:
    return lambda value: values.ratio(value, most)


def _count(value: object) -> int:
    return values.count(value, 1, limits.COUNT)


_FIELDS: tuple[tuple[str, str, Parse, object], ...] = (
    # key, field, domain, default
    ("currency", "currency", values.currency, REQUIRED),
    ("timezone", "timezone", values.timezone, REQUIRED),
    ("cell", "cell_s", _cell, 900),
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
_SHAPING = ("timezone", "calendar_from", "calendar_to", "cell_s", "holidays", "workdays")
"""What makes the calendar."""

_NO_CURRENCY = {"currency": "XXX"}
"""ISO 4217's code for it."""


def read_engine(reader: Reader) -> Engine | None:
    """Return the table ``[engine]``, or None if its calendar has a mistake.

    Defaults stand in for other mistakes, so that the tariffs can be checked against the calendar anyway.
    """
    before = len(reader.mistakes)
    found: dict[str, Any] = {
        field: reader.take(key, parse, default) for key, field, parse, default in _FIELDS
    }
    found["calendar_from"], found["calendar_to"] = _calendar(reader)
    reader.done()
    _check_together(found, reader)
    if len(reader.mistakes) == before:
        return Engine(**found)
    if any(found[field] is None for field in _SHAPING):
        return None
    stand_ins: dict[str, Any] = {field: default for _, field, _, default in _FIELDS} | _NO_CURRENCY
    return Engine(**{field: stand_ins[field] if value is None else value for field, value in found.items()})


def _calendar(engine: Reader) -> tuple[date | None, date | None]:
    reader = engine.table("calendar")
    if reader is None:
        return None, None
    first, last = reader.take("from", _calendar_date), reader.take("to", _calendar_date)
    reader.done()
    return first, last


def _calendar_date(value: object) -> date:
    found = values.local_date(value)
    if not limits.CALENDAR_FROM <= found <= limits.CALENDAR_TO:
        raise values.Misfit(f"a date from {limits.CALENDAR_FROM} to {limits.CALENDAR_TO}", found)
    return found


def _check_together(found: dict[str, Any], reader: Reader) -> None:
    """Note what no single key shows, of the values without a mistake; one that has one now becomes None."""
    cell_s, window_s = found["cell_s"], found["window_s"]
    if cell_s is not None and window_s is not None and window_s % cell_s:
        reader.note("window", f"expected whole cells, multiples of {cell_s} s; found {window_s} s")
    for both in sorted(set(found["holidays"] or ()) & set(found["workdays"] or ())):
        reader.note("workdays", f"expected dates that are not in holidays too; found {both}")
    first, last = found["calendar_from"], found["calendar_to"]
    if first is None or last is None or cell_s is None:
        return
    days, cells = (last - first).days, (last - first).days * _D // cell_s
    if not first < last:
        reader.note("calendar.to", f"expected a date after calendar.from, {first}; found {last}")
    elif days > limits.CALENDAR_DAYS:
        reader.note("calendar", f"expected at most {limits.CALENDAR_DAYS} days (200 years); found {days}")
    elif cells > limits.CALENDAR_CELLS:
        reader.note("calendar", f"expected at most {limits.CALENDAR_CELLS} cells; found {cells}")
    else:
        return
    found["calendar_to"] = None
