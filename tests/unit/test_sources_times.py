"""Stamps to instants: zones, offsets, clocks that go back and on, and what is no time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from pipeline.sources.mapping import FileMapping
from pipeline.sources.times import Clock

LONDON = {"stamp": "start", "timezone": "Europe/London"}


def clock(reads: bool = True, **mapping: Any) -> Clock:
    return Clock(msgspec.convert(mapping, FileMapping), marks_interval=reads)


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def read_one(cell: object, kind: pa.DataType | None = None, /, **mapping: Any) -> int | str:
    first, _, problems = clock(**mapping).read(pa.array([cell], kind))
    return problems.get(0, int(first[0]))


@pytest.mark.parametrize(
    ("stamp", "mapping", "expected"),
    [
        ("2026-01-01 00:15", {}, "2026-01-01T00:15:00"),
        ("2026-01-01T00:15:00Z", {"timezone": "+10:00"}, "2026-01-01T00:15:00"),
        ("2026-01-01T00:15:00+05:30", {}, "2025-12-31T18:45:00"),
        ("2012-10-12 00:30:00.0000000", {}, "2012-10-12T00:30:00"),
        ("  2026-01-01 00:15 ", {}, "2026-01-01T00:15:00"),
        ("2026-01-01", {}, "2026-01-01T00:00:00"),
        ("2026-01-01 24:00", {}, "2026-01-02T00:00:00"),
        ("31.12.2025 24:00", {"time_format": "%d.%m.%Y %H:%M"}, "2026-01-01T00:00:00"),
        ("1/2/2026 13", {"time_format": "%m/%d/%Y %H"}, "2026-01-02T13:00:00"),
        ("2026-01-01 00:15", {"timezone": "+10:00"}, "2025-12-31T14:15:00"),
        ("2026-01-01 00:15", {"timezone": "-03:30"}, "2026-01-01T03:45:00"),
        ("2026-07-01 00:15", {"timezone": "Europe/London"}, "2026-06-30T23:15:00"),
        ("2026-01-01 00:00", {"stamp": "start", "interval": "30m"}, "2026-01-01T00:30:00"),
        ("2026-03-28 01:30", {**LONDON, "interval": "30m"}, "2026-03-28T02:00:00"),
        # The day on which the clocks go on has 23 hours, and its end is a local midnight.
        ("2026-03-29", {**LONDON, "interval": "1d"}, "2026-03-29T23:00:00"),
        ("2026-03-29T00:00Z", {**LONDON, "interval": "1d"}, "2026-03-29T23:00:00"),
        ("1767226500", {"time_format": "epoch"}, "2026-01-01T00:15:00"),
        ("1767226500000", {"time_format": "epoch_ms"}, "2026-01-01T00:15:00"),
    ],
)
def test_a_text_says_an_instant(stamp: str, mapping: dict[str, Any], expected: str) -> None:
    assert read_one(stamp, **mapping) == utc(expected)


@pytest.mark.parametrize(
    ("stamp", "kind", "expected"),
    [
        (datetime(2026, 1, 1, 0, 15), pa.timestamp("ns"), "2025-12-31T14:15:00"),
        (datetime(2026, 1, 1, 0, 15, tzinfo=UTC), pa.timestamp("ms", "UTC"), "2026-01-01T00:15:00"),
        (datetime(2026, 1, 1, 0, 15, tzinfo=UTC), pa.timestamp("s", "Asia/Shanghai"), "2026-01-01T00:15:00"),
        (date(2026, 1, 2), pa.date32(), "2026-01-01T14:00:00"),
        (1_767_226_500, pa.int64(), "2026-01-01T00:15:00"),
        (1_767_226_500.0, pa.float64(), "2026-01-01T00:15:00"),
    ],
)
def test_a_typed_stamp_says_an_instant(stamp: object, kind: pa.DataType, expected: str) -> None:
    assert read_one(stamp, kind, timezone="+10:00") == utc(expected)


@pytest.mark.parametrize(
    ("stamp", "kind", "mapping", "reason"),
    [
        ("Null", None, {}, "ISO 8601"),
        ("2026-02-30 00:15", None, {}, "no time"),
        ("2026-01-01 24:15", None, {}, "no time"),
        ("31/12/2025", None, {"time_format": "%d.%m.%Y"}, "%d.%m.%Y"),
        ("2012-10-12 00:30:00.5", None, {}, "whole second"),
        ("1721154384.66136", None, {"time_format": "epoch"}, "whole second"),
        ("soon", None, {"time_format": "epoch"}, "seconds since 1970"),
        ("9" * 30, None, {"time_format": "epoch"}, "no time"),
        ("2026-03-29 01:30", None, {"timezone": "Europe/London"}, "skip"),
        (1, pa.timestamp("ns", "UTC"), {}, "whole second"),
        (2**62, pa.timestamp("s", "UTC"), {}, "no time"),
        (2**62, pa.int64(), {}, "no time"),
    ],
)
def test_what_says_no_instant_is_a_problem(
    stamp: object, kind: pa.DataType | None, mapping: dict[str, Any], reason: str
) -> None:
    answer = read_one(stamp, kind, **mapping)
    assert isinstance(answer, str)
    assert reason in answer


def test_an_instant_in_itself_is_not_moved_by_the_interval() -> None:
    first, _, _ = clock(reads=False, stamp="start", interval="30m").read(pa.array(["2026-01-01 00:00"]))
    assert first[0] == utc("2026-01-01T00:00:00")


def test_the_hour_that_comes_twice_is_told_apart_by_order_of_appearance() -> None:
    # Two meters, read in turn through the hour from 01:00 to 02:00 of summer time, then of winter time.
    stamps = [f"2026-10-25 01:{minute}" for _ in range(2) for minute in ("00", "30") for _ in range(2)]
    meters = ["A", "B"] * 4
    london = clock(timezone="Europe/London")
    first, second, problems = london.read(pa.array(stamps))
    assert not problems
    assert np.all(second - first == 3_600)
    london.settle(meters, first, second)
    begin = utc("2026-10-25T00:00:00")
    assert first.tolist() == [begin + half * 1_800 for half in range(4) for _ in range(2)]


def test_the_order_of_appearance_is_remembered_from_block_to_block() -> None:
    london = clock(timezone="Europe/London")
    found = []
    for _ in range(2):
        first, second, _ = london.read(pa.array(["2026-10-25 01:00"]))
        london.settle(["A"], first, second)
        found.append(int(first[0]))
    assert found == [utc("2026-10-25T00:00:00"), utc("2026-10-25T01:00:00")]
