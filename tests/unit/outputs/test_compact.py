"""Days that are over: the same rows in fewer files, sorted; who lists a folder meanwhile has each once, or an error."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.outputs import compact
from pipeline.outputs.compact import ORDER, Compactor
from pipeline.outputs.dataset import MADE, OutputsDiffer
from pipeline.outputs.follower import ALL
from pipeline.outputs.places import BALANCES, OutputPlaces
from pipeline.outputs.tree import Tree
from unit.outputs.world import Outputs, Shard, files, history, node, rows_of


class Stop(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    """A data directory that nothing was compacted in, and its journal."""
    data = node(tmp_path_factory.mktemp("cut"))
    shard = Shard(data, history())
    shard.write()
    Outputs(data).follow(shard.last)
    shard.journal.close()
    return data, shard.last


@pytest.fixture
def data(cut, tmp_path):
    shutil.copytree(cut[0], tmp_path / "d")
    return tmp_path / "d"


def compactor(data: Path, at=lambda step: None) -> Compactor:
    return Compactor(OutputPlaces(data), Tree(at))


def as_set(table: pa.Table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))


def read(folder: Path, names: list[str] | None = None) -> list[str]:
    """The rows of a day as somebody reads them: list, then open each."""
    names = sorted(path.name for path in folder.iterdir()) if names is None else names
    paths = [folder / name for name in names if name[0] not in "._"]
    return sorted(repr(row) for path in paths for row in pq.ParquetFile(path).read().to_pylist())


@pytest.mark.parametrize("name", ALL)
def test_rows_are_the_same_and_sorted(data, name):
    places = OutputPlaces(data)
    day = places.days(name)[0]
    before = read(places.day(name, day))
    assert compactor(data).compact(name, day) == 1
    (path,) = [each for each in places.files(name) if each.parent == places.day(name, day)]
    table = pq.ParquetFile(path).read()
    assert sorted(map(repr, table.to_pylist())) == before
    keys = [tuple(row[column] for column in ORDER[name]) for row in table.to_pylist()]
    assert keys == sorted(keys)
    statistics = (
        pq.ParquetFile(path).metadata.row_group(0).column(table.schema.get_field_index(ORDER[name][0]))
    )
    assert statistics.statistics.has_min_max
    assert compactor(data).open_days(name, day) == []


def test_few_files_are_not_larger_than_they_may_be(data, monkeypatch):
    monkeypatch.setattr(compact, "ROWS_MOST", 50)
    places = OutputPlaces(data)
    day = places.days("intervals")[1]
    before, rows = places.pieces("intervals", day), read(places.day("intervals", day))
    count = compactor(data).compact("intervals", day)
    after = places.pieces("intervals", day)
    assert len(after) == count
    assert 1 < count < len(before)
    assert (after[0].first, after[-1].last) == (before[0].first, before[-1].last)
    assert all(
        pq.read_metadata(path).num_rows <= 50 for path in places.day("intervals", day).glob("*.parquet")
    )
    assert read(places.day("intervals", day)) == rows


@pytest.mark.parametrize("exchanges", [True, False])
def test_whoever_reads_meanwhile_has_every_row_once_or_is_told(data, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr("pipeline.outputs.tree._exchange", lambda one, other: False)
    places = OutputPlaces(data)
    day = places.days("ledger")[0]
    folder = places.day("ledger", day)
    rows, listed, told = read(folder), {}, []

    def at(step):
        listed[step, len(listed)] = (
            sorted(path.name for path in folder.iterdir()) if folder.exists() else None
        )
        for names in listed.values():
            try:
                found = None if names is None else read(folder, names)
            except FileNotFoundError as error:
                told.append(str(error))
                continue
            assert found in (None, rows)

    compactor(data, at).compact("ledger", day)
    at("afterwards")
    assert read(folder) == rows
    assert told
    assert (None in listed.values()) is not exchanges


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_compaction_that_is_cut_off_anywhere_is_done_again(data, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr("pipeline.outputs.tree._exchange", lambda one, other: False)
    places = OutputPlaces(data)
    day = places.days("notices")[0]
    rows, steps = read(places.day("notices", day)), []
    while True:
        left = len(steps) + 1

        def at(step):
            nonlocal left
            left -= 1
            if left == 0:
                steps.append(step)
                raise Stop

        try:
            compactor(data, at).compact("notices", day)
            break
        except Stop:
            compactor(data).recover()
            assert read(places.day("notices", day)) == rows, steps
        for aside in ("new", "before"):
            shutil.rmtree(places.own / aside, ignore_errors=True)
        if (places.day("notices", day) / MADE).exists():
            break
    assert {"write", "sync", "rename", "exchange"} <= set(steps)
    assert "move" in steps or exchanges


def test_pieces_of_a_compacted_day_are_checked_when_they_are_made_again(cut, data):
    outputs = Outputs(data)
    outputs.follow(cut[1])
    outputs.keep()
    compacted = files(data)
    assert len([name for name in compacted if "day=2026-01-01" in name]) == len(ALL) + 1
    for path in (data / "outputs/.state/shard-0").glob("checkpoint-*"):
        path.unlink()
    again = Outputs(data)
    again.follow(cut[1], 1 << 30)
    assert (again.follower.data_set.written, files(data)) == (0, compacted)
    made = OutputPlaces(data).day("ledger", OutputPlaces(data).days("ledger")[0]) / MADE
    made.write_bytes(made.read_bytes().replace(b'.parquet":"', b'.parquet":"0'))
    for path in (data / "outputs/.state/shard-0").glob("checkpoint-*"):
        path.unlink()
    with pytest.raises(OutputsDiffer, match="is not among what its files were made of"):
        Outputs(data).follow(cut[1])


def test_days_are_dropped_once_they_have_been_kept(cut, data):
    outputs = Outputs(data, keep_days={"intervals": 1, BALANCES: 2})
    outputs.follow(cut[1])
    before = {name: rows_of(data, name) for name in ALL}
    newest = outputs.follower.cutter.day
    outputs.keep()
    places = OutputPlaces(data)
    assert [(newest - day).days for day in places.days("intervals")] == [1, 0]
    assert [(newest - day).days for day in places.days(BALANCES)] == [2, 1]
    for name in set(ALL) - {"intervals"}:
        assert as_set(rows_of(data, name)) == as_set(before[name]), name
    outputs.keep()
    assert not list(places.own.glob("dropped/*/*"))
    assert not list(places.own.glob("before/*/*"))
