"""London households: what is missing is found; each is charged what a plain sum over its readings gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from tests.data.through import Outcome, config, defects, through
from tests.shared import shared

LONDON = ZoneInfo("Europe/London")
HALF_HOUR = timedelta(minutes=30)
BALANCE = Decimal(1_000_000)
HOLIDAYS = ("2013-01-01", "2013-03-29", "2013-05-06", "2013-08-26", "2013-12-25", "2013-12-26")
TARIFFS = """
[tariffs.flat]
[[tariffs.flat.rates]]
valid_from = 2012-01-01
standing = "0.2345"
prices = { all = "0.14228" }
schedule = [{ price = "all" }]

[tariffs.bands]
[[tariffs.bands.rates]]
valid_from = 2012-01-01
prices = { high = "0.672", normal = "0.1176", low = "0.0399" }
schedule = [
  { days = "holidays", price = "low" },
  { months = [1, 2, 11, 12], days = "mon-fri", from = "16:00", to = "19:30", price = "high" },
  { from = "23:00", to = "06:00", price = "low" },
  { price = "normal" },
]

[tariffs.tiers]
tier_period = "year"
[[tariffs.tiers.rates]]
valid_from = 2012-01-01
prices = { all = "0.558" }
schedule = [{ price = "all" }]
tiers = [{ above = 2160, add = "0.05" }, { above = 4200, add = "0.30" }]
"""
NAMES = ("flat", "bands", "tiers")

Readings = dict[str, list[tuple[datetime, int]]]


@pytest.fixture(scope="module")
def readings() -> Readings:
    """Each household's readings: the end of the half hour, and its energy in Wh."""
    table = pq.read_table(shared("data", "lcl_30min", "readings.parquet"))
    times = {at_s: datetime.fromtimestamp(at_s, UTC) for at_s in seconds(table["ts"].unique())}
    by_meter: Readings = {}
    for meter, at_s, kwh in zip(
        table["meter_id"].to_pylist(), seconds(table["ts"]), table["kwh"].to_pylist(), strict=True
    ):
        energy_wh = int((Decimal(repr(kwh)) * 1_000).to_integral_value())
        by_meter.setdefault(meter, []).append((times[at_s], energy_wh))
    return by_meter


def seconds(column: pa.ChunkedArray) -> list[int]:
    return [nanoseconds // 10**9 for nanoseconds in column.cast(pa.int64()).to_pylist()]


@pytest.fixture(scope="module")
def london(tmp_path_factory: pytest.TempPathFactory, readings: Readings) -> Outcome:
    """Every third household on each tariff; the registry as a utility would export it, in CSV."""
    folder = tmp_path_factory.mktemp("lcl")
    meters = list(readings)
    accounts = {
        "account_id": [f"account of {meter}" for meter in meters],
        "district_id": ["London"] * len(meters),
        "tariff": [tariff_of(meter, meters) for meter in meters],
        "policy": ["home"] * len(meters),
        "klass": ["low_voltage"] * len(meters),
        "opening_balance": [str(BALANCE)] * len(meters),
    }
    registry = {
        "meter_id": meters,
        "account_id": accounts["account_id"],
        "reading": ["interval"] * len(meters),
        "interval_s": [1_800] * len(meters),
        "wh_per_count": [1] * len(meters),
        "switchable": ["yes"] * len(meters),
    }
    for name, columns in (("accounts", accounts), ("meters", registry)):
        pa_csv.write_csv(pa.table(columns), folder / f"{name}.csv")
    holidays = ", ".join(HOLIDAYS)
    more = f'holidays = [{holidays}]\nzero_usage = "24h"\nsilent_after = "3d"'
    return through(
        folder,
        config("2012-01-01", "2015-01-01", "30m", "Europe/London", more=more, tariffs=TARIFFS),
        (shared("data", "lcl_30min", "readings.parquet"),),
        {"columns": {"at": "ts", "value": "kwh"}},
        files={name: (folder / f"{name}.csv",) for name in ("accounts", "meters")},
    )


def tariff_of(meter: str, meters: list[str]) -> str:
    return NAMES[meters.index(meter) % len(NAMES)]


def test_every_reading_is_taken_and_the_missing_ones_are_known(london: Outcome) -> None:
    counted = defects(shared("data", "lcl_30min"))
    assert london.run.outputs["intervals"] == counted["rows"]
    assert not london.refused()
    assert not london.rejects()
    assert len(london.state("meters")) == counted["meters"]
    names = ("missing_intervals", "gap_runs", "longest_gap_intervals", "meters_with_gaps")
    assert london.gaps() == {name: counted[name] for name in names}
    assert london.zero() == counted["zero"]
    assert london.opened("zero_usage") == counted["zero_runs_ge_24h"]


def test_gaps_that_share_a_stamp(london: Outcome) -> None:
    """Twelve half hours are missing of three meters or more: something common failed."""
    missing: Counter[datetime] = Counter()
    for gap in london.state("gaps").to_pylist():
        for number in range(gap["missing"]):
            missing[gap["from"] + (number + 1) * HALF_HOUR] += 1
    assert sum(times >= 3 for times in missing.values()) == 12
    assert missing[datetime(2013, 12, 19, 6, tzinfo=UTC)] == 3


def test_meters_that_stop_are_found(london: Outcome, readings: Readings) -> None:
    last = max(ends[-1][0] for ends in readings.values())
    stopped = {meter for meter, ends in readings.items() if ends[-1][0] <= last - timedelta(days=3)}
    december = datetime(2013, 12, 1, tzinfo=UTC)
    assert sum(ends[-1][0] < december for ends in readings.values()) == 8
    open_now = london.state("findings").to_pylist()
    assert {row["subject"] for row in open_now if row["kind"] == "silent_meter"} == stopped
    assert len(stopped) >= 8


def flat_nano(ends: list[tuple[datetime, int]]) -> int:
    """The energy at one price, and the standing charge of the local midnights after the first reading."""
    midnights = sum(
        (end.astimezone(LONDON).hour, end.astimezone(LONDON).minute) == (0, 0) for end in all_half_hours(ends)
    )
    return sum(energy_wh for _, energy_wh in ends) * 142_280 + midnights * 234_500_000


def all_half_hours(ends: list[tuple[datetime, int]]) -> list[datetime]:
    """The half hours' ends after the first reading up to the last one, missing ones too."""
    count = (ends[-1][0] - ends[0][0]) // HALF_HOUR
    return [ends[0][0] + number * HALF_HOUR for number in range(1, count + 1)]


def bands_nano(ends: list[tuple[datetime, int]]) -> int:
    """Each half hour at the price of the band in which it starts, by London's clock."""
    return sum(energy_wh * band(end - HALF_HOUR) for end, energy_wh in ends)


PRICES: dict[datetime, int] = {}


def band(start: datetime) -> int:
    if start not in PRICES:
        local = start.astimezone(LONDON)
        winter_evening = (
            local.month in (1, 2, 11, 12) and 16 * 60 <= local.hour * 60 + local.minute < 19 * 60 + 30
        )
        if local.date() in {date.fromisoformat(holiday) for holiday in HOLIDAYS}:
            PRICES[start] = 39_900
        elif winter_evening and local.weekday() < 5:
            PRICES[start] = 672_000
        else:
            PRICES[start] = 39_900 if local.hour >= 23 or local.hour < 6 else 117_600
    return PRICES[start]


def tiers_nano(ends: list[tuple[datetime, int]]) -> int:
    """Each local year's energy at the base price, and what goes over 2,160 and 4,200 kWh at more."""
    years: Counter[int] = Counter()
    for end, energy_wh in ends:
        years[(end - HALF_HOUR).astimezone(LONDON).year] += energy_wh
    return sum(
        used * 558_000 + max(0, used - 2_160_000) * 50_000 + max(0, used - 4_200_000) * 300_000
        for used in years.values()
    )


@pytest.mark.parametrize(
    ("name", "expected_nano"), [("flat", flat_nano), ("bands", bands_nano), ("tiers", tiers_nano)]
)
def test_households_are_charged_what_a_plain_sum_gives(
    london: Outcome,
    readings: Readings,
    name: str,
    expected_nano: Callable[[list[tuple[datetime, int]]], int],
) -> None:
    meters = list(readings)
    balances = {row["account_id"]: row["balance"] for row in london.state("accounts").to_pylist()}
    checked = [meter for meter in meters if tariff_of(meter, meters) == name]
    assert len(checked) == 25
    for meter in checked:
        expected = BALANCE - Decimal(expected_nano(readings[meter])).scaleb(-9)
        assert balances[f"account of {meter}"] == expected, meter
    if name == "tiers":
        assert sum(sum(wh for _, wh in readings[meter]) > 4_200_000 for meter in checked) > 3


def test_cut_into_other_batches_the_same_readings_come_to_the_same(london: Outcome, tmp_path: Path) -> None:
    table = pq.read_table(shared("data", "lcl_30min", "readings.parquet"))
    end = pa.scalar(datetime(2013, 1, 15, tzinfo=UTC), table.schema.field("ts").type)
    table = table.filter(pc.less_equal(table["ts"], end))
    backwards = pa.array(range(len(table) - 1, -1, -1))
    outcomes = []
    for name, rows, batch in (("days", table, "day"), ("half hours", table.take(backwards), "interval")):
        (tmp_path / name).mkdir()
        pq.write_table(rows, tmp_path / name / "readings.parquet")
        outcomes.append(
            through(
                tmp_path / name,
                (london.folder / "config.toml").read_text(),
                (tmp_path / name / "readings.parquet",),
                {"columns": {"at": "ts", "value": "kwh"}},
                files={kind: (london.folder / f"{kind}.csv",) for kind in ("accounts", "meters")},
                batch=batch,
            )
        )
    days, half_hours = outcomes
    assert (days.run.batches["reads"], half_hours.run.batches["reads"]) == (15, 14 * 48 + 1)
    for name in ("accounts", "meters", "gaps"):
        assert days.state(name) == half_hours.state(name)
