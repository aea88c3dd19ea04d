"""One account: its month adds up, and its cut is explained in order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.backtest.history import open_histories
from pipeline.query.events import drawn_together, words_of
from pipeline.query.explain import Story, explain
from pipeline.query.folder import QueryError
from pipeline.query.gates import changes
from pipeline.query.statement import printed, statement
from unit.query.world import catalog, played


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return played(tmp_path_factory.mktemp("story"))


def told(story: Story) -> list[str]:
    return [f"{event.at:%H:%M} {words_of(event)}" for event in drawn_together(story.told, "Asia/Shanghai")]


def test_a_month_begins_where_the_one_before_ended(out: Path) -> None:
    with catalog(out) as asked:
        months = [statement(asked, "A1", date(2026, month, 9)) for month in (2, 3, 4, 5)]
    assert [month.opening for month in months[1:]] == [month.closing for month in months[:-1]]
    assert months[0].opening == 0
    last = pq.read_table(out / "outputs/ledger.parquet").to_pylist()[-1]
    assert months[-1].closing == last["balance"]
    for month in months:
        assert month.opening + sum((line.amount for line in month.lines), Decimal(0)) == month.closing
    assert [line.kind for line in months[1].lines] == ["opening", "top_up", "charge"]
    assert (months[1].lines[2].reads, months[1].lines[2].energy) == (11, Decimal("99.011"))
    assert [line.amount for line in months[2].lines] == [Decimal("12.5")]


def test_a_read_at_midnight_is_of_the_month_that_ends(out: Path) -> None:
    with catalog(out) as asked:
        march, april = (statement(asked, "A2", date(2026, month, 1)) for month in (3, 4))
    last = {line.kind: line for line in march.lines if line.day == date(2026, 3, 31)}
    assert (last["charge"].amount, last["charge"].reads) == (Decimal("-0.1665"), 1)
    assert last["standing"].amount == 31 * Decimal("-0.123")
    assert (april.lines, april.opening) == ([], march.closing)


def test_what_is_printed_adds_up_and_paid_cents_stay() -> None:
    exact = [Decimal("0.004"), Decimal("50.004"), Decimal("49.995"), Decimal("49.986")]
    lines = printed(exact)
    assert lines[0] == (Decimal("50.00"), Decimal("50.00"))
    assert sum(amount for amount, _ in lines) == lines[-1][1] - Decimal("0.00")


def test_a_statement_with_rows_missing_is_refused(tmp_path: Path) -> None:
    folder = played(tmp_path)
    path = folder / "outputs/intervals.parquet"
    rows = pq.read_table(path)
    pq.write_table(rows.slice(4), path)
    with catalog(folder) as asked, pytest.raises(QueryError, match="are missing"):
        statement(asked, "A1", date(2026, 3, 1))


def test_an_unknown_account_is_told(out: Path) -> None:
    with catalog(out) as asked, pytest.raises(QueryError, match="there is no account A7"):
        statement(asked, "A7", date(2026, 3, 1))


def test_a_cut_is_told_in_order_with_balances(out: Path) -> None:
    with catalog(out) as asked:
        story = explain(asked, "A1")
    assert told(story) == [
        "00:00 account opened",
        "02:00 2 reads, 18.002 kWh",
        "02:00 notice: balance low, level 20",
        "07:00 5 reads, 45.005 kWh",
        "07:00 notice: balance low, level 5",
        "09:00 2 reads, 18.002 kWh",
        "09:00 notice: supply will be cut",
        "11:00 2 reads, 18.002 kWh",
        "11:00 trip 1 to meter M1",
        "11:01 notice: supply is cut",
        "11:00 read of meter M1 refused: conflict",
        "10:00 paid",
        "11:10 restore 2 to meter M1",
        "11:11 notice: supply is back",
        "00:00 finding silent_meter opened, M1",
        "00:00 paid",
    ]
    balances = [event.balance for event in story.told if event.balance is not None]
    assert balances[0] == Decimal("25.005")
    answer = "\n".join(story.answer)
    assert "Account A1 has supply" in answer
    assert "sent 2026-03-01 11:00 at a balance of -7.97" in answer
    assert "30.00 was paid 2026-03-01 10:00, before the trip, but came in after it was sent." in answer
    assert "Supply was off from 2026-03-01 11:01 to 2026-03-01 11:11." in answer


def test_a_history_tells_the_gates_and_acks(out: Path) -> None:
    (history,) = open_histories(out.parent / "log")
    with catalog(out) as asked:
        story = explain(asked, "A1", changes(history, "A1"))
    lines = told(story)
    assert (
        lines[lines.index("09:00 notice: supply will be cut") + 1] == "09:00 trip held: gate notice is closed"
    )
    assert lines[lines.index("11:01 notice: supply is cut") - 1] == "11:01 the head-end says: done"
    assert "The trip was held by these gates in turn: notice to 2026-03-01 11:00." in story.answer


def test_who_was_never_cut_is_told_so(out: Path) -> None:
    with catalog(out) as asked:
        assert "It was never cut, as far as the rows go." in explain(asked, "A2").answer
