"""A zone's local time over a stretch of dates: UTC offsets, and where days begin (reference, section 2).

Instants are seconds since the Unix epoch, UTC; days are ``date.toordinal()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = ["Era", "eras", "midnights"]

_DAY_S = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MARGIN_S = 3 * _DAY_S
_LOOK_S = _DAY_S // 4


class Era(NamedTuple):
    """The instants from ``start_s`` until before ``end_s``, in which local time is UTC plus ``offset_s``."""

    start_s: int
    end_s: int
    offset_s: int


def eras(timezone: str, first: date, last: date) -> list[Era]:
    """Return the eras that cover a zone's dates from ``first`` to ``last``, with some days before and after.

    The zone is asked every six hours, and a change between two answers is then found to the second: about 4
    µs a day. No zone has ever changed its clocks twice, and back, within six hours.
    """
    zone = ZoneInfo(timezone)
    start_s = (first.toordinal() - _EPOCH_ORDINAL) * _DAY_S - _MARGIN_S
    end_s = (last.toordinal() - _EPOCH_ORDINAL) * _DAY_S + _MARGIN_S
    out: list[Era] = []
    era_s, offset_s, seen_s = start_s, _offset_s(zone, start_s), start_s
    for look_s in range(start_s + _LOOK_S, end_s + 1, _LOOK_S):
        found_s = _offset_s(zone, look_s)
        if found_s != offset_s:
            change_s = _first_with(zone, found_s, seen_s, look_s)
            out.append(Era(era_s, change_s, offset_s))
            era_s, offset_s = change_s, found_s
        seen_s = look_s
    out.append(Era(era_s, end_s, offset_s))
    return out


def midnights(spans: Sequence[Era], first: date, last: date) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the days from ``first`` to ``last`` and their first instants: ``(int64[n], int64[n])``, rising.

    A day that the zone skipped is not among them. A date that the clock shows twice begins once, at its first
    instant.
    """
    ordinals, starts_s = [], []
    newest = (spans[0].start_s + spans[0].offset_s) // _DAY_S
    for era in spans:
        # The days that the clock shows in this era, and has not shown before.
        days = np.arange(newest + 1, (era.end_s - 1 + era.offset_s) // _DAY_S + 1, dtype=np.int64)
        days = days[days >= (era.start_s + era.offset_s) // _DAY_S]
        if len(days):
            newest = int(days[-1])
            ordinals.append(days + _EPOCH_ORDINAL)
            starts_s.append(np.maximum(days * _DAY_S - era.offset_s, era.start_s))
    ordinal, start_s = np.concatenate(ordinals), np.concatenate(starts_s)
    within = (ordinal >= first.toordinal()) & (ordinal <= last.toordinal())
    return ordinal[within], start_s[within]


def _offset_s(zone: ZoneInfo, at_s: int) -> int:
    # Microseconds are never part of an offset.
    return int((datetime.fromtimestamp(at_s, zone).utcoffset() or timedelta()).total_seconds())


def _first_with(zone: ZoneInfo, offset_s: int, without_s: int, with_s: int) -> int:
    """Return the first instant with an offset, after one without and up to one with it."""
    while with_s - without_s > 1:
        middle_s = (without_s + with_s) // 2
        if _offset_s(zone, middle_s) == offset_s:
            with_s = middle_s
        else:
            without_s = middle_s
    return with_s
