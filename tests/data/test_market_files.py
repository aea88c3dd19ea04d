"""NEM12 and NEM13 files of the Australian market: counts and sums as its reference reader has them."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.sources.mapping import FileMapping
from pipeline.sources.nem import read_nem
from pipeline.sources.rejects import Rejects
from tests.data.through import Outcome, config, defects, through
from tests.shared import shared

ENERGY = {"KWH": 1_000, "WH": 1, "MWH": 1_000_000}
METERS = ("meter_id", "role", "district_id", "reading", "interval_s", "wh_per_count")
NEM_TIME = timedelta(hours=10)


def index() -> list[dict[str, str]]:
    with shared("data", "nem12_nem13", "expected_index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def file_of(name: str) -> Path:
    [path] = (path for path in shared("data", "nem12_nem13", "files").rglob("*") if path.name == name)
    return path


@pytest.fixture(scope="module")
def reference() -> dict[str, list[dict[str, Any]]]:
    """The reference reader's readings, by file."""
    by_file: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in pq.read_table(shared("data", "nem12_nem13", "readings.parquet")).to_pylist():
        by_file[row["file"]].append(row)
    return dict(by_file)


def energy_wh(row: dict[str, Any]) -> int | None:
    """A reading's energy; None where it is no energy, or says that there is none."""
    factor = ENERGY.get(row["uom"].upper())
    if factor is None or row["quality"].startswith("N"):
        return None
    return int((Decimal(repr(row["value"])) * factor).to_integral_value())


def meter_of(row: dict[str, Any]) -> str:
    return f"{row['meter_id']}-{row['register']}"


def registry(folder: Path, rows: list[dict[str, Any]], reading: str) -> tuple[Path, ...]:
    """A registry of supply meters, each of the shortest interval that it has readings of."""
    intervals: dict[str, int] = {}
    for row in rows:
        seconds = int((row["ts_end"] - row["ts_start"]).total_seconds())
        meter = meter_of(row)
        intervals[meter] = min(seconds, intervals.get(meter, seconds)) if reading == "interval" else 86_400
    with (folder / "meters.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(METERS)
        for meter, interval_s in intervals.items():
            writer.writerow((meter, "supply", "1", reading, interval_s, 1))
    return (folder / "meters.csv",)


def replayed(folder: Path, name: str, rows: list[dict[str, Any]], reading: str) -> Outcome:
    more = 'accept_estimates = true\nwindow_horizon = "1d"'
    cell = "5m" if reading == "interval" else "1m"
    start, end = (min(row["ts_start"] for row in rows).year, max(row["ts_end"] for row in rows).year + 1)
    return through(
        folder,
        config(f"{start}-01-01", f"{end}-01-01", cell, "Australia/Brisbane", more=more),
        (file_of(name),),
        {},
        files={"meters": registry(folder, rows, reading)},
    )


INTERVAL_FILES = 66
REGISTER_FILES = 43


def test_nem12_counts_and_sums(tmp_path: Path, reference: dict[str, list[dict[str, Any]]]) -> None:
    """Every NEM12 file, through the engine: what the reference counts is accepted, or told why not."""
    checked = 0
    told: Counter[str] = Counter()
    readings: list[dict[str, Any]] = []
    for entry in index():
        rows = reference.get(entry["file"], [])
        energies = [energy for row in rows if (energy := energy_wh(row)) is not None]
        if entry["version"] != "NEM12" or not energies or entry["error"]:
            continue
        assert len(rows) == int(entry["readings"])
        assert sum(row["value"] for row in rows) == pytest.approx(float(entry["sum_values"]))
        folder = tmp_path / str(checked)
        folder.mkdir()
        outcome = replayed(folder, entry["file"], rows, "interval")
        assert not outcome.refused(), entry["file"]
        assert outcome.run.outputs["intervals"] == len(energies), entry["file"]
        assert outcome.run.tally.supply_kwh * 1_000 == sum(energies)
        why = Counter(reject["reason"].split(" ")[0] for reject in outcome.rejects())
        # A day of too few values is passed over by the reference, too.
        assert why.total() - why["Skipping"] == len(rows) - len(energies), entry["file"]
        told += why
        estimated = sum(
            not row["quality"].startswith(("A", "N")) and energy_wh(row) is not None for row in rows
        )
        assert outcome.run.tally.quality["estimated"] == estimated
        readings += rows
        checked += 1
    # The others hold reactive energy, or no unit.
    assert checked == INTERVAL_FILES
    assert told["quality"] == sum(row["quality"].startswith("N") for row in readings) == 72
    assert told["unit"] == sum(row["uom"].upper() not in ENERGY for row in readings) > 5_000


def test_nem12_estimates_are_refused_where_they_are_not_accepted(
    tmp_path: Path, reference: dict[str, list[dict[str, Any]]]
) -> None:
    name = "Example_NEM12_multiple_quality.csv"
    rows = reference[name]
    outcome = through(
        tmp_path,
        config("2004-01-01", "2006-01-01", "5m", "Australia/Brisbane"),
        (file_of(name),),
        {},
        files={"meters": registry(tmp_path, rows, "interval")},
    )
    estimated = sum(not row["quality"].startswith(("A", "N")) and energy_wh(row) is not None for row in rows)
    assert estimated > 0
    assert outcome.refused() == {"estimated": estimated}


def test_nem13_registers(tmp_path: Path, reference: dict[str, list[dict[str, Any]]]) -> None:
    """Every NEM13 file: both counts of each period are read, once; those off the grid are refused."""
    checked = 0
    for entry in index():
        rows = reference.get(entry["file"], [])
        if entry["version"] != "NEM13" or not rows:
            continue
        assert len(rows) == int(entry["readings"])
        assert sum(row["value"] for row in rows) == pytest.approx(float(entry["sum_values"]))
        reads: dict[tuple[str, datetime, float], None] = {}
        for row in rows:
            if ENERGY.get(row["uom"].upper()) is not None:
                reads[meter_of(row), row["ts_start"], float(row["val_start"])] = None
                reads[meter_of(row), row["ts_end"], float(row["val_end"])] = None
        folder = tmp_path / str(checked)
        folder.mkdir()
        outcome = replayed(folder, entry["file"], rows, "register")
        assert outcome.report.rows["reads"] == len(reads), entry["file"]
        off_grid = sum(at.second != 0 for _, at, _ in reads)
        assert outcome.refused()["misaligned"] == off_grid, entry["file"]
        checked += 1
    assert checked == REGISTER_FILES


def test_every_count_of_the_data_set_is_met(reference: dict[str, list[dict[str, Any]]]) -> None:
    counted = defects(shared("data", "nem12_nem13"))
    rows = [row for some in reference.values() for row in some]
    assert len(rows) == counted["readings"] == sum(int(entry["readings"] or 0) for entry in index())
    assert sum(row["value"] == 0 for row in rows) == counted["zero"]
    assert sum(row["value"] < 0 for row in rows) == counted["neg"]
    # Files of which the reference says something, and files of the invalid ones that it says nothing of.
    assert len(reference) == counted["files"]


def test_invalid_files_are_told_and_never_stop_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = sorted(shared("data", "nem12_nem13", "files", "invalid").iterdir())
    assert len(files) == 11
    rows = 0
    with Rejects(tmp_path / "rejects.jsonl") as rejects:
        for path in files:
            rows += sum(some.table.num_rows for some in read_nem(path, FileMapping(), "utf8", rejects))
    assert rows > 0
    unreadable = {
        file for (_, file, reason), _ in rejects.by_reason.items() if reason.startswith("cannot be read")
    }
    assert unreadable == {
        "Example_NEM12_15min_200_30min_300.csv",
        "Example_NEM12_30min_200_15min_400.csv",
        "Example_NEM12_powercor_missing_fields.csv",
    }
    skipped = {
        file for (_, file, reason), _ in rejects.by_reason.items() if reason.startswith("Skipping 300")
    }
    assert skipped == {"Example_NEM12_incomplete_interval.csv"}
    assert capsys.readouterr().err == ""
