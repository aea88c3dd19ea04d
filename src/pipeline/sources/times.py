"""Stamps, as text, timestamps or numbers, to instants: seconds since the epoch, UTC.

Each distinct stamp of a file is read once and remembered, which is what makes a million rows quick: meters of
a head-end are stamped alike. A stamp of an hour that local time runs through twice gives both instants;
`Clock.settle` then tells them apart by the order in which a meter's rows stand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sources.mapping import FileMapping

__all__ = ["Clock"]

_EPOCH = datetime(1970, 1, 1)
_DAY_S = 86_400
_HOUR_24 = re.compile(r"\b24(?=:|$)")
_PER_S = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_NUMBERED = {"epoch": 1, "epoch_ms": 1_000}

Int64s = npt.NDArray[np.int64]


class Clock:
    """Reads the stamps of one file, by its mapping.

    `marks_interval` tells whether a stamp may mark an interval's start (reads) or is an instant in itself
    (payments).
    """

    def __init__(self, mapping: FileMapping, marks_interval: bool) -> None:
        self._format = mapping.time_format
        self._zone = mapping.zone
        self._zone_name = mapping.timezone
        starts = marks_interval and mapping.stamp == "start"
        self._shift_s = (mapping.interval_s or 0) if starts else 0
        # A day that starts at local midnight ends at the next one, 23 to 25 hours on.
        self._local_shift = timedelta(seconds=self._shift_s if self._shift_s % _DAY_S == 0 else 0)
        self._utc_shift_s = self._shift_s - int(self._local_shift.total_seconds())
        self._known: dict[object, tuple[int, int] | str] = {}
        self._seen: Counter[tuple[object, int]] = Counter()

    def read(self, column: pa.Array) -> tuple[Int64s, Int64s, dict[int, str]]:
        """The first and the second instant that each row's stamp can mean, and what is wrong with which row.

        `column` holds texts, timestamps, dates or whole numbers, and no nulls.
        """
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        stamps = _stamps(column.dictionary)
        answers = [self._instants(stamp) for stamp in stamps]
        first = np.array([0 if isinstance(answer, str) else answer[0] for answer in answers], np.int64)
        second = np.array([0 if isinstance(answer, str) else answer[1] for answer in answers], np.int64)
        codes = column.indices.to_numpy()
        wrong = np.array([isinstance(answer, str) for answer in answers], bool)[codes]
        problems = {int(row): str(answers[codes[row]]) for row in np.flatnonzero(wrong)}
        return first[codes], second[codes], problems

    def settle(self, keys: Sequence[object], first: Int64s, second: Int64s) -> None:
        """Choose, in `first` itself, between the two instants where they differ.

        The first row of a key (a meter) with a stamp keeps the first instant, later ones take the second.
        `keys` are those of the rows where they differ.
        """
        for row, key in zip(np.flatnonzero(first != second), keys, strict=True):
            again = (key, int(first[row]))
            if self._seen[again]:
                first[row] = second[row]
            self._seen[again] += 1

    def _instants(self, stamp: object) -> tuple[int, int] | str:
        known = self._known.get(stamp)
        if known is None:
            known = self._known[stamp] = self._parse(stamp)
        return known

    def _parse(self, stamp: object) -> tuple[int, int] | str:
        try:
            if isinstance(stamp, datetime):
                return self._convert(stamp)
            if self._format in _NUMBERED or not isinstance(stamp, str):
                return self._convert_number(str(stamp))
            return self._convert(self._read_text(stamp))
        except (ValueError, OverflowError):
            form = "ISO 8601, such as 2026-01-01 00:15" if self._format == "iso" else self._format
            return f"no time; expected {form}"

    def _read_text(self, text: str) -> datetime:
        try:
            return self._read_plain(text)
        except ValueError:
            midnight = _HOUR_24.sub("00", text)
            if midnight == text:
                raise
            moment = self._read_plain(midnight)
            if (moment.hour, moment.minute, moment.second) != (0, 0, 0):
                raise
            return moment + timedelta(days=1)

    def _read_plain(self, text: str) -> datetime:
        return (
            datetime.fromisoformat(text) if self._format == "iso" else datetime.strptime(text, self._format)
        )

    def _convert_number(self, text: str) -> tuple[int, int] | str:
        try:
            at_s = Decimal(text) / _NUMBERED.get(self._format, 1)
            if at_s != int(at_s):
                return "no whole second; expected one, as every read's and payment's instant is"
            return self._convert(_EPOCH.replace(tzinfo=UTC) + timedelta(seconds=int(at_s)))
        except (InvalidOperation, ValueError, OverflowError):
            return (
                "no time; expected seconds since 1970, or milliseconds if the mapping's time_format says so"
            )

    def _convert(self, moment: datetime) -> tuple[int, int] | str:
        if moment.microsecond:
            return "no whole second; expected one, as every read's and payment's instant is"
        if moment.tzinfo is not None:
            if not self._local_shift:
                at_s = _seconds(moment.astimezone(UTC).replace(tzinfo=None)) + self._utc_shift_s
                return at_s, at_s
            moment = moment.astimezone(self._zone)
        naive = moment.replace(tzinfo=None) + self._local_shift
        offsets = [naive.replace(tzinfo=self._zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
        if offsets[0] < offsets[1]:
            return f"a time that the clocks of {self._zone_name} skip; expected one that they show"
        first, second = (_seconds(naive - offset) + self._utc_shift_s for offset in offsets)
        return first, second


def _stamps(distinct: pa.Array) -> list[object]:
    """Each distinct stamp as a text, a datetime or a number."""
    kind = distinct.type
    if pa.types.is_date(kind):
        distinct, kind = distinct.cast(pa.timestamp("s")), pa.timestamp("s")
    if pa.types.is_timestamp(kind):
        zone = None if kind.tz is None else UTC
        return [_moment(ticks, _PER_S[kind.unit], zone) for ticks in distinct.cast(pa.int64()).to_pylist()]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        distinct = pc.utf8_trim_whitespace(distinct)
    stamps: list[object] = distinct.to_pylist()
    return stamps


def _moment(ticks: int, per_s: int, zone: tzinfo | None) -> datetime | str:
    """The time that a timestamp says; any fraction of a second is a microsecond, just as wrong."""
    try:
        moment = _EPOCH.replace(tzinfo=zone) + timedelta(seconds=ticks // per_s)
    except OverflowError:
        return str(ticks)
    return moment.replace(microsecond=1) if ticks % per_s else moment


def _seconds(naive: datetime) -> int:
    since = naive - _EPOCH
    return since.days * _DAY_S + since.seconds
