"""The twin's local days, where clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from model.calendar import calendar_of
from model.config import Match
from model.toml_values import days


def at(text: str) -> int:
    """An instant, written in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("zone", "day", "midnight", "cells"),
    [
        ("Asia/Shanghai", date(2026, 1, 1), "2025-12-31T16:00", 96),
        ("Europe/London", date(2026, 3, 29), "2026-03-29T00:00", 92),
        ("Europe/London", date(2026, 10, 25), "2026-10-24T23:00", 100),
        ("Australia/Lord_Howe", date(2026, 10, 4), "2026-10-03T13:30", 94),
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00", 100),  # its midnight comes twice
        ("America/Santiago", date(2026, 9, 6), "2026-09-06T04:00", 92),  # its midnight never comes
    ],
)
def test_a_day_begins_with_its_first_instant(zone: str, day: date, midnight: str, cells: int) -> None:
    calendar = calendar_of(zone, day, day.replace(day=day.day + 2), 900)
    assert calendar.midnights[0] == at(midnight)
    assert calendar.days[1].first_cell == cells == len(calendar.days[0].seconds)


def test_a_skipped_midnight_starts_at_one() -> None:
    calendar = calendar_of("America/Santiago", date(2026, 9, 6), date(2026, 9, 7), 3600)
    assert calendar.days[0].seconds[:2] == (3600, 7200)


def test_an_hour_that_comes_twice_is_there_twice() -> None:
    calendar = calendar_of("Europe/London", date(2026, 10, 25), date(2026, 10, 26), 3600)
    assert calendar.days[0].seconds[:4] == (0, 3600, 3600, 7200)


def test_a_midnight_inside_a_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-01-01 is not a whole number of cells"):
        calendar_of("Asia/Kathmandu", date(2026, 1, 1), date(2026, 2, 1), 3600)


def test_periods_start_on_local_midnights() -> None:
    calendar = calendar_of("UTC", date(2025, 12, 30), date(2026, 2, 2), 3600)
    assert calendar.months == (0, 48, 48 + 31 * 24)
    assert calendar.years == (0, 48)


@pytest.mark.parametrize(
    ("from_s", "to_s", "second", "matched"),
    [
        (3600, 7200, 3600, True),
        (3600, 7200, 7200, False),
        (79200, 3600, 82800, True),
        (79200, 3600, 0, True),
        (79200, 3600, 3600, False),
        (28800, 28800, 0, True),
    ],
)
def test_hours_wrap_past_midnight(from_s: int, to_s: int, second: int, matched: bool) -> None:
    line = Match(frozenset({1}), frozenset({0}), from_s, to_s)
    assert line.matches(1, 0, second) is matched
    assert not line.matches(2, 0, second)
    assert not line.matches(1, 7, second)


def test_weekdays_wrap_past_sunday() -> None:
    assert days("fri-mon") == {4, 5, 6, 0}
    assert days("tue, sat-sun,holidays") == {1, 5, 6, 7}
    with pytest.raises(ValueError, match="mon-fry"):
        days("mon-fry")
