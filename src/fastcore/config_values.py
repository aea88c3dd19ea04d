"""The values of a configuration: one function a domain, from what TOML gives to what the engine counts in.

Each takes any TOML value and returns the checked one, or raises `Misfit` with what would be right. Nothing is
rounded: TOML's floats arrive as `Decimal`, and text is read as a decimal (reference, "Configuration").
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import NoReturn
from zoneinfo import ZoneInfo

from fastcore import config_limits as limits
from fastcore.config_model import HOLIDAY

__all__ = [
    "Misfit",
    "count",
    "currency",
    "dates",
    "days",
    "duration_s",
    "energy_wh",
    "flag",
    "kwh_as_wh",
    "local_date",
    "money_nano",
    "months",
    "price",
    "ratio",
    "shown",
    "text",
    "time_of_day_s",
    "timezone",
]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": limits.DAY_S}
_DURATION = re.compile(r"([0-9]{1,12})([smhd])")
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_CURRENCY = re.compile(r"[^\W_]{1,16}")


class Misfit(Exception):
    """A value outside its domain; the message says what would be right."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(f"expected {expected}; found {shown(found)}")


def shown(value: object) -> str:
    """Return a value as its writer would recognise it, cut to sixty characters."""
    match value:
        case bool():
            out = "true" if value else "false"
        case str():
            out = f'"{value}"'
        case dict():
            out = "a table"
        case list():
            out = f"a list of {len(value)}" if value else "an empty list"
        case date() | time():
            out = value.isoformat()
        case _:
            out = str(value)
    return out if len(out) <= 60 else out[:57] + "…"


def text(value: object) -> str:
    """Return text that is not empty."""
    return value if isinstance(value, str) and value else _misfit("text", value)


def flag(value: object) -> bool:
    """Return true or false."""
    return value if isinstance(value, bool) else _misfit("true or false", value)


def count(value: object, least: int, most: int) -> int:
    """Return a whole number from ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        _misfit(f"a whole number from {least} to {most}", value)
    return value


def energy_wh(value: object) -> int:
    """Return whole watt-hours, from 0."""
    return count(value, 0, limits.ENERGY_WH - 1)


def duration_s(value: object, least_s: int = 0) -> int:
    """Return the seconds of a duration such as ``"15m"``, at least ``least_s`` of them."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        _misfit('a duration such as "90s", "15m", "48h" or "28d"', value)
    seconds = int(found[1]) * _UNIT_S[found[2]]
    if seconds < least_s:
        _misfit(f"a duration of at least {least_s} s", value)
    if seconds > limits.DURATION_S:
        _misfit(f"a duration of at most {limits.DURATION_S // limits.DAY_S}d", value)
    return seconds


def ratio(value: object, most: int) -> Fraction:
    """Return an exact ratio from 0 to ``most``: a TOML integer or float, its decimals as they are written."""
    expected = f"a number from 0 to {most} with at most {limits.RATIO_DECIMALS} decimals"
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        _misfit(expected, value)
    number = Decimal(value)
    if not number.is_finite() or not 0 <= number <= most or not _has_decimals(number, limits.RATIO_DECIMALS):
        _misfit(expected, value)
    return Fraction(number)


def money_nano(value: object) -> int:
    """Return the nano-units of an amount written as text, such as ``"-12.50"``; below 10⁹ units."""
    return _scaled(value, 9, limits.MONEY_NANO, 'an amount as text, such as "12.50", with at most 9 decimals')


def price(value: object) -> int:
    """Return the 10⁻⁶ units per kWh of a price written as text, such as ``"0.588"``; below 10 units."""
    return _scaled(
        value, 6, limits.PRICE, 'a price per kWh as text, such as "0.588", with at most 6 decimals'
    )


def kwh_as_wh(value: object) -> int:
    """Return the whole watt-hours of a TOML number of kWh, from 0."""
    expected = "a number of kWh, from 0, with at most 3 decimals"
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        _misfit(expected, value)
    number = Decimal(value)
    if not number.is_finite() or not 0 <= number < limits.ENERGY_WH // 1000 or not _has_decimals(number, 3):
        _misfit(expected, value)
    return int(Fraction(number) * 1000)


def local_date(value: object) -> date:
    """Return a TOML local date."""
    if not isinstance(value, date) or isinstance(value, datetime):
        _misfit("a date such as 2026-01-31, without quotes", value)
    return value


def dates(value: object) -> tuple[date, ...]:
    """Return a list of TOML local dates."""
    if not isinstance(value, list):
        _misfit("a list of dates", value)
    return tuple(local_date(item) for item in value)


def time_of_day_s(value: object, last: str) -> int:
    """Return the seconds after midnight of ``"HH:MM"``, at most ``last`` (``"23:59"`` or ``"24:00"``)."""
    if value == "24:00" == last:
        return limits.DAY_S
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        _misfit(f'a time of the day from "00:00" to "{last}"', value)
    return int(found[1]) * 3_600 + int(found[2]) * 60


def months(value: object) -> frozenset[int]:
    """Return a list of months, 1 to 12, that is not empty."""
    if not isinstance(value, list) or not value:
        _misfit("a list of months, 1 to 12", value)
    return frozenset(count(item, 1, 12) for item in value)


def days(value: object) -> frozenset[int]:
    """Return the days of text such as ``"mon-fri,holidays"``: 0 (Monday) to 6, and `HOLIDAY`.

    A range may wrap over the week's end, as ``"sat-mon"`` does.
    """
    expected = 'days such as "mon", "mon-fri,sun" or "sat-sun,holidays"'
    if not isinstance(value, str):
        _misfit(expected, value)
    out: set[int] = set()
    for item in value.split(","):
        first, dash, last = item.strip().partition("-")
        if first == "holidays" and not dash:
            out.add(HOLIDAY)
        elif first in WEEKDAYS and (last in WEEKDAYS or not dash):
            start = WEEKDAYS.index(first)
            length = (WEEKDAYS.index(last) - start) % 7 if dash else 0
            out.update((start + i) % 7 for i in range(length + 1))
        else:
            _misfit(expected, value)
    return frozenset(out)


def currency(value: object) -> str:
    """Return the name of a currency: one to sixteen letters or digits, such as ``"CNY"``."""
    if not isinstance(value, str) or _CURRENCY.fullmatch(value) is None:
        _misfit('a currency such as "CNY"', value)
    return value


def timezone(value: object) -> str:
    """Return the name of an IANA zone that this machine's time zone database knows."""
    expected = 'an IANA time zone such as "Asia/Shanghai" that the time zone database knows'
    # "localtime" and the like differ from machine to machine, and "right/" counts leap seconds.
    if (
        not isinstance(value, str)
        or value in {"localtime", "posixrules"}
        or value.startswith(("right/", "posix/"))
    ):
        _misfit(expected, value)
    try:
        ZoneInfo(value)
    except (OSError, ValueError, LookupError):
        _misfit(expected, value)
    return value


def _scaled(value: object, decimals: int, bound: int, expected: str) -> int:
    if not isinstance(value, str) or _DECIMAL.fullmatch(value) is None:
        _misfit(expected, value)
    number = Decimal(value)
    if not _has_decimals(number, decimals):
        _misfit(expected, value)
    # A Fraction, since Decimal's own arithmetic would depend on the caller's context.
    scaled = Fraction(number) * 10**decimals
    if abs(scaled) >= bound:
        _misfit(f"{expected}, beyond -{bound // 10**decimals} and below {bound // 10**decimals}", value)
    return int(scaled)


def _has_decimals(number: Decimal, most: int) -> bool:
    """Whether a finite number needs no more than ``most`` decimals; trailing zeros do not count."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    surplus = -exponent - most
    return surplus <= 0 or not any(digits[-surplus:])


def _misfit(expected: str, found: object) -> NoReturn:
    raise Misfit(expected, found)
