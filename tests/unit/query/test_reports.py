"""Ready questions: each runs, on rows and on none, and those with figures agree with plain Python."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.batchlog import BatchLog
from pipeline.query.folder import QueryError
from pipeline.query.reports import Period, report, reports
from pipeline.replay import replay
from shared import shared
from unit.query.world import catalog, played


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return played(tmp_path_factory.mktemp("reports"))


def test_there_are_a_dozen_and_more() -> None:
    assert len(reports()) >= 20
    assert all(len(each.title) <= 90 for each in reports())


@pytest.mark.parametrize("name", [each.name for each in reports()])
def test_every_report_runs_whatever_it_is_asked_for(name: str, out: Path) -> None:
    found = report(name)
    with catalog(out) as asked:
        whole = found.ask(asked).table()
        some = found.ask(
            asked,
            period=Period.day(date(2026, 3, 1)) if "since" in found.parameters else None,
            district="D9" if "district" in found.parameters else None,
            limit=1 if "limit" in found.parameters else None,
        ).table()
    assert whole.schema == some.schema
    assert "district" not in found.parameters or some.num_rows == 0
    for field in whole.schema:
        money = field.name in ("balance", "charges", "amount", "revenue", "energy", "supply", "loss")
        assert not money or str(field.type).startswith("decimal"), field


def test_revenue_is_what_the_rows_say(tmp_path: Path) -> None:
    replay(BatchLog.open(shared("conformance", "random-01", "log")), tmp_path)
    tariffs = {
        row["account_id"]: row["tariff"]
        for row in pq.read_table(tmp_path / "state/accounts.parquet").to_pylist()
    }
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for row in pq.read_table(tmp_path / "outputs/intervals.parquet").to_pylist():
        if row["account_id"] is not None:
            expected[tariffs[row["account_id"]]] += row["charge"]
    for row in pq.read_table(tmp_path / "outputs/ledger.parquet").to_pylist():
        if row["kind"] in ("standing", "correction"):
            expected[tariffs[row["account_id"]]] -= row["amount"]
    with catalog(tmp_path) as asked:
        told = {row["tariff"]: row["revenue"] for row in report("revenue").ask(asked).rows()}
    assert told == {tariff: expected[tariff] for tariff in told}
    assert set(expected) <= set(told)
    assert any(told.values())


def test_collection_and_losses_take_the_newest_revision(tmp_path: Path) -> None:
    replay(BatchLog.open(shared("conformance", "windows_revisions_supply", "log")), tmp_path)
    rows = pq.read_table(tmp_path / "outputs/districts.parquet").to_pylist()
    assert any(row["revision"] for row in rows)
    newest = {(row["district_id"], row["start"]): row for row in rows}
    with catalog(tmp_path) as asked:
        told = report("losses").ask(asked).rows()
        collected = report("collection").ask(asked).rows()
    supplied = [row for row in newest.values() if row["supply"]]
    assert sum(row["supply"] for row in told) == sum(row["supply"] for row in supplied)
    assert sum(row["loss"] for row in told) == sum(row["loss"] for row in supplied)
    classes = {
        (row["district_id"], row["klass"], row["start"]): row["received"]
        for row in pq.read_table(tmp_path / "outputs/collection.parquet").to_pylist()
    }
    assert sum(row["received"] for row in collected) == sum(classes.values()) > 0


def test_a_restore_takes_from_the_payment_to_the_power(out: Path) -> None:
    with catalog(out) as asked:
        (row,) = report("restores").ask(asked).rows()
        (each,) = report("slow-restores").ask(asked).rows()
    assert (row["restores"], row["waiting"], row["paid"]) == (1, 0, 1)
    assert (row["within_15m"], row["within_1h"], row["within_24h"]) == (0.0, 0.0, 1.0)
    assert row["max_s"] == each["took_s"] == 71 * 60


def test_a_period_ends_where_the_next_begins(out: Path) -> None:
    with catalog(out) as asked:
        months = [
            report("payments").ask(asked, period=Period.month(date(2026, month, 1))).rows()
            for month in (3, 4)
        ]
        reads = report("quality").ask(asked, period=Period.day(date(2026, 3, 1))).rows()
        none = report("quality").ask(asked, period=Period.day(date(2026, 2, 28))).rows()
    assert [[row["amount"] for row in month] for month in months] == [[Decimal(30)], [Decimal("12.5")]]
    assert [row["reads"] for row in reads] == [22]
    assert none == []


def test_what_a_report_cannot_be_asked_for_is_told(out: Path) -> None:
    with catalog(out) as asked, pytest.raises(QueryError, match="cannot be asked for a period"):
        report("accounts").ask(asked, period=Period.day(date(2026, 3, 1)))
    for name in ("unknown", "../catalog"):
        with pytest.raises(QueryError, match="expected one of accounts, books"):
            report(name)
