"""Answers as files and on the screen: exact, whole, and no wider than a hundred columns."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from pipeline.cli import main
from pipeline.query.reports import reports
from pipeline.query.sheet import sheet
from unit.query.world import played


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return played(tmp_path_factory.mktemp("written"))


def run(*arguments: object) -> bytes:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout_bytes


SQL = 'SELECT account_id, "at", kind, amount, ref FROM ledger ORDER BY seq, "row"'


def test_every_format_says_the_same_to_the_last_digit(out: Path, tmp_path: Path) -> None:
    rows = pq.read_table(out / "outputs/ledger.parquet").to_pylist()
    amounts = [row["amount"] for row in rows]
    ask = ("query", SQL, "--data", out, "--format")
    text = list(csv.DictReader(io.StringIO(run(*ask, "csv").decode())))
    assert [Decimal(row["amount"]) for row in text] == amounts
    assert text[0]["at"] == "2026-03-01T00:00:00+08:00"
    assert (text[0]["ref"], text[-1]["ref"]) == ("", "00000000-0000-0000-0000-000000000002")
    told = json.loads(run(*ask, "json"))
    assert [Decimal(row["amount"]) for row in told] == amounts
    assert all(isinstance(row["amount"], str) for row in told)
    assert pa.ipc.open_stream(run(*ask, "arrow")).read_all()["amount"].to_pylist() == amounts
    run("query", SQL, "--data", out, "--out", tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet")["amount"].to_pylist() == amounts
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_no_rows_are_an_empty_list_and_a_header(out: Path) -> None:
    ask = ("query", "SELECT kind FROM ledger WHERE false", "--data", out, "--format")
    assert json.loads(run(*ask, "json")) == []
    assert run(*ask, "csv") == b"kind\n"


def test_a_query_that_fails_leaves_no_file(out: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main,
        ["query", "SELECT error('no') FROM ledger", "--data", str(out), "--out", str(tmp_path / "x.csv")],
    )
    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [each.name for each in reports()])
def test_reports_fit_a_hundred_columns(name: str, out: Path) -> None:
    lines = run("report", name, "--data", out).decode().splitlines()
    assert max(map(cell_len, lines), default=0) <= 100
    assert not [line for line in lines if line != line.rstrip()]


def test_a_table_sets_numbers_right_and_keeps_every_digit() -> None:
    table = pa.table(
        {
            "who": ["A", "公变"],
            "much": pa.array([Decimal("1234.5"), Decimal("0.000000001")], pa.decimal128(18, 9)),
        }
    )
    assert sheet(table, 100).plain.splitlines() == [
        "who              much",
        "─────────────────────",
        "A     1,234.500000000",
        "公变      0.000000001",
    ]
    assert sheet(table, 100, cents=True).plain.splitlines()[2:] == ["A     1,234.50", "公变      0.00"]
    assert sheet(table, 20).plain.splitlines()[:3] == ["row 1", "  who   A", "  much  1,234.500000000"]


def test_a_story_and_a_month_fit_too(out: Path) -> None:
    story = run("explain", "A1", "--data", out, "--log", out.parent / "log").decode()
    month = run("statement", "A1", "--month", "2026-03", "--data", out).decode()
    assert "trip 1 to meter M1" in story
    assert month.splitlines()[-1] == "Energy 99.011 kWh; charged 32.97; paid 30.00."
    assert max(map(cell_len, (*story.splitlines(), *month.splitlines()))) <= 100
    events = json.loads(run("explain", "A1", "--data", out, "--json"))["events"]
    assert [event["kind"] for event in events if event["kind"] in ("trip", "restore")] == ["trip", "restore"]
    lines = json.loads(run("statement", "A1", "--month", "2026-03", "--data", out, "--format", "json"))
    assert sum(Decimal(line["amount"]) for line in lines) == Decimal("22.034337")


def test_mistakes_in_what_is_asked_for_are_told(out: Path) -> None:
    for arguments, told in (
        (("report", "losses", "--day", "2026-03-01", "--month", "2026-03"), "expected one of --day, --month"),
        (("statement", "A1", "--month", "March"), "expected YYYY-MM"),
        (("query", "FROM ledger", "--out", "x.txt"), "expected an ending of .csv"),
        (("report", "nothing"), "expected one of accounts, books"),
    ):
        result = CliRunner().invoke(main, [*arguments, "--data", str(out)])
        assert result.exit_code in (1, 2)
        assert told in result.output
