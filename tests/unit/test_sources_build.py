"""From files to a batch log: order, cuts, `now`, ticks, and what the report says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastcore.errors import ConfigError
from pipeline.batchlog import BatchLog, Entry
from pipeline.errors import LogError, SourceError
from pipeline.sources.build import Options, Report, build
from pipeline.sources.made import MadeRegistry
from pipeline.sources.mapping import Mapping
from pipeline.sources.timeline import day_edges, ticks

CONFIG = """
[engine]
currency = "EUR"
timezone = "Europe/Berlin"
calendar = { from = 2026-01-01, to = 2027-01-01 }
cell = "15m"
window = "1h"
allowed_lateness = "2h"
max_jump = "7d"
[tariffs.home]
[[tariffs.home.rates]]
valid_from = 2026-01-01
prices = { all = "0.30" }
schedule = [{ price = "all" }]
[policies.prepaid]
warn_below = ["5"]
"""


class NoSteps:
    """Counts what a person would see."""

    def __init__(self) -> None:
        self.announced = 0
        self.done = 0

    def start(self, what: str, total: int) -> None:
        self.announced += total

    def step(self, note: str = "") -> None:
        self.done += 1


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def build_from(tmp_path: Path, files: dict[str, str], **options: Any) -> tuple[Report, list[Entry], NoSteps]:
    """Build a log from CSV texts by kind."""
    paths = {}
    (tmp_path / "config.toml").write_text(CONFIG)
    for kind, text in files.items():
        path = tmp_path / f"{kind}.csv"
        path.write_text(text)
        paths[kind] = (path,)
    steps = NoSteps()
    out = tmp_path / "log"
    report = build(Options(tmp_path / "config.toml", paths, **options), out, steps)
    entries = list(BatchLog.open(out))
    assert all(isinstance(entry, Entry) for entry in entries)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    return report, entries, steps  # type: ignore[return-value]


READS = """meter_id,at,value
M2,2026-03-01 00:30,22
M1,2026-03-01 00:15,11
M2,2026-03-01 00:15,21
M1,2026-03-01 00:30,12
M1,2026-03-01 00:20,99
M1,2026-03-02 00:15,13
"""
PAYMENTS = """payment_id,account_id,kind,amount,at
P1,A1,top_up,50,2026-03-01 00:22:10
P2,A1,top_up,5,2026-03-01 23:00:01
"""


def flat(entries: list[Entry]) -> list[tuple[str, str, Any]]:
    """Each batch as kind, now and what tells its rows apart."""
    answer = []
    for entry in entries:
        rows = entry.batch
        mark = None
        if isinstance(rows, pa.Table):
            mark = rows["value" if entry.kind == "reads" else rows.column_names[0]].to_pylist()
        now = "" if entry.now_s is None else datetime.fromtimestamp(entry.now_s, UTC).strftime("%d %H:%M:%S")
        answer.append((entry.kind, now, mark if entry.kind != "payments" else len(mark or ())))
    return answer


def test_rows_stand_in_order_of_time_after_the_registry(tmp_path: Path) -> None:
    accounts = "account_id,district_id,tariff,policy,klass\nA1,D1,home,prepaid,low_voltage\n"
    meters = "meter_id,account_id,reading,interval_s,wh_per_count\nM1,A1,interval,900,1\n"
    files = {
        "accounts": accounts,
        "meters": meters,
        "districts": "district_id,name\nD1,Hill\n",
        "reads": READS,
    }
    report, entries, steps = build_from(tmp_path, files | {"payments": PAYMENTS})
    assert flat(entries) == [
        ("config", "", None),
        ("districts", "01 00:00:00", ["D1"]),
        ("accounts", "01 00:00:00", ["A1"]),
        ("meters", "01 00:00:00", ["M1"]),
        ("reads", "01 00:15:00", [11, 21]),
        ("payments", "01 00:22:10", 1),
        ("reads", "01 00:30:00", [99, 22, 12]),
        ("payments", "01 23:00:01", 1),
        ("reads", "02 00:15:00", [13]),
        ("tick", "02 03:15:00", None),
    ]
    assert report.rows == {"districts": 1, "accounts": 1, "meters": 1, "payments": 2, "reads": 6}
    assert report.batches == {
        "districts": 1,
        "accounts": 1,
        "meters": 1,
        "payments": 2,
        "reads": 3,
        "tick": 1,
    }
    assert report.meters_unregistered == 1
    assert (report.first_s, report.last_s) == (utc("2026-03-01T00:15:00"), utc("2026-03-02T00:15:00"))
    assert steps.announced == steps.done


def test_rows_of_one_instant_keep_their_order(tmp_path: Path) -> None:
    rows = "".join(f"M1,2026-03-01 00:{minute},{value}\n" for value in range(200) for minute in ("30", "15"))
    _, entries, _ = build_from(tmp_path, {"reads": f"meter_id,at,value\n{rows}"})
    assert [mark for kind, _, mark in flat(entries) if kind == "reads"] == [list(range(200))] * 2


def test_days_are_local_and_a_batch_has_its_most_rows(tmp_path: Path) -> None:
    # 23:00 UTC is midnight in Berlin: what ends there is of the day before.
    reads = "meter_id,at,value\n" + "".join(
        f"M1,2026-03-01 {hour}:{minute},{hour}{minute}\n"
        for hour in (21, 22, 23)
        for minute in ("00", "15", "30")
    )
    _, entries, _ = build_from(tmp_path, {"reads": reads}, batch="day", rows_max=4, delay_s=60)
    assert flat(entries)[1:-1] == [
        ("reads", "01 22:01:00", [2100, 2115, 2130, 2200]),
        ("reads", "01 23:01:00", [2215, 2230, 2300]),
        ("reads", "01 23:31:00", [2315, 2330]),
    ]


def test_ticks_stand_where_data_pause_for_longer_than_the_clock_may_jump(tmp_path: Path) -> None:
    reads = "meter_id,at,value\nM1,2026-03-01 00:15,1\nM1,2026-03-20 00:15,2\n"
    report, entries, _ = build_from(tmp_path, {"reads": reads})
    assert [(kind, now) for kind, now, _ in flat(entries)][1:] == [
        ("reads", "01 00:15:00"),
        ("tick", "08 00:15:00"),
        ("tick", "15 00:15:00"),
        ("reads", "20 00:15:00"),
        ("tick", "20 03:15:00"),
    ]
    assert report.batches["tick"] == 3
    assert [tick.now_s for tick in ticks(0, 30, 10)] == [10, 20]


def test_a_registry_is_made_of_the_reads_ids(tmp_path: Path) -> None:
    made = MadeRegistry("home", "prepaid", "D9", max_w=5_000, opening_balance=Decimal("7.5"))
    report, entries, _ = build_from(tmp_path, {"reads": READS}, made=made)
    accounts, meters = entries[1].batch, entries[2].batch
    assert isinstance(accounts, pa.Table)
    assert isinstance(meters, pa.Table)
    assert accounts["account_id"].to_pylist() == meters["meter_id"].to_pylist() == ["M2", "M1"]
    assert accounts["opening_balance"].to_pylist() == [Decimal("7.5")] * 2
    assert meters["interval_s"].to_pylist() == [900, 900]
    assert meters["max_w"].to_pylist() == [5_000, 5_000]
    assert report.meters_unregistered == 0


def test_made_meters_count_as_the_reads_do(tmp_path: Path) -> None:
    for unit, values in (("counts", [22, 11]), ("Wh", [2, 1])):
        (tmp_path / unit).mkdir()
        reads = "meter_id,at,value\nM2,2026-03-01 00:15,22\nM1,2026-03-01 00:15,11\n"
        mapping = Mapping({"reads": {"unit": unit, "resolution_wh": 11}})
        made = MadeRegistry("home", "prepaid", "D9")
        report, entries, _ = build_from(tmp_path / unit, {"reads": reads}, made=made, mapping=mapping)
        meters, rows = entries[2].batch, entries[3].batch
        assert isinstance(meters, pa.Table)
        assert isinstance(rows, pa.Table)
        assert meters["wh_per_count"].to_pylist() == [11, 11]
        assert rows["value"].to_pylist() == values
        assert report.meters_of_other_resolution == 0


def test_whole_number_ids(tmp_path: Path) -> None:
    reads = "meter_id,at,value\n18446744073709551615,2026-03-01 00:15,1\n"
    made = MadeRegistry("home", "prepaid", "3")
    _, entries, _ = build_from(tmp_path, {"reads": reads}, ids="uint64", made=made)
    for entry, column in ((entries[1], "district_id"), (entries[2], "account_id"), (entries[3], "meter_id")):
        assert isinstance(entry.batch, pa.Table)
        assert entry.batch.schema.field(column).type == pa.uint64()
    assert entries[3].batch["meter_id"].to_pylist() == [2**64 - 1]  # type: ignore[index]


def test_counts_of_another_size_than_the_registry_says_are_noticed(tmp_path: Path) -> None:
    meters = "meter_id,role,district_id,reading,interval_s,wh_per_count\n" + "".join(
        f"{meter},supply,D,interval,900,{wh}\n" for meter, wh in (("M1", 10), ("M2", 1))
    )
    options = {"mapping": Mapping({"reads": {"unit": "Wh"}})}
    report, _, _ = build_from(tmp_path, {"meters": meters, "reads": READS}, **options)
    assert (report.meters_of_other_resolution, report.meters_unregistered) == (1, 0)


def test_rejects_are_in_the_log_and_in_the_report(tmp_path: Path) -> None:
    report, _, _ = build_from(tmp_path, {"reads": READS.replace(",99", ",ninety")})
    [line] = (tmp_path / "log" / "rejects.jsonl").read_text().splitlines()
    assert json.loads(line)["text"] == "ninety"
    assert (report.rows["reads"], report.rejected["reads"]) == (5, 1)
    assert sum(report.reasons.values()) == 1


def test_a_log_without_reads_stands_at_the_calendars_start(tmp_path: Path) -> None:
    _, entries, _ = build_from(tmp_path, {"districts": "district_id\nD1\n"})
    assert [entry.now_s for entry in entries] == [None, utc("2025-12-31T23:00:00")]
    assert not (tmp_path / "log" / "rejects.jsonl").exists()


def test_nothing_is_left_of_a_build_that_fails(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "reads.csv").write_text("meter,at,value\n")
    pq.write_table(
        pa.table({"meter_id": ["M"], "at": ["2026-03-01"], "value": [[1]]}), tmp_path / "odd.parquet"
    )
    out = tmp_path / "log"
    for files, config, error in (
        ({"reads": (tmp_path / "reads.csv",)}, CONFIG, SourceError),
        ({}, "[engine]", ConfigError),
        ({"reads": (tmp_path / "none.csv",)}, CONFIG, OSError),
        ({"reads": (tmp_path / "odd.parquet",)}, CONFIG, SourceError),  # found out in the middle
    ):
        (tmp_path / "config.toml").write_text(config)
        with pytest.raises(error):
            build(Options(tmp_path / "config.toml", files), out, NoSteps())
        assert not out.exists()
    (tmp_path / "config.toml").write_text(CONFIG)
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(LogError, match="not an empty folder"):
        build(Options(tmp_path / "config.toml", {}), out, NoSteps())
    assert (out / "mine.txt").read_text() == "keep"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.toml",
        "log",
        "odd.parquet",
        "reads.csv",
    ]


def test_local_days_begin_with_their_first_instant() -> None:
    edges = day_edges("Europe/Berlin", utc("2026-03-28T12:00:00"), utc("2026-03-30T12:00:00"))
    assert {utc("2026-03-28T23:00:00"), utc("2026-03-29T22:00:00")} <= set(edges.tolist())
    assert edges[0] < utc("2026-03-28T12:00:00")
    assert edges[-1] > utc("2026-03-30T12:00:00")
