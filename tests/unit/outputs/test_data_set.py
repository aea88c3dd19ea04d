"""The files of the data set: what the engine makes, each row once, and the same bytes whoever makes them."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.node.entries import Entry
from pipeline.outputs.cuts import Cut
from pipeline.outputs.dataset import DataSet, OutputsDiffer
from pipeline.outputs.follower import ALL
from pipeline.outputs.places import BALANCES, OutputPlaces, piece_of
from pipeline.outputs.tables import output_schema, state_schema
from pipeline.outputs.tree import Tree
from pipeline.wire import write_batch
from unit import core_world as world
from unit.node.world import kind_of
from unit.outputs.world import LAYOUT, Outputs, Shard, files, history, made, node, rows_of


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A data directory whose journal is at its end, and all files of it."""
    data = node(tmp_path_factory.mktemp("outputs"))
    shard = Shard(data, history())
    shard.write()
    outputs = Outputs(data)
    outputs.follow(shard.last)
    return data, shard, outputs


def test_files_hold_what_the_engine_makes_in_its_order(written):
    data, shard, outputs = written
    assert outputs.follower.seq == shard.state.engine.sequence
    assert outputs.follower.engine.digest() == shard.state.engine.digest()
    wanted = made(history())
    for name in ALL:
        assert wanted[name].num_rows > 0, name
        sealed = [row for row in wanted[name].to_pylist() if row["seq"] <= outputs.follower.sealed]
        assert rows_of(data, name).to_pylist() == sealed, name
        waiting = pa.Table.from_batches(outputs.follower.cutter.waiting(name), wanted[name].schema)
        assert waiting.to_pylist() == wanted[name].to_pylist()[len(sealed) :], name


def test_ids_of_commands_are_those_of_outside(written):
    data, *_ = written
    base = (LAYOUT.generation << 8) << 40
    assert min(rows_of(data, "commands")["command_id"].to_pylist()) == base + 1
    assert min(rows_of(data, "orders")["id"].to_pylist()) == base + 1
    acks = [row for row in rows_of(data, "exceptions").to_pylist() if row["kind"] == "acks"]
    assert acks
    assert {int(row["subject"]) >> 40 for row in acks} == {base >> 40}
    assert str(base + 77) in {row["subject"] for row in acks}


def test_a_file_is_of_one_day_and_of_the_batches_that_its_name_says(written):
    data, *_ = written
    places = OutputPlaces(data)
    for name in ALL:
        seen = 0
        for path in places.files(name):
            piece, seqs = piece_of(path.name), pq.read_table(path, columns=["seq"])["seq"].to_pylist()
            assert seen < piece.first <= min(seqs) <= max(seqs) <= piece.last
            seen = piece.last
    assert len(places.days("intervals")) == 4


def test_all_outputs_are_cut_at_the_same_batches(written):
    data, *_ = written
    places = OutputPlaces(data)
    pieces = {
        (piece.first, piece.last)
        for name in ALL
        for day in places.days(name)
        for piece in places.pieces(name, day)
    }
    ordered = sorted(pieces)
    assert len(ordered) > 30
    assert all(before[1] < after[0] for before, after in pairwise(ordered))


def test_balances_are_those_at_the_end_of_the_day(written):
    data, *_ = written
    places = OutputPlaces(data)
    days = places.days(BALANCES)
    assert len(days) == 3
    engine_rows = made(history())
    for day in days:
        (path,) = (places.day(BALANCES, day)).iterdir()
        balances = {row["account_id"]: row["balance"] for row in pq.read_table(path).to_pylist()}
        last: dict[int, object] = {}
        rows = [*engine_rows["ledger"].to_pylist(), *engine_rows["intervals"].to_pylist()]
        until = max(
            p.last for name in ALL for d in places.days(name) if d <= day for p in places.pieces(name, d)
        )
        for row in sorted(rows, key=lambda row: (row["seq"], row["row"])):
            if row["seq"] <= until and row["account_id"] is not None:
                last[row["account_id"]] = row["balance"]
        assert {account: balances[account] for account in last} == last
        assert len(balances) == 6


def test_schemas_are_readable_anywhere(written):
    data, *_ = written
    for name, schema in [
        *((name, output_schema(name, pa.uint64())) for name in ALL),
        (BALANCES, state_schema("accounts", pa.uint64())),
    ]:
        for path in OutputPlaces(data).files(name):
            found = pq.ParquetFile(path)
            assert found.metadata.metadata is None or b"ARROW:schema" not in found.metadata.metadata
            assert found.schema_arrow.names == schema.names
            for field in found.schema_arrow:
                wanted = schema.field(field.name).type
                if pa.types.is_dictionary(wanted):
                    wanted = pa.string()
                if pa.types.is_timestamp(wanted):
                    wanted = pa.timestamp("ms", "UTC")
                if pa.types.is_decimal(wanted):
                    wanted = pa.decimal128(wanted.precision, wanted.scale)
                assert field.type == wanted, (name, field.name)


@pytest.mark.parametrize("seed", [1, 2])
def test_bytes_do_not_depend_on_how_the_journal_was_framed(written, tmp_path, seed):
    data, *_ = written
    again = Shard(node(tmp_path), history(), seed=seed)
    again.write()
    outputs = Outputs(tmp_path)
    outputs.follow(again.last, checkpoint_every=seed)
    assert files(tmp_path) == files(data)


def test_a_file_that_is_gone_is_made_again_and_one_that_is_other_stops_all(written, tmp_path):
    shard = Shard(node(tmp_path), history())
    shard.write()
    outputs = Outputs(tmp_path)
    outputs.follow(shard.last, checkpoint_every=1 << 30)  # no checkpoint: all is made again
    before = files(tmp_path)
    name = sorted(name for name in before if name.startswith("ledger"))[2]
    path = OutputPlaces(tmp_path).root / name
    path.unlink()
    again = Outputs(tmp_path)
    again.follow(shard.last, checkpoint_every=1 << 30)
    assert files(tmp_path) == before
    assert (again.follower.data_set.written, again.follower.data_set.same) == (1, len(before) - 1)
    for content in (before[name][:-9] + b"x" + before[name][-8:], before[name][:100], b""):
        path.write_bytes(content)
        with pytest.raises(OutputsDiffer, match=r"made again from the journal.*Nothing was changed"):
            Outputs(tmp_path).follow(shard.last)
        assert path.read_bytes() == content


def test_another_versions_bytes_of_the_same_rows_are_the_same(tmp_path):
    data_set = DataSet(OutputPlaces(tmp_path), 0, Tree())
    schema = output_schema("findings", pa.uint64())
    row = {"seq": 2, "id": 1, "kind": "a", "state": "opened", "at": 0, "shard": 0}
    batch = pa.RecordBatch.from_pylist([row], schema)
    cut = Cut(1, 2, date(2026, 1, 1), {"findings": [batch]}, False)
    data_set.write(cut, pa.uint64(), None)
    (path,) = OutputPlaces(tmp_path).files("findings")
    ours = path.read_bytes()
    theirs = ours.replace(b"parquet-cpp-arrow version 2", b"parquet-cpp-arrow version 1")
    assert theirs != ours
    path.write_bytes(theirs)
    data_set.write(cut, pa.uint64(), None)
    assert path.read_bytes() == theirs
    other = pa.RecordBatch.from_pylist([{**row, "id": 2}], schema)
    with pytest.raises(OutputsDiffer):
        data_set.write(cut._replace(rows={"findings": [other]}), pa.uint64(), None)


def test_ids_of_text_are_text_in_every_file(tmp_path):
    """Also of rows from before the first district, when nobody knew what ids would be."""
    entries = list(history(ids="utf8"))
    unknown = world.rows("payments", "utf8", world.payment("utf8", 1, "A0", 1))
    early = write_batch(kind_of("payments"), unknown, "utf8")
    entries.insert(1, Entry(kind_of("payments"), (), world.START, 1, 0, early))
    shard = Shard(node(tmp_path), entries)
    shard.write()
    outputs = Outputs(tmp_path)
    outputs.follow(shard.last)
    wanted = made(entries, ids=pa.string())
    for name in ALL:
        rows = [row for row in wanted[name].to_pylist() if row["seq"] <= outputs.follower.sealed]
        assert rows_of(tmp_path, name).to_pylist() == rows, name
    for path in OutputPlaces(tmp_path).files("findings"):
        assert pq.ParquetFile(path).schema_arrow.field("district_id").type == pa.string()
    assert rows_of(tmp_path, "exceptions")["seq"][0].as_py() == 2
    before = files(tmp_path)
    Outputs(tmp_path).follow(shard.last)
    assert files(tmp_path) == before
