"""The calendar against the zone asked cell by cell, and the days that clocks make odd."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastcore.calendar import Calendar
from fastcore.config import Config
from fastcore.config_model import HOLIDAY, Line, Policy

ARRAYS = (
    ("day_of_edge", np.uint32),
    ("day_ordinal", np.int32),
    ("day_first_cell", np.int64),
    ("month_of_cell", np.uint16),
    ("year_of_cell", np.uint16),
    ("month_first_cell", np.int64),
    ("year_first_cell", np.int64),
    ("cell_local_month", np.uint8),
    ("cell_weekday", np.uint8),
    ("cell_second_of_day", np.int32),
    ("slot_of_cell", np.int32),
)


def configured(zone: str, first: str, last: str, cell: str = "15m", more: str = "") -> Config:
    return Config.from_toml(
        f'[engine]\ncurrency = "CNY"\ntimezone = "{zone}"\ncalendar = {{ from = {first}, to = {last} }}\n'
        f'cell = "{cell}"\nwindow = "6h"\n{more}'
    )


def calendar(zone: str, first: str, last: str, cell: str = "15m", more: str = "") -> Calendar:
    return Calendar.build(configured(zone, first, last, cell, more))


def policy(windows: str) -> Policy:
    more = f'[policies.p]\nwarn_below = ["1"]\nwindows = [{windows}]'
    return configured("UTC", "2026-01-01", "2026-01-02", more=more).policies["p"]


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def asked(zone: str, at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, ZoneInfo(zone))


@given(
    zone=st.sampled_from(
        [
            "Asia/Shanghai",
            "Europe/London",
            "America/New_York",
            "America/Havana",
            "America/Santiago",
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "Africa/Casablanca",
            "Pacific/Apia",
            "Asia/Beirut",
            "America/Nuuk",
            "UTC",
        ]
    ),
    first=st.dates(date(2009, 1, 1), date(2060, 1, 1)),
    days=st.integers(1, 250),
    cell_s=st.sampled_from([300, 900]),
)
@example(zone="Pacific/Apia", first=date(2011, 12, 20), days=30, cell_s=900)  # 30 December was skipped
@example(zone="America/Havana", first=date(2026, 10, 20), days=30, cell_s=900)
@example(zone="America/Santiago", first=date(2026, 8, 20), days=30, cell_s=900)
def test_every_cell_is_where_the_zone_says(zone, first, days, cell_s):
    last = first + timedelta(days)
    cells = calendar(zone, first.isoformat(), last.isoformat(), f"{cell_s}s")
    shown = [asked(zone, cells.from_s + k * cell_s) for k in range(cells.n_cells)]
    dates = [at.date() for at in shown]
    assert dates[0] == first
    assert last - timedelta(2) <= dates[-1] < last
    assert asked(zone, cells.to_s).date() == last
    assert asked(zone, cells.to_s - 1).date() < last
    assert asked(zone, cells.from_s - 1).date() < first
    days_seen = sorted(set(dates))
    index = {day: i for i, day in enumerate(days_seen)}
    assert cells.day_of_edge.tolist() == [index[day] + 1 for day in dates] + [len(days_seen) + 1]
    assert cells.day_ordinal.tolist() == [day.toordinal() for day in days_seen]
    assert cells.cell_weekday.tolist() == [day.weekday() for day in dates]
    assert cells.cell_local_month.tolist() == [day.month for day in dates]
    assert cells.cell_second_of_day.tolist() == [at.hour * 3600 + at.minute * 60 + at.second for at in shown]
    months = [(day.year - first.year) * 12 + day.month - first.month for day in dates]
    assert cells.month_of_cell.tolist() == months
    assert cells.year_of_cell.tolist() == [day.year - first.year for day in dates]
    assert (cells.n_days, cells.n_months, cells.n_years) == (
        len(days_seen),
        months[-1] + 1,
        dates[-1].year - first.year + 1,
    )
    for firsts, of_cell in (
        (cells.month_first_cell, months),
        (cells.year_first_cell, cells.year_of_cell.tolist()),
        (cells.day_first_cell, [index[day] for day in dates]),
    ):
        assert firsts.tolist() == [of_cell.index(i) for i in range(of_cell[-1] + 1)] + [cells.n_cells]


def test_arrays_are_read_only_contiguous_and_of_the_promised_types():
    cells = calendar("Europe/London", "2026-01-01", "2026-03-01")
    for name, kind in ARRAYS:
        array = getattr(cells, name)
        assert array.dtype == kind, name
        assert array.flags.c_contiguous, name
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert (len(cells.day_of_edge), len(cells.month_first_cell), len(cells.year_first_cell)) == (5665, 3, 2)


@pytest.mark.parametrize(
    ("zone", "day", "midnight", "hours"),
    [
        ("Asia/Shanghai", "2026-03-01", "2026-02-28T16:00", 24),
        ("Europe/London", "2026-03-29", "2026-03-29T00:00", 23),
        ("Europe/London", "2026-10-25", "2026-10-24T23:00", 25),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00", 25),  # the first of the two midnights
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00", 23),  # 00:00 is skipped: 01:00 is first
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30", 23.5),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00", 24.5),
    ],
)
def test_a_day_begins_with_its_first_instant(zone, day, midnight, hours):
    after = date.fromisoformat(day) + timedelta(1)
    cells = calendar(zone, day, after.isoformat())
    assert (cells.from_s, cells.to_s) == (utc(midnight), utc(midnight) + hours * 3600)
    assert (cells.n_cells, cells.n_days) == (hours * 4, 1)
    around = calendar(zone, "2026-01-01", "2027-01-01")
    k = (cells.from_s - around.from_s) // 900
    assert around.day_of_edge[k - 1] + 1 == around.day_of_edge[k] == around.day_of_edge[k + cells.n_cells - 1]
    assert around.day_of_edge[k + cells.n_cells] == around.day_of_edge[k] + 1


def test_an_hour_of_yesterday_that_comes_again_after_midnight_is_todays():
    # On 1 November 2009 the clocks of St. John's went from 00:01 back to 23:01.
    cells = calendar("America/St_Johns", "2009-10-31", "2009-11-02")
    assert cells.n_days == 2
    first = int(cells.day_first_cell[1])
    assert cells.from_s + first * 900 == utc("2009-11-01T02:30")
    again = cells.cell_second_of_day[first : first + 6].tolist()
    assert again == [0, 23 * 3600 + 900, 23 * 3600 + 1800, 23 * 3600 + 2700, 0, 900]
    assert set(cells.cell_weekday[first:].tolist()) == {6}
    assert np.all(np.diff(cells.month_of_cell.astype(int)) >= 0)
    assert cells.month_first_cell.tolist() == [0, first, cells.n_cells]


def test_holidays_and_workdays():
    more = "holidays = [2026-01-05, 2026-01-10]\nworkdays = [2026-01-11, 2026-01-09]"
    cells = calendar("Asia/Shanghai", "2026-01-05", "2026-01-12", more=more)
    assert cells.cell_weekday[::96].tolist() == [HOLIDAY, 1, 2, 3, 0, HOLIDAY, 0]


def test_a_trip_mask_is_one_where_any_window_matches():
    cells = calendar("Asia/Shanghai", "2026-01-01", "2026-02-10", more="holidays = [2026-01-02]")
    mask = cells.trip_mask(
        policy('{ days = "fri", from = "22:00", to = "01:00" }, { months = [2], to = "00:15" }')
    )
    assert mask.dtype == np.uint8
    matched = [(asked("Asia/Shanghai", cells.from_s + int(k) * 900)) for k in np.flatnonzero(mask)]
    fridays = [at for at in matched if at.weekday() == 4]
    assert {at.date().isoformat() for at in fridays} == {f"2026-01-{d:02}" for d in (9, 16, 23, 30)} | {
        "2026-02-06"
    }
    assert {at.hour for at in fridays} == {0, 22, 23}
    assert [at.day for at in matched if at.month == 2 and at.weekday() != 4] == [1, 2, 3, 4, 5, 7, 8, 9]
    assert len(fridays) == 5 * 12


def test_a_policy_without_windows_may_trip_at_any_time():
    cells = calendar("Asia/Shanghai", "2026-01-01", "2026-01-03")
    assert cells.trip_mask(policy("")).tolist() == [1] * 192


def line(
    from_s: int = 0, to_s: int = 86400, days: set[int] | None = None, months: set[int] | None = None
) -> Line:
    return Line(
        months=None if months is None else frozenset(months),
        days=None if days is None else frozenset(days),
        from_s=from_s,
        to_s=to_s,
        price="",
    )


@given(
    lines=st.lists(
        st.builds(
            line,
            from_s=st.integers(0, 287).map(lambda n: n * 300),
            to_s=st.integers(0, 288).map(lambda n: n * 300),
            days=st.none() | st.sets(st.integers(0, 7), min_size=1),
            months=st.none() | st.sets(st.integers(1, 12), min_size=1),
        ),
        max_size=4,
    )
)
def test_the_first_line_that_matches_a_cell_decides(lines):
    cells = calendar("Australia/Lord_Howe", "2026-03-31", "2026-04-07", "5m", "holidays = [2026-04-01]")
    found = cells.first_match(lines)[cells.slot_of_cell]
    for k in range(cells.n_cells):
        second, weekday = int(cells.cell_second_of_day[k]), int(cells.cell_weekday[k])
        expected = -1
        for i, one in enumerate(lines):
            if one.from_s < one.to_s:
                in_time = one.from_s <= second < one.to_s
            else:
                in_time = one.from_s == one.to_s or second >= one.from_s or second < one.to_s
            if (
                in_time
                and (one.days is None or weekday in one.days)
                and (one.months is None or cells.cell_local_month[k] in one.months)
            ):
                expected = i
                break
        assert found[k] == expected


def test_an_hour_that_the_clock_skips_matches_nothing_and_one_it_repeats_twice():
    spring = calendar("Europe/London", "2026-03-29", "2026-03-30")
    autumn = calendar("Europe/London", "2026-10-25", "2026-10-26")
    windows = policy('{ from = "01:00", to = "02:00" }')
    assert int(spring.trip_mask(windows).sum()) == 0
    assert np.flatnonzero(autumn.trip_mask(windows)).tolist() == list(range(4, 12))


def test_lengthening_a_calendar_leaves_its_beginning():
    short = calendar("America/New_York", "2026-01-15", "2026-09-01")
    longer = calendar("America/New_York", "2026-01-15", "2028-05-01")
    n = short.n_cells
    assert short.day_of_edge.tolist() == longer.day_of_edge[: n + 1].tolist()
    assert short.month_of_cell.tolist() == longer.month_of_cell[:n].tolist()
    assert longer.month_first_cell[: short.n_months].tolist() == short.month_first_cell[:-1].tolist()
    assert (longer.n_years, longer.n_months) == (3, 28)
