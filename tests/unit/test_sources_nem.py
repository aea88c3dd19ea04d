"""NEM12 and NEM13: stamps, units, quality, registers, and what is passed over."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from pipeline.errors import SourceError
from pipeline.sources.files import file_format
from pipeline.sources.mapping import FileMapping
from pipeline.sources.nem import read_nem
from pipeline.sources.rejects import Rejects

DAY = ",".join(["0.5"] * 48)
NEM12 = f"""100,NEM12,202601020000,MDP1,Retailer1
200,NMI0000001,E1B1,1,E1,N1,METER1,kWh,30,
300,20260101,{DAY},A,,,20260102000000,
300,20260102,{DAY},V,,,20260103000000,
400,1,10,A,,
400,11,47,S14,,
400,48,48,N,,
200,NMI0000001,E1B1,1,Q1,N1,METER1,kVArh,30,
300,20260101,{DAY},A,,,20260102000000,
900
"""
NEM13 = "\n".join(
    [
        "100,NEM13,202601020000,MDP1,Retailer1",
        "250,NMI0000002,11,1,11,11,METER2,E,000100,20260101000000,A,,,"
        "000250,20260201000000,A,,,150,kWh,20260301, 20260202000000,",
        "250,NMI0000002,11,1,11,11,METER2,E,000250,20260201000000,A,,,"
        "000400,20260301000000,E64,,,150,kWh,20260401, 20260302000000,",
        "900\n",
    ]
)


def reads_of(path: Path, **mapping: Any) -> tuple[pa.Table, list[dict[str, Any]]]:
    with Rejects(path.with_name("rejects.jsonl")) as rejects:
        some = list(read_nem(path, msgspec.convert(mapping, FileMapping), "utf8", rejects))
    told = [json.loads(line) for line in rejects.path.read_text().splitlines()] if rejects.by_kind else []
    rejects.path.unlink(missing_ok=True)
    return pa.concat_tables([rows.table for rows in some]) if some else pa.table({}), told


def test_intervals_end_in_nem_time_and_carry_their_quality(tmp_path: Path) -> None:
    path = tmp_path / "nem.csv"
    path.write_text(NEM12)
    assert file_format(path, FileMapping()) == "nem"
    table, told = reads_of(path)
    assert table.num_rows == 95
    assert set(table["meter_id"].to_pylist()) == {"NMI0000001-E1"}
    assert set(table["value"].to_pylist()) == {500}
    start = datetime(2025, 12, 31, 14, tzinfo=UTC)
    assert table["at"].to_pylist() == [start + timedelta(minutes=30 * (number + 1)) for number in range(95)]
    assert table["status"].to_pylist() == [0] * 58 + [4] * 37
    assert [reject["reason"].split(";")[0] for reject in told] == ["quality N: no data"] + [
        "unit kVArh is no energy"
    ] * 48


def test_a_zip_is_read_like_the_file_in_it(tmp_path: Path) -> None:
    path = tmp_path / "nem.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("nem.csv", NEM12)
    assert file_format(path, FileMapping()) == "nem"
    assert reads_of(path)[0].num_rows == 95


def test_a_register_gives_the_counts_at_both_ends_of_a_period_once(tmp_path: Path) -> None:
    path = tmp_path / "nem.csv"
    path.write_text(NEM13)
    table, told = reads_of(path)
    assert not told
    assert table["meter_id"].to_pylist() == ["NMI0000002-11"] * 3
    assert table["value"].to_pylist() == [100_000, 250_000, 400_000]
    assert [moment.isoformat() for moment in table["at"].to_pylist()] == [
        "2025-12-31T14:00:00+00:00",
        "2026-01-31T14:00:00+00:00",
        "2026-02-28T14:00:00+00:00",
    ]
    assert table["status"].to_pylist() == [0, 0, 4]


def test_energies_that_are_no_whole_counts_are_told(tmp_path: Path) -> None:
    path = tmp_path / "nem.csv"
    path.write_text(NEM12)
    table, told = reads_of(path, resolution_wh=200)
    assert table.num_rows == 0
    assert sum("2.5 counts of 200 Wh" in reject["reason"] for reject in told) == 95


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("100,NEM99,202601020000,MDP1,Retailer1\n900\n", "cannot be read as NEM12 or NEM13"),
        (
            "100,NEM12,202601020000,MDP1,Retailer1\n300,20260101,1,A\n900\n",
            "cannot be read as NEM12 or NEM13",
        ),
        (NEM12.replace(f"300,20260102,{DAY},", "300,20260102,"), "Skipping 300 record"),
        (NEM13.replace("900\n", ""), "no record 900 at its end"),
    ],
    ids=["version", "no 200", "short day", "no end"],
)
def test_what_is_no_nem_is_told(
    tmp_path: Path, text: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nem.csv"
    path.write_text(text)
    _, told = reads_of(path)
    assert reason in told[0]["reason"]
    assert capsys.readouterr().err == ""


def test_its_meters_are_texts(tmp_path: Path) -> None:
    with Rejects(tmp_path / "rejects.jsonl") as rejects, pytest.raises(SourceError, match="utf8, not uint64"):
        list(read_nem(tmp_path / "nem.csv", FileMapping(), "uint64", rejects))
