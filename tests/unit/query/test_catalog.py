"""Questions in SQL: sums to the last digit, each row once, nothing changed, nothing reached."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastcore.schemas import OUTPUTS
from pipeline.batchlog import BatchLog
from pipeline.query.catalog import Catalog
from pipeline.query.folder import QueryError, Rows
from pipeline.query.reports import report
from pipeline.replay import replay
from shared import shared
from unit.query.world import catalog, played

LOGS = ("random-01", "random-07", "flat_trip_restore_basic", "uint64_ids_and_timestamps")


@pytest.mark.parametrize("name", LOGS)
def test_sums_are_those_of_plain_python(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    replay(BatchLog.open(shared("conformance", name, "log")), out)
    with catalog(out) as asked:
        for table, column in (("intervals", "charge"), ("intervals", "energy"), ("ledger", "amount")):
            rows = pq.read_table(out / "outputs" / f"{table}.parquet")[column].to_pylist()
            told = asked.run(f"SELECT count(*) AS rows, sum({column}) AS total FROM {table}").rows()
            expected = sum((row for row in rows if row is not None), Decimal(0))
            assert len(rows) > 0
            assert told[0]["rows"] == len(rows)
            assert (told[0]["total"] or Decimal(0)) == expected
            assert isinstance(told[0]["total"], Decimal | None)
        assert report("books").ask(asked).rows() == []


def test_books_that_do_not_balance_are_listed(tmp_path: Path) -> None:
    out = played(tmp_path)
    ledger = pq.read_table(out / "outputs/ledger.parquet")
    pq.write_table(ledger.slice(0, len(ledger) - 1), out / "outputs/ledger.parquet")
    with catalog(out) as asked:
        told = report("books").ask(asked).rows()
    assert [(row["account_id"], row["difference"]) for row in told] == [("A1", Decimal("12.5"))]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY ledger TO '{out}/outputs/ledger.parquet'",
        "EXPLAIN ANALYZE COPY ledger TO '{out}/x'",
        "CREATE TABLE t AS FROM ledger",
        "DROP VIEW ledger",
        "ATTACH '{out}/x.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT 1; SELECT 2",
        "PIVOT ledger ON kind USING sum(amount)",
        "",
    ],
)
def test_whatever_is_no_select_is_refused(sql: str, tmp_path: Path) -> None:
    out = played(tmp_path)
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    with catalog(out) as asked, pytest.raises(QueryError, match="a query is one SELECT"):
        asked.run(sql.format(out=out))
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before


@pytest.mark.parametrize("function", ["read_csv", "read_text", "read_blob", "glob", "read_parquet"])
def test_no_other_file_is_read(function: str, tmp_path: Path) -> None:
    out = played(tmp_path)
    (tmp_path / "secret.csv").write_text("key\n1\n")
    with catalog(out) as asked, pytest.raises(QueryError, match="disabled by configuration"):
        asked.run(f"FROM {function}('{tmp_path}/secret.csv')").rows()


def test_a_variable_of_python_is_no_table(tmp_path: Path) -> None:
    ours = pa.table({"key": [1]})
    with catalog(played(tmp_path)) as asked, pytest.raises(QueryError, match="Table with name ours"):
        asked.run("FROM ours")
    assert ours.num_rows == 1


def test_memory_has_a_limit(tmp_path: Path) -> None:
    with (
        catalog(played(tmp_path), memory="20MB") as asked,
        pytest.raises(QueryError, match="--memory"),
    ):
        asked.run("SELECT list(x ORDER BY hash(x)) FROM range(20000000) t(x)").rows()


def test_words_of_sql_and_unknown_tables_are_told(tmp_path: Path) -> None:
    with catalog(played(tmp_path)) as asked:
        with pytest.raises(QueryError, match='stands in double quotes, "at"'):
            asked.run("SELECT at FROM ledger")
        with pytest.raises(QueryError, match="SHOW TABLES"):
            asked.run("FROM leger")


def test_state_tables_and_outputs_of_one_name_are_apart(tmp_path: Path) -> None:
    with catalog(played(tmp_path)) as asked:
        said = asked.run(
            "SELECT (SELECT count(*) FROM commands) AS sent, (SELECT count(*) FROM state.commands) AS now"
        )
        assert said.rows() == [{"sent": 2, "now": 0}]
        bare = asked.run("SELECT account_id FROM accounts ORDER BY 1").rows()
        assert [row["account_id"] for row in bare] == ["A1", "A2"]
        names = {row["name"] for row in asked.run("SHOW TABLES").rows()}
        assert names == {*OUTPUTS, "accounts", "meters", "gaps"}


def test_days_are_those_of_the_engines_zone(tmp_path: Path) -> None:
    with catalog(played(tmp_path)) as asked:
        assert (asked.timezone, asked.currency) == ("Asia/Shanghai", "CNY")
        said = asked.run("SELECT min(start)::DATE::VARCHAR AS day FROM intervals").rows()
        assert said == [{"day": "2026-03-01"}]
    with catalog(tmp_path / "out", timezone="UTC") as asked:
        assert asked.run("SELECT min(start)::DATE::VARCHAR AS day FROM intervals").rows() == [
            {"day": "2026-02-28"}
        ]


class _Moving:
    """A node in which the last rows have just moved from memory into a file: they are in both."""

    outputs, states, daily = ("ledger",), (), False

    def __init__(self, path: Path, rows: pa.Table, sealed: int) -> None:
        (path / "outputs").mkdir()
        self.path = path
        shards = pa.array([0] * len(rows), pa.uint8())
        whole = rows.append_column("shard", shards)
        pq.write_table(whole, path / "outputs/a.parquet")
        self.found = Rows(
            rows.schema,
            (path / "outputs/a.parquet",),
            whole.filter(pa.compute.greater(whole["seq"], sealed)),
            {0: sealed},
            sharded=True,
        )

    def rows(self, output: str) -> Rows:
        return self.found

    def config(self) -> None:
        return None

    def close(self) -> None:
        return None


@pytest.mark.parametrize("sealed", [0, 2, 17, 10_000])
def test_rows_on_their_way_into_files_are_there_once(sealed: int, tmp_path: Path) -> None:
    rows = pq.read_table(played(tmp_path) / "outputs/ledger.parquet")
    (tmp_path / "node").mkdir()
    with Catalog(_Moving(tmp_path / "node", rows, sealed)) as asked:  # type: ignore[arg-type]
        said = asked.run('SELECT seq, "row" FROM ledger ORDER BY ALL').rows()

    known = rows.select(["seq", "row"]).to_pylist()
    assert said == sorted(known, key=lambda row: (row["seq"], row["row"]))


def test_a_file_that_is_gone_is_looked_for_anew(tmp_path: Path) -> None:
    folder = _Moving(tmp_path, pq.read_table(played(tmp_path / "x") / "outputs/ledger.parquet"), 10_000)
    there = folder.found
    gone = Rows(there.schema, (tmp_path / "outputs/gone.parquet",), there.tail, there.sealed, sharded=True)
    answers = [gone, there]
    folder.rows = lambda output: answers.pop(0)  # type: ignore[method-assign]
    with Catalog(folder) as asked:  # type: ignore[arg-type]
        assert asked.run("SELECT count(*) > 3 AS many FROM ledger").rows() == [{"many": True}]
    assert not answers


def test_a_folder_without_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="holds no outputs"):
        catalog(tmp_path)
    with pytest.raises(QueryError, match="is no folder"):
        catalog(tmp_path / "none")
