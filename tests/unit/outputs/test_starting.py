"""Where a follower begins, whatever is damaged, pruned or configured: no row twice, and what is missing is said."""

from __future__ import annotations

import json

import pytest

from pipeline.outputs.checkpoints import kept_frames
from pipeline.outputs.description import Gap, OutputsError, read_description
from pipeline.outputs.follower import ALL
from pipeline.outputs.places import OutputPlaces, piece_of
from unit.outputs.world import LAYOUT, Outputs, Shard, files, history, made, node, rows_of


@pytest.fixture
def shard(tmp_path):
    return Shard(node(tmp_path), history())


def followed(shard: Shard, frames: int = 40, every: int = 7, **options: object) -> Outputs:
    """Outputs that have followed some frames more."""
    shard.write(frames)
    outputs = Outputs(shard.places.data, **options)
    outputs.follow(shard.last, every)
    return outputs


def checkpoints(shard: Shard):
    return sorted(OutputPlaces(shard.places.data).of_shard(0).glob("checkpoint-*"))


def expect_rows(outputs: Outputs, *missing: range, names: tuple[str, ...] = ALL) -> None:
    """Files hold every row once, but for those of some batches."""
    for name in names:
        rows = rows_of(outputs.places.data, name)
        wanted = [
            row
            for row in made(history())[name].to_pylist()
            if row["seq"] <= outputs.follower.sealed and not any(row["seq"] in gap for gap in missing)
        ]
        assert (rows.to_pylist() if rows else []) == wanted, name


def test_a_damaged_checkpoint_gives_way_to_the_one_before(shard):
    followed(shard)
    before = files(shard.places.data)
    older, newest = kept_frames(OutputPlaces(shard.places.data).of_shard(0))
    for path in checkpoints(shard):
        if f"{newest:012d}" in path.name and path.suffix == ".engine":
            path.write_bytes(path.read_bytes()[:-1] + b"x")
    outputs = Outputs(shard.places.data)
    assert outputs.said[0].startswith("a checkpoint cannot be used: ")
    assert outputs.said[-1].startswith(f"begins at checkpoint {older}")
    outputs.follow(shard.last)
    assert outputs.follower.data_set.same > 0
    assert files(shard.places.data) == before


@pytest.mark.parametrize("left", ["nothing", "engines only"])
def test_without_a_checkpoint_all_is_made_again_from_the_journal(shard, left):
    followed(shard)
    before = files(shard.places.data)
    for path in checkpoints(shard):
        if left == "nothing" or path.suffix == ".json":
            path.unlink()
    outputs = Outputs(shard.places.data)
    assert outputs.said == ["begins at the journal's first frame, batch 0"]
    outputs.follow(shard.last, 1 << 30)
    assert outputs.follower.data_set.same == len(before)
    assert files(shard.places.data) == before


def test_a_journal_that_was_pruned_before_begins_the_data_set_at_a_snapshot(shard):
    shard.write(30)
    snapshot = shard.snapshot()
    seq = shard.state.engine.sequence
    shard.write(10)
    assert shard.journal.prune(snapshot + 1)
    outputs = followed(shard)
    assert outputs.said[-1] == f"begins at snapshot {snapshot}, batch {seq}"
    described = read_description(outputs.places.description).shards[0]
    assert (described.first, described.gaps) == (seq + 1, ())
    expect_rows(outputs, range(seq + 1))
    again = Outputs(shard.places.data)
    again.follow(shard.last)
    assert read_description(outputs.places.description).shards[0] == described


def test_what_was_pruned_before_it_was_made_is_told_as_a_gap(shard):
    first = followed(shard, 15)
    sealed = first.follower.data_set.cursor.seq
    shard.write(15)
    snapshot = shard.snapshot()
    seq = shard.state.engine.sequence
    shard.write(10)
    assert shard.journal.prune(snapshot + 1)
    outputs = followed(shard)
    assert f"the rows of the batches {sealed + 1} to {seq} are missing" in "\n".join(outputs.said)
    described = read_description(outputs.places.description).shards[0]
    assert described.gaps == (Gap(sealed + 1, seq),)
    expect_rows(outputs, range(sealed + 1, seq + 1))
    before = files(shard.places.data)
    again = Outputs(shard.places.data)
    again.follow(shard.last)
    assert files(shard.places.data) == before
    assert read_description(outputs.places.description).shards[0] == described


def test_a_snapshot_that_lies_before_the_files_end_leaves_no_gap(shard):
    shard.write(10)
    snapshot = shard.snapshot()
    first = followed(shard, 30)
    for path in checkpoints(shard):
        path.unlink()
    assert shard.journal.prune(snapshot + 1)
    outputs = followed(shard)
    assert outputs.said[-1].startswith(f"begins at snapshot {snapshot}")
    assert outputs.follower.sealed > first.follower.sealed
    assert read_description(outputs.places.description).shards[0].gaps == ()
    expect_rows(outputs)


def test_without_any_place_to_begin_it_says_so_and_changes_nothing(shard):
    followed(shard)
    before = files(shard.places.data)
    for path in checkpoints(shard):
        path.unlink()
    assert shard.journal.prune(shard.last)
    with pytest.raises(OutputsError, match="begins behind every checkpoint and snapshot"):
        Outputs(shard.places.data)
    assert files(shard.places.data) == before


@pytest.mark.parametrize("every", [3, 1 << 30])
def test_other_cuts_and_outputs_count_from_where_files_end(shard, every):
    first = followed(shard, 30, every)
    before, sealed = files(shard.places.data), first.follower.data_set.cursor.seq
    names = ("ledger", "commands", "intervals")
    outputs = followed(shard, 30, every, cut_s=4 * 3600, outputs=names)
    after = files(shard.places.data)
    assert {name: after[name] for name in before} == before
    cuts = {piece_of(name.rpartition("/")[2]) for name in set(after) - set(before) if "balances" not in name}
    assert {piece.first > sealed for piece in cuts} == {True}
    assert {name.partition("/")[0] for name in set(after) - set(before)} <= {*names, "balances"}
    expect_rows(outputs, names=names)
    policies = read_description(outputs.places.description).shards[0].policies
    assert [(p.first, p.cut_s, p.outputs) for p in policies] == [
        (1, 3600, ALL),
        (sealed + 1, 4 * 3600, names),
    ]
    for path in checkpoints(shard):
        path.unlink()
    again = Outputs(shard.places.data, cut_s=4 * 3600, outputs=names)
    again.follow(shard.last, every)
    assert files(shard.places.data) == after


def test_a_cut_that_was_never_finished_goes_where_cuts_are_made_otherwise(shard):
    shard.write(40)
    steps = []

    def at(step):
        steps.append(step)
        if steps.count("made") > 37 and step == "made":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Outputs(shard.places.data, at).follow(shard.last, 5)
    cursor = json.loads((OutputPlaces(shard.places.data).of_shard(0) / "cursor.json").read_bytes())["seq"]
    names = [path.rpartition("/")[2] for path in files(shard.places.data)]
    assert any(piece.last > cursor for name in names if (piece := piece_of(name)))
    outputs = Outputs(shard.places.data, cut_s=7 * 3600)
    outputs.follow(shard.last)
    expect_rows(outputs)


def test_a_description_of_other_shards_is_refused(shard):
    outputs = followed(shard)
    path = outputs.places.description
    path.write_bytes(path.read_bytes().replace(b'"generation": 3', b'"generation": 2'))
    with pytest.raises(OutputsError, match="generation 2; expected 1, generation 3"):
        Outputs(shard.places.data)
    path.write_bytes(b"{")
    with pytest.raises(OutputsError, match=r"expected what feikong writes there"):
        Outputs(shard.places.data)
    assert LAYOUT.generation == 3
