"""The values a configuration is made of: durations, money, ratios, dates, hours, weekdays.

Each reader takes what TOML gave and returns it typed, or raises ``ValueError`` saying what would be right.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

DAY_S = 86400
MONEY_LIMIT = 10**18
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY = 7
"""The day kind of a holiday; 0 to 6 are Monday to Sunday."""
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": DAY_S}
_DURATION = re.compile(r"([0-9]+)([smhd])", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_HOUR = re.compile(r"([0-9]{2}):([0-9]{2})", re.ASCII)


def text(value: object) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def whole(value: object) -> int:
    """A whole number, 0 or more, of 63 bits."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError("must be a whole number, 0 or more")
    return value


def count(value: object) -> int:
    """A whole number, 1 or more."""
    if whole(value) < 1:
        raise ValueError("must be a whole number, 1 or more")
    return whole(value)


def ratio(value: object) -> Fraction:
    """An exact decimal, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError("must be a number")
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError("must be finite")
    if value < 0:
        raise ValueError("must be 0 or more")
    return Fraction(value)


def part(value: object) -> Fraction:
    """An exact decimal from 0 to 1."""
    number = ratio(value)
    if number > 1:
        raise ValueError("must be from 0 to 1")
    return number


def duration(value: object) -> int:
    """Seconds of a duration such as ``"90s"``, ``"15m"``, ``"48h"``, ``"28d"``."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be a duration, such as "90s", "15m", "48h" or "28d"')
    return int(match[1]) * _UNIT_S[match[2]]


def positive_duration(value: object) -> int:
    """Seconds of a duration that is longer than nothing."""
    seconds = duration(value)
    if seconds == 0:
        raise ValueError("must be longer than 0")
    return seconds


def decimal(value: object, scale: int) -> int:
    """A decimal given as text, in units of ``10**-scale``."""
    if not isinstance(value, str) or _DECIMAL.fullmatch(value) is None:
        raise ValueError('must be a decimal number as text, such as "0.588"')
    scaled = Fraction(value) * 10**scale
    if scaled.denominator != 1:
        raise ValueError(f"must have at most {scale} decimals")
    return int(scaled)


def money(value: object) -> int:
    """Nano-units of money given as text."""
    nano = decimal(value, 9)
    if abs(nano) >= MONEY_LIMIT:
        raise ValueError("must be less than 10^9 units")
    return nano


def price(value: object) -> int:
    """A price per kWh given as text, in nano-units per Wh."""
    number = decimal(value, 6)
    if abs(number) >= 10**7:
        raise ValueError("must be less than 10 per kWh")
    return number


def energy(value: object) -> int:
    """Wh of a level given in kWh."""
    wh = ratio(value) * 1000
    if wh.denominator != 1 or wh >= 10**15:
        raise ValueError("must be kWh with at most 3 decimals, less than 10^12")
    return int(wh)


def day(value: object) -> date:
    """A local date."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a date, such as 2026-01-01")
    return value


def hour(value: object) -> int:
    """Seconds after the start of the day, of ``"HH:MM"``, at most ``"24:00"``."""
    match = _HOUR.fullmatch(value) if isinstance(value, str) else None
    seconds = int(match[1]) * 3600 + int(match[2]) * 60 if match and int(match[2]) < 60 else DAY_S + 1
    if seconds > DAY_S:
        raise ValueError('must be an hour from "00:00" to "24:00"')
    return seconds


def first_hour(value: object) -> int:
    """Seconds after the start of the day at which hours begin: ``"24:00"`` begins nothing."""
    if hour(value) == DAY_S:
        raise ValueError('must be an hour from "00:00" to "23:59"')
    return hour(value)


def months(value: object) -> frozenset[int]:
    """Months, 1 to 12."""
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of months, 1 to 12")
    for month in value:
        if not isinstance(month, int) or isinstance(month, bool) or not 1 <= month <= 12:
            raise ValueError("must be a list of months, 1 to 12")
    return frozenset(value)


def days(value: object) -> frozenset[int]:
    """Day kinds of a comma list of weekdays, ranges of them, and ``holidays``."""
    found: set[int] = set()
    if not isinstance(value, str):
        raise ValueError('must be text, such as "mon-fri,holidays"')
    for piece in (p.strip() for p in value.split(",")):
        first, dash, last = piece.partition("-")
        if piece == "holidays":
            found.add(HOLIDAY)
        elif first in WEEKDAYS and (last in WEEKDAYS or not dash):
            start = WEEKDAYS.index(first)
            length = (WEEKDAYS.index(last) - start) % 7 if dash else 0
            found.update((start + i) % 7 for i in range(length + 1))
        else:
            raise ValueError(f"must be weekdays (mon … sun), ranges of them, or holidays; {piece!r} is none")
    return frozenset(found)
