"""What is counted of the state for those who watch, against the tables and the windows counted by hand."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from threading import Event

import pytest

from pipeline.clock import RealClock
from pipeline.outputs.figures import Counting, _Windows, counted, read_figures
from pipeline.outputs.shown import Shown
from pipeline.wire.outputs import OLDEST
from unit.outputs.world import LAYOUT, Outputs, Shard, history, node


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "run").mkdir()
    shard = Shard(node(tmp_path), history())
    shard.write()
    outputs = Outputs(tmp_path)
    outputs.follow(shard.last)
    names = tuple(outputs.follower.rings)
    return Shown(LAYOUT, names, {0: outputs.follower})


def test_accounts_are_counted_by_state_and_gate(tables):
    (found,) = counted(tables, {})
    rows = tables.state("accounts").to_pylist()
    assert len(rows) == 6
    by_hand = Counter((row["state"], row["blocked_by"] or "") for row in rows)
    assert {(each.state, each.gate): each.accounts for each in found.held} == by_hand
    balance = sum(row["balance"] for row in rows)
    assert sum(Decimal(each.balance_nano) for each in found.held) == balance * 10**9
    assert sum(found.findings.values()) == tables.state("findings").num_rows
    assert sum(found.orders.values()) == tables.state("orders").num_rows
    assert found.window is None


def test_the_newest_window_as_revised(tables):
    windows = _Windows(tables)
    windows.follow(Event())
    rows, end = [], OLDEST
    while (stretch := tables.after("collection", 0, end, 1 << 20)).rows is not None:
        rows += stretch.rows.to_pylist()
        end = stretch.end
    newest = max(row["start"] for row in rows)
    last = {(row["district_id"], row["klass"]): row for row in rows if row["start"] == newest}
    received, expected = Counter(), Counter()
    for (_, klass), row in last.items():
        received[klass] += row["received"]
        expected[klass] += row["expected"]
    assert sum(expected.values()) > 0
    window = windows.newest[0]
    assert window.start_s == int(newest.timestamp())
    assert window.classes == {klass: (received[klass], expected[klass]) for klass in expected}
    (found,) = counted(tables, windows.newest)
    assert found.window == window


def test_the_service_writes_it_and_ends_at_once(tables, tmp_path):
    assert read_figures(tmp_path) is None
    service = Counting(tables, tmp_path, RealClock())
    service.close()
    figures = read_figures(tmp_path)
    assert sum(each.accounts for each in figures.shards[0].held) == 6
    assert not service._thread.is_alive()


def test_it_counts_again_soon_as_long_as_no_shard_is_followed(tables, tmp_path):
    followers = {}
    service = Counting(Shown(LAYOUT, tables.names, followers), tmp_path, RealClock())

    def written(what):
        for _ in range(1000):
            figures = read_figures(tmp_path)
            if figures is not None and what(figures):
                return figures
            Event().wait(0.01)
        raise AssertionError("not so after 10 s")

    try:
        assert written(lambda figures: True).shards == ()
        followers.update(tables._followers)
        assert written(lambda figures: figures.shards).shards[0].window is not None
    finally:
        service.close()
