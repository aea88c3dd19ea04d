"""Line loss of districts whose loss is known: a utility's feeders in Iowa, two grids of SimBench."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.through import Outcome, config, defects, through
from tests.shared import shared

TIDY = {"columns": {"at": "ts", "value": "kwh"}, "stamp": "start", "round": True}
ACCOUNTS = ("account_id", "district_id", "tariff", "policy", "klass", "opening_balance")
METERS = ("meter_id", "role", "account_id", "district_id", "reading", "interval_s", "wh_per_count")


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def registry(
    folder: Path, interval_s: int, consumers: dict[str, str], supply: dict[str, str]
) -> dict[str, tuple[Path, ...]]:
    """Files of a registry: consumers with an account each, and supply meters, by meter and district."""
    accounts = [
        (meter, district, "flat", "home", "public", 100_000_000) for meter, district in consumers.items()
    ]
    meters: list[tuple[object, ...]] = [
        (meter, "consumer", meter, "", "interval", interval_s, 1) for meter in consumers
    ]
    meters += [
        (meter, "supply", "", district, "interval", interval_s, 1) for meter, district in supply.items()
    ]
    return {
        "accounts": (write_csv(folder / "accounts.csv", ACCOUNTS, accounts),),
        "meters": (write_csv(folder / "meters.csv", METERS, meters),),
    }


def windows(outcome: Outcome, district: str) -> list[dict[str, Any]]:
    """The district's windows with all reads in, at their last revision."""
    last: dict[object, dict[str, Any]] = {}
    for row in outcome.output("districts").to_pylist():
        if row["district_id"] == district and row["received"] == row["expected"]:
            last[row["end"]] = row
    return list(last.values())


def loss_percent(rows: list[dict[str, Any]]) -> Decimal:
    """What part of the supply of all windows was lost."""
    return 100 * sum(row["loss"] for row in rows) / sum(row["supply"] for row in rows)


@pytest.fixture(scope="module")
def iowa(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("iowa")
    data = shared("data", "iowa240_hourly")
    consumers = {row["meter_id"]: "substation" for row in read_csv(data / "topology.csv")}
    mapping = TIDY | {
        "interval": "1h",
        "files": {
            "substation_total.csv": {
                "columns": {"value": "substation_kwh"},
                "fixed": {"meter_id": "substation meter"},
            }
        },
    }
    return through(
        folder,
        config("2017-01-01", "2018-01-01", "1h", more='zero_usage = "24h"'),
        (data / "readings.parquet", data / "substation_total.csv"),
        mapping,
        files=registry(folder, 3_600, consumers, {"substation meter": "substation"}),
    )


def test_iowa_every_reading_is_taken(iowa: Outcome) -> None:
    data = shared("data", "iowa240_hourly")
    counted = defects(data)
    assert iowa.report.rows["reads"] == counted["rows"] + len(read_csv(data / "substation_total.csv"))
    assert not iowa.refused()
    assert not iowa.rejects()
    assert iowa.report.meters_unregistered == 0
    assert iowa.gaps()["gap_runs"] == counted["gap_runs"] == 0
    assert len(iowa.state("meters")) == counted["meters"] + 1


def test_iowa_line_loss_of_the_year_and_of_each_hour(iowa: Outcome) -> None:
    counted = defects(shared("data", "iowa240_hourly"))
    rows = windows(iowa, "substation")
    assert len(rows) == (31 + 28 + 31 + 30 + 31 + 30 + 31) * 24
    assert round(float(loss_percent(rows)), 3) == round(counted["loss_pct_total"], 3) == 0.892
    ratios = sorted(100 * row["loss_ratio"] for row in rows)
    found = [round(ratio, 3) for ratio in (ratios[0], ratios[len(ratios) // 2], ratios[-1])]
    assert found == pytest.approx(counted["loss_pct_hour_min_med_max"], abs=0.0011)
    assert all(row["loss"] > 0 for row in rows)


def test_iowa_zeros(iowa: Outcome) -> None:
    """One transformer takes nothing all year, another less than half a watt-hour an hour for a day."""
    data = shared("data", "iowa240_hourly")
    counted = defects(data)
    readings = pq.read_table(data / "readings.parquet")
    assert zeros(readings, least_kwh=0) == (counted["zero"], {"IA3139"})
    assert counted["zero_runs_ge_24h"] == 1
    _, nearly = zeros(readings, least_kwh=0.0005)
    assert nearly == {"IA3139", "IA3124"}
    found = [row["subject"] for row in iowa.output("findings").to_pylist() if row["kind"] == "zero_usage"]
    assert set(found) == nearly
    assert iowa.zero() == zeros(readings, least_kwh=0.0005)[0]


def zeros(readings: pa.Table, least_kwh: float) -> tuple[int, set[str]]:
    """How many readings are no more than `least_kwh`, and which meters have a day of them in a row."""
    ordered = readings.sort_by([("meter_id", "ascending"), ("ts", "ascending")])
    count, in_a_row, days, before = 0, 0, set(), None
    for meter, kwh in zip(ordered["meter_id"].to_pylist(), ordered["kwh"].to_pylist(), strict=True):
        if meter != before or kwh > least_kwh:
            in_a_row, before = 0, meter
        if kwh <= least_kwh:
            count, in_a_row = count + 1, in_a_row + 1
            if in_a_row == 24:
                days.add(meter)
    return count, days


def simbench_through(folder: Path, timezone: str) -> Outcome:
    """Two grids, fed by a transformer and solar plants; what goes back through it is taken out."""
    data = shared("data", "simbench_lv")
    topology = read_csv(data / "topology.csv")
    consumers = {row["meter_id"]: row["district"] for row in topology if row["kind"] == "load"}
    supply = {row["meter_id"]: row["district"] for row in topology if row["kind"] == "pv"}
    header = ("meter_id", "ts", "kwh")
    forth, back = [], []
    for row in read_csv(data / "district_energy.csv"):
        energy = float(row["hv_in_kwh"])
        forth.append((f"into {row['district']}", row["ts"], max(energy, 0.0)))
        back.append((f"out of {row['district']}", row["ts"], max(-energy, 0.0)))
    for district in ("rural2", "semiurb4"):
        supply[f"into {district}"] = district
        consumers[f"out of {district}"] = district
    reads = (
        data / "readings.parquet",
        write_csv(folder / "forth.csv", header, forth),
        write_csv(folder / "back.csv", header, back),
    )
    return through(
        folder,
        config("2016-01-01", "2017-01-01", "15m", "Europe/Berlin", more='zero_usage = "24h"'),
        reads,
        TIDY | {"interval": "15m", "timezone": timezone},
        files=registry(folder, 900, consumers, supply),
    )


@pytest.fixture(scope="module")
def simbench(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return simbench_through(tmp_path_factory.mktemp("simbench"), "Europe/Berlin")


@pytest.mark.parametrize("district", ["rural2", "semiurb4"])
def test_simbench_line_loss(simbench: Outcome, district: str) -> None:
    counted = defects(shared("data", "simbench_lv"))
    rows = windows(simbench, district)
    # Sixty days of hours, less the one that the clocks skipped.
    assert len(rows) == 60 * 24 - 1
    # Energies are rounded to whole watt-hours, of some 15 a quarter and meter.
    assert float(loss_percent(rows)) == pytest.approx(counted[f"loss_pct_{district}"], abs=0.01)


def test_simbench_losses_balance_to_the_watt_hour(simbench: Outcome) -> None:
    """What the windows hold is what the readings hold, each rounded to whole watt-hours."""
    data = shared("data", "simbench_lv")
    topology = {row["meter_id"]: row for row in read_csv(data / "topology.csv")}
    energy = {"rural2": [0, 0], "semiurb4": [0, 0]}
    intervals = simbench.output("intervals").select(["district_id", "meter_id", "energy"])
    wide = intervals["energy"].cast(pa.decimal128(38, 3))
    sums = intervals.set_column(2, "energy", wide).group_by(["district_id", "meter_id"])
    for row in sums.aggregate([("energy", "sum")]).to_pylist():
        known = topology.get(row["meter_id"])
        fed_in = row["meter_id"].startswith("into ") or (known is not None and known["kind"] == "pv")
        energy[row["district_id"]][0 if fed_in else 1] += int(row["energy_sum"] * 1_000)
    for district, (supply_wh, consumption_wh) in energy.items():
        rows = windows(simbench, district)
        assert sum(row["supply"] for row in rows) * 1_000 == supply_wh
        assert sum(row["consumption"] for row in rows) * 1_000 == consumption_wh


def test_simbench_the_hour_that_the_clocks_skip_is_not_missing(simbench: Outcome) -> None:
    counted = defects(shared("data", "simbench_lv"))
    added = 2 * 2 * (60 * 96 - 4)  # forth and back, of two grids
    assert simbench.run.outputs["intervals"] == counted["rows"] + added
    assert not simbench.refused()
    assert simbench.gaps()["missing_intervals"] == 0


def test_simbench_by_a_clock_that_never_changes_it_is(tmp_path: Path) -> None:
    counted = defects(shared("data", "simbench_lv"))
    outcome = simbench_through(tmp_path, "+01:00")
    gaps = [row for row in outcome.state("gaps").to_pylist() if row["meter_id"].startswith("SB_")]
    assert len(gaps) == counted["gap_runs"]
    assert sum(row["missing"] for row in gaps) == counted["missing_intervals"]
    assert {row["missing"] for row in gaps} == {counted["longest_gap_intervals"]}
