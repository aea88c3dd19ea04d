"""Households of four countries: gaps, duplicates, conflicts, impossible levels, clocks that change."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.through import Outcome, config, defects, made, through
from tests.shared import shared

TIDY = {"columns": {"at": "ts", "value": "kwh"}}
RUNS = ("missing_intervals", "gap_runs", "longest_gap_intervals", "meters_with_gaps")


def check_gaps(outcome: Outcome, folder: Path) -> None:
    counted = defects(folder)
    assert outcome.gaps() == {name: counted[name] for name in RUNS}


@pytest.fixture(scope="module")
def swiss(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = shared("data", "swiss_15min")
    text = config("2018-10-01", "2019-01-01", "15m", "Europe/Zurich", more='zero_usage = "24h"')
    mapping = TIDY | {"stamp": "start", "interval": "15m", "round": True}
    # 44 kW is what such a connection can draw: 11 kWh in a quarter of an hour.
    registry = made(900, max_w=44_000)
    return through(
        tmp_path_factory.mktemp("swiss"), text, (folder / "readings.parquet",), mapping, registry=registry
    )


def test_swiss_an_impossible_level_is_found_by_what_the_installation_can_draw(swiss: Outcome) -> None:
    counted = defects(shared("data", "swiss_15min"))
    assert swiss.run.rows["reads"] == counted["rows"]
    assert len(swiss.state("meters")) == counted["meters"]
    assert swiss.refused() == {"spike": 1_030}
    spikes = swiss.output("exceptions")
    assert set(spikes["subject"].to_pylist()) == {"CH2046645"}
    assert max(spikes["value"].to_pylist()) == round(counted["max_kwh"] * 1_000)
    # Three refusals in a row ask for a look at the meter, and at no other.
    findings = swiss.output("findings").to_pylist()
    inspected = {row["subject"] for row in findings if row["kind"] == "inspect_meter"}
    assert inspected == {"CH2046645"}


def test_swiss_nothing_is_missing_but_what_was_refused(swiss: Outcome) -> None:
    counted = defects(shared("data", "swiss_15min"))
    assert counted["missing_intervals"] == 0
    gaps = swiss.state("gaps")
    assert set(gaps["meter_id"].to_pylist()) == {"CH2046645"}
    [meter] = [row for row in swiss.state("meters").to_pylist() if row["meter_id"] == "CH2046645"]
    after = sum(row["at"] > meter["last_at"] for row in swiss.output("exceptions").to_pylist())
    assert sum(gaps["missing"].to_pylist()) + after == 1_030


def test_swiss_zeros(swiss: Outcome) -> None:
    counted = defects(shared("data", "swiss_15min"))
    assert swiss.zero() == counted["zero"]
    assert swiss.opened("zero_usage") == counted["zero_runs_ge_24h"]


def test_swiss_ten_kwh_a_quarter(tmp_path: Path) -> None:
    folder = shared("data", "swiss_15min")
    text = config("2018-10-01", "2019-01-01", "15m", "Europe/Zurich")
    mapping = TIDY | {"stamp": "start", "interval": "15m", "round": True}
    registry = made(900, max_w=40_000)
    outcome = through(tmp_path, text, (folder / "readings.parquet",), mapping, registry=registry)
    assert outcome.refused() == {"spike": defects(folder)["gt_10kwh_per_15min"]}


@pytest.fixture(scope="module")
def sydney(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = shared("data", "sgsc_30min")
    text = config("2012-01-01", "2015-01-01", "30m", "Australia/Sydney", more='zero_usage = "24h"')
    mapping = TIDY | {"timezone": "+10:00"}
    return through(
        tmp_path_factory.mktemp("sgsc"), text, (folder / "readings.parquet",), mapping, registry=made(1_800)
    )


def test_new_south_wales_gaps_and_zeros(sydney: Outcome) -> None:
    folder = shared("data", "sgsc_30min")
    counted = defects(folder)
    assert sydney.run.outputs["intervals"] == counted["rows"]
    assert not sydney.refused()
    check_gaps(sydney, folder)
    assert sydney.zero() == counted["zero"]
    # A row of zeros goes on over a gap, as nobody knows better: the data's own count is of rows without one.
    runs = zero_runs(folder / "readings.parquet", timedelta(minutes=30))
    assert sum(whole for whole in runs) == counted["zero_runs_ge_24h"]
    assert sydney.opened("zero_usage") == len(runs)


def zero_runs(path: Path, interval: timedelta) -> list[bool]:
    """For each row of zeros of a meter over a day or longer, whether no interval is missing in it."""
    found: list[bool] = []
    meter, start, end, whole = None, None, None, True

    def finish() -> None:
        if start is not None and end - start >= timedelta(days=1):
            found.append(whole)

    for row in pq.read_table(path).sort_by([("meter_id", "ascending"), ("ts", "ascending")]).to_pylist():
        if row["meter_id"] != meter or row["kwh"] != 0:
            finish()
            meter, start, end, whole = row["meter_id"], None, None, True
        if row["kwh"] == 0:
            start = row["ts"] - interval if start is None else start
            whole = whole and end in (None, row["ts"] - interval)
            end = row["ts"]
    finish()
    return found


RAW = {"columns": {"meter_id": "LCLid", "at": "DateTime", "value": "KWH/hh (per half hour)"}}


def test_london_raw_file_as_it_was_published(tmp_path: Path) -> None:
    """Space-padded numbers, the text `Null` at a stray time, a midnight repeated each month."""
    folder = shared("data", "lcl_raw_single")
    counted = defects(folder)
    text = config("2012-01-01", "2015-01-01", "30m", "Europe/London", more='zero_usage = "24h"')
    outcome = through(tmp_path, text, (folder / "MAC000002.csv",), RAW, registry=made(1_800))
    [reject] = outcome.rejects()
    assert len(outcome.rejects()) == counted["null_value"] == counted["text_Null"]
    assert (reject["line"], reject["text"]) == (3_242, "Null")
    assert outcome.run.rows["reads"] == counted["rows"] - counted["null_value"]
    assert outcome.refused() == {"duplicate": counted["dup_same_value"]}
    check_gaps(outcome, folder)
    # The repeated midnights are not zeros, or they would be counted twice there.
    assert outcome.zero() == counted["zero"]
    assert outcome.opened("zero_usage") == counted["zero_runs_ge_24h"]


def test_london_raw_a_stray_time_is_off_the_grid(tmp_path: Path) -> None:
    folder = shared("data", "lcl_raw_single")
    lines = (folder / "MAC000002.csv").read_text().replace("Null", " 0.5 ")
    (tmp_path / "raw.csv").write_text(lines)
    text = config("2012-01-01", "2015-01-01", "30m", "Europe/London")
    outcome = through(tmp_path, text, (tmp_path / "raw.csv",), RAW, registry=made(1_800))
    counted = defects(folder)
    assert outcome.refused() == {"duplicate": counted["dup_same_value"], "misaligned": counted["off_grid_ts"]}


HUE = {
    "columns": {"at": ["date", "hour"], "value": "energy_kWh"},
    "fixed": {"meter_id": "HUE1"},
    "time_format": "%m/%d/%Y %H",
}


def test_british_columbia_read_as_if_its_clock_never_changed(tmp_path: Path) -> None:
    """By a clock of fixed offset, the stamps have the defects that were counted in them."""
    folder = shared("data", "hue_hourly")
    counted = defects(folder)
    text = config("2012-01-01", "2016-01-01", "1h", more='zero_usage = "24h"')
    mapping = HUE | {"timezone": "-08:00"}
    outcome = through(tmp_path, text, (folder / "Residential_1.csv",), mapping, registry=made(3_600))
    assert outcome.run.rows["reads"] == counted["rows"]
    assert outcome.refused() == {"conflict": counted["dup_conflict"], "duplicate": counted["dup_same_value"]}
    check_gaps(outcome, folder)
    assert outcome.zero() == counted["zero"]
    assert outcome.opened("zero_usage") == counted["zero_runs_ge_24h"]


def test_british_columbia_by_its_own_clock(tmp_path: Path) -> None:
    """By local time the hours that came twice are two hours, and those that never came are not missing."""
    folder = shared("data", "hue_hourly")
    counted = defects(folder)
    text = config("2012-01-01", "2016-01-01", "1h", "America/Vancouver")
    mapping = HUE | {"timezone": "America/Vancouver"}
    outcome = through(tmp_path, text, (folder / "Residential_1.csv",), mapping, registry=made(3_600))
    assert not outcome.rejects()
    assert outcome.refused() == {"duplicate": counted["dup_same_value"]}
    springs = 3  # of 2013, 2014 and 2015, each without its hour from two to three
    assert outcome.gaps()["missing_intervals"] == counted["missing_intervals"] - springs
    assert outcome.run.outputs["intervals"] == counted["rows"] - counted["dup_same_value"]


def test_green_button_hours(tmp_path: Path) -> None:
    """The electricity of the Green Button samples; the gas bills among them are of months."""
    folder = shared("data", "greenbutton_espi")
    rows = pq.read_table(folder / "readings.parquet").to_pylist()
    # Some names of files are longer than an id may be.
    hours = [row | {"file": row["file"][:64]} for row in rows if row["duration_s"] == 3_600]
    assert len({row["file"] for row in hours}) == 7
    pq.write_table(pa.Table.from_pylist(hours), tmp_path / "hours.parquet")
    text = config("2009-01-01", "2016-01-01", "1h", "America/Los_Angeles")
    mapping = {
        "columns": {"meter_id": "file", "at": "start"},
        "unit": "Wh",
        "stamp": "start",
        "interval": "1h",
    }
    outcome = through(tmp_path, text, (tmp_path / "hours.parquet",), mapping, registry=made(3_600))
    durations = Counter({int(seconds): times for seconds, times in defects(folder)["durations"].items()})
    assert outcome.run.outputs["intervals"] == len(hours) == durations[3_600]
    assert not outcome.refused()
    assert not outcome.rejects()
    missing, runs = 0, 0
    starts: dict[str, int] = {}
    for row in hours:
        before = starts.get(row["file"])
        if before is not None and row["start"] != before + 3_600:
            missing, runs = missing + (row["start"] - before) // 3_600 - 1, runs + 1
        starts[row["file"]] = row["start"]
    assert runs == 1
    assert outcome.gaps()["gap_runs"] == runs
    assert outcome.gaps()["missing_intervals"] == missing
    assert outcome.run.tally.energy_kwh * 1_000 == sum(int(row["value"]) for row in hours)


def test_mscons_the_same_file_twice_counts_once(tmp_path: Path) -> None:
    folder = shared("data", "mscons_edifact")
    counted = defects(folder)
    rows = pq.read_table(folder / "readings.parquet").to_pylist()
    text = config("2015-01-01", "2023-01-01", "15m", "Europe/Berlin")
    mapping = {"columns": {"at": "ts_end"}}
    outcome = through(tmp_path, text, (folder / "readings.parquet",), mapping, registry=made(900))
    assert outcome.run.rows["reads"] == len(rows) == counted["readings"]
    assert len(outcome.state("meters")) == counted["meters"]
    # Two of the three files are the same, byte for byte: whatever one gives, the other gives again.
    assert counted["identical_files"] == 1
    expected: Counter[str] = Counter()
    first: dict[tuple[str, datetime], float] = {}
    for row in rows:
        key = (row["meter_id"], row["ts_end"])
        if row["ts_end"].minute % 15:
            expected["misaligned"] += 1
        elif key in first:
            expected["duplicate" if row["value"] == first[key] else "conflict"] += 1
        else:
            first[key] = row["value"]
    assert outcome.refused() == expected
    assert expected["duplicate"] > 2_800
    assert outcome.run.tally.energy_kwh == sum(Decimal(str(value)) for value in first.values())
