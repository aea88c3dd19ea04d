"""What is shown of followers: at any moment, sealed rows and the tail together are every row once."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastcore.schemas import STATES
from pipeline.outputs.follower import ALL
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.shown import Shown
from pipeline.outputs.tables import SHARD, CursorGone, output_schema, state_schema
from pipeline.wire.outputs import NEWEST, OLDEST, Cursor
from unit.outputs.world import LAYOUT, Outputs, Shard, history, made, node


@pytest.fixture
def shard(tmp_path):
    return Shard(node(tmp_path), history())


def shown(outputs: Outputs) -> Shown:
    return Shown(LAYOUT, ALL, {0: outputs.follower})


def seen(tables: Shown, data, name: str, *, between=lambda: None):
    """All rows, as `pipeline.outputs.tables` says how to get them."""
    tail = tables.tail(name)
    between()
    files = [pq.ParquetFile(path).read().to_pylist() for path in OutputPlaces(data).files(name)]
    return [row for rows in files for row in rows if row["seq"] <= tail.sealed[0]] + tail.rows.to_pylist()


def test_every_row_is_seen_once_at_any_moment(shard):
    data, wanted = shard.places.data, made(history())
    outputs = Outputs(data)
    tables = shown(outputs)
    while shard.left:
        shard.write(3)
        outputs.follow(shard.last)
        for name in ("ledger", "intervals", "notices"):
            seq = outputs.follower.seq
            between = (
                (lambda: (shard.write(2), outputs.follow(shard.last))) if name == "ledger" else lambda: None
            )
            rows = seen(tables, data, name, between=between)
            assert rows == [row for row in wanted[name].to_pylist() if row["seq"] <= seq], name


def test_while_it_catches_up_files_are_seen_whole(shard):
    data, wanted = shard.places.data, made(history())
    shard.write(50)
    Outputs(data).follow(shard.last)
    outputs = Outputs(data)
    tables, sealed = shown(outputs), outputs.follower.sealed
    assert outputs.follower.seq < sealed
    while True:
        rows = seen(tables, data, "intervals")
        upto = max(sealed, outputs.follower.seq)
        assert rows == [row for row in wanted["intervals"].to_pylist() if row["seq"] <= upto]
        if not outputs.follower.turn(shard.last):
            break


def test_state_tables_are_the_engines_with_the_shard(shard):
    shard.write()
    outputs = Outputs(shard.places.data)
    outputs.follow(shard.last)
    tables = shown(outputs)
    assert tables.states == tuple(STATES)
    for name in tables.states:
        table = tables.state(name)
        assert table.schema == tables.state_schema(name) == state_schema(name, pa.uint64())
        engine = getattr(shard.state.engine, name)()
        assert table.num_rows == engine.num_rows
        rows = [{**row, "shard": 0} for row in engine.to_pylist()]
        base = (LAYOUT.generation << 8) << 40
        for column in {"commands": ["command_id"], "orders": ["id"], "findings": ["id"]}.get(name, []):
            rows = [{**row, column: base + row[column]} for row in rows]
        assert table.to_pylist() == rows, name
    with pytest.raises(KeyError):
        tables.state_schema("nothing")


def test_rows_come_from_a_cursor_on_each_once(shard):
    outputs = Outputs(shard.places.data)
    tables, wanted = shown(outputs), made(history())["ledger"].to_pylist()
    cursor, rows = tables.after("ledger", 0, OLDEST, 1000).end, []
    while shard.left:
        shard.write(4)
        outputs.follow(shard.last)
        while True:
            stretch = tables.after("ledger", 0, cursor, 700)
            cursor = stretch.end
            if stretch.rows is None:
                break
            assert stretch.rows.schema.field("shard") == SHARD
            rows += stretch.rows.to_pylist()
    assert rows == wanted
    assert tables.after("ledger", 0, NEWEST, 100) == (None, Cursor(outputs.follower.seq + 1))
    position = tables.positions()[0]
    assert (position.frame, position.seq, position.oldest) == (shard.last, outputs.follower.seq, 1)


def test_a_cursor_that_is_gone_or_never_was_is_told(shard):
    shard.write(30)
    Outputs(shard.places.data).follow(shard.last)
    outputs = Outputs(shard.places.data)
    shard.write()
    outputs.follow(shard.last)
    tables = shown(outputs)
    oldest = tables.positions()[0].oldest
    assert oldest > 1
    for cursor in (Cursor(oldest - 1), Cursor(outputs.follower.seq + 2)):
        with pytest.raises(CursorGone, match=f"ledger of shard 0 is kept from batch {oldest} on"):
            tables.after("ledger", 0, cursor, 1000)
    with pytest.raises(CursorGone, match="shard 5 is not followed"):
        tables.after("ledger", 5, OLDEST, 1000)
    with pytest.raises(KeyError):
        tables.tail("nothing")


def test_somebody_waits_until_there_is_more(shard):
    outputs = Outputs(shard.places.data)
    tables = shown(outputs)
    assert not tables.wait(0, 0, 0.0)
    assert not tables.wait(7, 0, 0.0)
    shard.write(1)
    outputs.follow(shard.last)
    assert tables.wait(0, 0, 0.0)


def test_before_the_registry_schemas_are_told_all_the_same(shard):
    tables = shown(Outputs(shard.places.data))
    for name in ALL:
        assert tables.tail(name).rows.schema == tables.schema(name) == output_schema(name, pa.string())
    assert tables.state("accounts").num_rows == 0
