"""Files to typed rows: what is taken, and where and why the rest is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SourceError
from pipeline.sources import files
from pipeline.sources.columns import COLUMNS, Ids
from pipeline.sources.mapping import FileMapping
from pipeline.sources.records import read_rows, schema_of
from pipeline.sources.rejects import Rejects

T0 = datetime(2026, 1, 1, tzinfo=UTC)
COUNTS = {"columns": {"meter_id": "id", "at": "time", "value": "kwh"}}


def rows_of(
    path: Path, kind: str = "reads", ids: Ids = "utf8", **mapping: Any
) -> tuple[pa.Table, list[dict[str, Any]]]:
    with Rejects(path.with_name("rejects.jsonl")) as rejects:
        some = list(read_rows(kind, path, msgspec.convert(mapping, FileMapping), ids, rejects))
    told = [json.loads(line) for line in rejects.path.read_text().splitlines()] if rejects.by_kind else []
    assert rejects.path.exists() == bool(told)
    rejects.path.unlink(missing_ok=True)
    assert len(told) == rejects.by_kind[kind]
    return pa.concat_tables(rows.table for rows in some) if some else schema_of(kind, ids).empty_table(), told


def test_a_csv_in_the_engines_own_words_needs_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "reads.csv"
    path.write_text("at,value,meter_id\n2026-01-01 00:15,5,M1\n2026-01-01T00:30:00Z,6,M2\n")
    table, told = rows_of(path)
    assert not told
    assert table.schema == schema_of("reads", "utf8")
    assert table.to_pydict() == {
        "meter_id": ["M1", "M2"],
        "at": [T0.replace(minute=15), T0.replace(minute=30)],
        "value": [5, 6],
        "status": [0, 0],
    }


def test_a_row_that_cannot_be_used_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "reads.csv"
    lines = [
        "id;time;kwh;flag",  # 1
        "M1;2026-01-01 00:15;0,219;0",
        "M1;2026-01-01 00:30;Null;0",  # 3
        "",
        "M1;2026-01-01 00:45",  # 5
        "M1;tomorrow;0,219;0",
        ";2026-01-01 01:00;0,219;0",  # 7
        "M1;2026-01-01 01:15;0,2195;0",
        "M1;2026-01-01 01:30;0,219;x",  # 9
        "M1;2026-01-01 01:45;0,220;;",
        "M1;2026-01-01 02:00;;0",  # 11
        "M1;2026-01-01 02:15;0,221;",
        ";;;",  # 13
        "M\xff;2026-01-01 02:30;0,222;4",
    ]
    path.write_bytes("\n".join(lines).encode("latin1") + b"\n")
    mapping = {"columns": COUNTS["columns"] | {"status": "flag"}, "unit": "kWh"}
    table, told = rows_of(path, delimiter=";", decimal=",", **mapping)
    assert table["value"].to_pylist() == [219, 221]
    assert table["status"].to_pylist() == [0, 0]
    assert [
        (reject["line"], reject["column"], reject["text"]) for reject in sorted(told, key=lambda r: r["line"])
    ] == [
        (3, "kwh", "Null"),
        (5, None, "M1;2026-01-01 00:45"),
        (6, "time", "tomorrow"),
        (7, "id", ""),
        (8, "kwh", "0,2195"),
        (9, "flag", "x"),
        (10, None, "M1;2026-01-01 01:45;0,220;;"),
        (11, "kwh", ""),
        (14, "id", "M\ufffd"),
    ]
    assert all("expected" in reject["reason"] for reject in told)
    assert {reject["file"] for reject in told} == {str(path)}


def test_line_numbers_hold_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK_BYTES", 512)
    path = tmp_path / "reads.csv"
    bad = {7, 10, 50, 51, 53, 200, 202, 333, 335}
    ragged = {9, 52, 201, 334}
    rows = ["one", "two", "meter_id,at,value"]
    for line in range(4, 400):
        rows.append("M1,1" if line in ragged else f"M1,2026-01-01 00:15,{'x' if line in bad else line}")
    path.write_text("\n".join(rows))
    table, told = rows_of(path, skip_lines=2)
    assert table["value"].to_pylist() == [line for line in range(4, 400) if line not in bad | ragged]
    assert sorted(reject["line"] for reject in told if reject["column"] == "value") == sorted(bad)
    assert sorted(reject["line"] for reject in told if reject["column"] is None) == sorted(ragged)


def test_a_byte_order_mark_quotes_and_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "reads.csv"
    text = '"id","time","kwh"\n"表1","2026-01-01 00:15","1"\n"a,b","2026-01-01 00:15","2"\n'
    for encoding in ("utf-8-sig", "gbk", "utf-16"):
        path.write_bytes(text.encode(encoding))
        name = "utf8" if encoding == "utf-8-sig" else encoding
        table, told = rows_of(path, encoding=name, **COUNTS)
        assert not told
        assert table["meter_id"].to_pylist() == ["表1", "a,b"]


def test_several_columns_and_fixed_ones_make_one(tmp_path: Path) -> None:
    path = tmp_path / "house.csv"
    path.write_text("date,hour,kwh\n6/1/2012,1,1.011\n6/1/2012,24,0.5\n")
    table, told = rows_of(
        path,
        columns={"at": ["date", "hour"], "value": "kwh"},
        fixed={"meter_id": "HUE1", "status": 4},
        time_format="%m/%d/%Y %H",
        timezone="-08:00",
        unit="kWh",
    )
    assert not told
    assert table.to_pylist() == [
        {"meter_id": "HUE1", "at": datetime(2012, 6, 1, 9, tzinfo=UTC), "value": 1011, "status": 4},
        {"meter_id": "HUE1", "at": datetime(2012, 6, 2, 8, tzinfo=UTC), "value": 500, "status": 4},
    ]


def test_the_hour_that_comes_twice_counts_rejected_rows_too(tmp_path: Path) -> None:
    path = tmp_path / "reads.csv"
    path.write_text(
        "meter_id,at,value\nM1,2026-10-25 01:00,x\nM1,2026-10-25 01:00,7\nM2,2026-10-25 01:00,8\n"
    )
    table, told = rows_of(path, timezone="Europe/London")
    assert len(told) == 1
    assert [(row["meter_id"], row["at"].hour) for row in table.to_pylist()] == [("M1", 1), ("M2", 0)]


@pytest.mark.parametrize("ending", ["parquet", "arrow", "arrows"])
def test_columnar_files(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"reads.{ending}"
    source = pa.table(
        {
            "kwh": pa.array([0.219, None, 0.2195, 6.5279999]),
            "id": pa.array(["M1", "M1", "M1", "M2"]).dictionary_encode(),
            "time": pa.array([T0.replace(tzinfo=None, minute=minute) for minute in (0, 15, 30, 45)]),
        }
    )
    if ending == "parquet":
        pq.write_table(source, path)
    else:
        new = pa.ipc.new_file if ending == "arrow" else pa.ipc.new_stream
        with pa.OSFile(str(path), "wb") as sink, new(sink, source.schema) as writer:
            writer.write_table(source)
    table, told = rows_of(path, unit="kWh", **COUNTS)
    assert table["value"].to_pylist() == [219, 6_528]
    assert [(reject["line"], reject["column"]) for reject in told] == [(2, "kwh"), (3, "kwh")]


def test_a_registry_and_payments(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "account_id,district_id,tariff,policy,klass,opening_balance\nA1,D1,home,prepaid,low_voltage,12.5\n"
        "A2,D1,,prepaid,low_voltage,1\n"
    )
    table, told = rows_of(path, "accounts")
    assert table.to_pylist() == [
        {
            "account_id": "A1",
            "district_id": "D1",
            "tariff": "home",
            "policy": "prepaid",
            "klass": "low_voltage",
        }
        | {"opening_balance": Decimal("12.500000000"), "protected": False, "manual_approval": False}
    ]
    assert [(reject["line"], reject["column"]) for reject in told] == [(3, "tariff")]

    path.write_text(
        "meter_id,role,account_id,district_id,reading,interval_s,wh_per_count,initial_at,initial_value,switchable\n"
        "1,,11,,register,900,10,2026-01-01 00:00,77,yes\n2,supply,,5,interval,900,1,,,\n"
    )
    table, told = rows_of(path, "meters", "uint64")
    assert not told
    assert table.schema == schema_of("meters", "uint64")
    first, second = table.to_pylist()
    assert (first["role"], first["account_id"], first["district_id"]) == ("consumer", 11, None)
    assert (first["initial_at"], first["initial_value"], first["switchable"]) == (T0, 77, True)
    assert (second["account_id"], second["district_id"], second["initial_at"]) == (None, 5, None)
    assert (second["modulus"], second["max_w"], second["switchable"]) == (0, 0, False)

    path.write_text("payment_id,account_id,kind,amount,at\nTX-1,A1,top_up,50,2026-01-01 00:01:02\n")
    table, told = rows_of(path, "payments")
    assert not told
    assert table["amount"].to_pylist() == [Decimal(50)]
    assert table["channel"].to_pylist() == [None]


@pytest.mark.parametrize("kind", sorted(COLUMNS))
def test_a_file_that_lacks_what_must_be_there_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("meterid,x\n1,2\n")
    with pytest.raises(SourceError, match=r"no column .*expected"):
        rows_of(path, kind)


@pytest.mark.parametrize(
    ("text", "mapping", "reason"),
    [
        ("", {}, "no header"),
        ("meterid,at,value\n", {}, r"meant 'meterid'"),
        ("meter_id,at,value,at\n", {}, "several columns"),
        ("meter_id,at,value\n", {"columns": {"status": "flag"}}, "no column 'flag'"),
        ("meter_id,at,value\n", {"encoding": "klingon"}, "klingon"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, text: str, mapping: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "reads.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=reason):
        rows_of(path, **mapping)


def test_torn_files_and_columns_of_no_use_are_refused(tmp_path: Path) -> None:
    for ending in ("parquet", "arrow"):
        path = tmp_path / f"torn.{ending}"
        path.write_bytes(b"PAR1torn")
        with pytest.raises(SourceError, match=f"cannot be read as {ending}"):
            rows_of(path)
    path = tmp_path / "odd.parquet"
    pq.write_table(pa.table({"meter_id": ["M"], "at": ["2026-01-01"], "value": [[1]]}), path)
    with pytest.raises(SourceError, match=r"value.* is of type list"):
        rows_of(path)


def test_what_stands_behind_a_broken_place_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "reads.parquet"
    pq.write_table(
        pa.table({"meter_id": ["M"] * 50_000, "at": list(range(50_000)), "value": list(range(50_000))}),
        path,
        row_group_size=10_000,
        compression="zstd",
        use_dictionary=False,
    )
    content = bytearray(path.read_bytes())
    start = pq.read_metadata(path).row_group(2).column(2).data_page_offset
    content[start : start + 2_000] = b"\xff" * 2_000
    path.write_bytes(content)
    table, told = rows_of(path)
    assert table.num_rows < 50_000
    assert [(reject["line"], reject["column"]) for reject in told] == [(None, None)]
    assert "cannot be read after row" in told[0]["reason"]
