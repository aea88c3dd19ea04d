"""Files to a node: each row once, however often it is tried, and by whom it is cut off."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SourceError
from pipeline.sources.mapping import Mapping
from pipeline.sources.rejects import Rejects
from pipeline.sources.send import FileToSend, Given, give
from pipeline.sources.sent import SentFiles


class CutOff(Exception):
    """The command was killed here."""


class Outbox:
    """Keeps what it is given; dies at a given call, before or after keeping it."""

    def __init__(self) -> None:
        self.batches: list[pa.Table] = []
        self.dies_at: int | None = None
        self.dies_after = False

    @property
    def newest(self) -> int:
        return len(self.batches)

    def send(self, kind: str, batch: pa.Table) -> int:
        dies = self.dies_at == self.newest + 1
        if dies and not self.dies_after:
            raise CutOff
        self.batches.append(batch)
        if dies:
            raise CutOff
        return self.newest

    @property
    def values(self) -> list[int]:
        return [value for batch in self.batches for value in batch["value"].to_pylist()]


def csv(path: Path, values: range) -> Path:
    lines = [f"m{value % 7},2026-01-01T00:{value % 60:02d}:00Z,{value}" for value in values]
    path.write_text("\n".join(["meter_id,at,value", *lines]) + "\n")
    return path


def run(outbox: Outbox, folder: Path, *paths: Path, rows_max: int = 4, ids: str = "utf8") -> Given:
    rejects = folder / "rejects.jsonl"
    rejects.unlink(missing_ok=True)
    files = [FileToSend(path, "reads", Mapping({}).of("reads", path)) for path in paths]
    with Rejects(rejects) as told:
        return give(files, ids, rows_max, outbox, SentFiles(folder / "outbox"), told)


def test_rows_are_cut_into_batches_in_their_order(tmp_path):
    outbox = Outbox()
    given = run(outbox, tmp_path, csv(tmp_path / "a.csv", range(10)), csv(tmp_path / "b.csv", range(10, 13)))
    assert [batch.num_rows for batch in outbox.batches] == [4, 4, 2, 3]
    assert outbox.values == list(range(13))
    assert (given.rows, given.batches, given.before) == (13, 4, [])


def test_what_was_sent_is_not_sent_again_wherever_it_lies(tmp_path):
    outbox = Outbox()
    first = csv(tmp_path / "a.csv", range(10))
    run(outbox, tmp_path, first)
    moved = first.rename(tmp_path / "moved.csv")
    given = run(outbox, tmp_path, moved, csv(tmp_path / "b.csv", range(10, 12)))
    assert given.before == [moved]
    assert outbox.values == list(range(12))


@pytest.mark.parametrize("dies_after", [False, True])
@pytest.mark.parametrize("at", range(1, 9))
def test_who_is_cut_off_goes_on_where_it_ended(tmp_path, at, dies_after):
    outbox = Outbox()
    paths = [csv(tmp_path / "a.csv", range(18)), csv(tmp_path / "b.csv", range(18, 30))]
    outbox.dies_at, outbox.dies_after = at, dies_after
    with pytest.raises(CutOff):
        run(outbox, tmp_path, *paths)
    outbox.dies_at = None
    run(outbox, tmp_path, *paths)
    assert outbox.values == list(range(30))


def test_a_file_that_was_cut_off_is_not_guessed_at_when_others_used_the_outbox(tmp_path):
    outbox = Outbox()
    path = csv(tmp_path / "a.csv", range(18))
    outbox.dies_at = 3
    with pytest.raises(CutOff):
        run(outbox, tmp_path, path)
    outbox.batches += outbox.batches
    outbox.dies_at = None
    with pytest.raises(SourceError, match=r"a\.csv: 2 of its batches .* its newest is 4, so others used it"):
        run(outbox, tmp_path, path)


def test_a_changed_file_is_another_and_so_is_one_that_is_read_otherwise(tmp_path):
    outbox = Outbox()
    path = csv(tmp_path / "a.csv", range(3))
    run(outbox, tmp_path, path)
    run(outbox, tmp_path, csv(tmp_path / "a.csv", range(4)))
    run(outbox, tmp_path, csv(tmp_path / "a.csv", range(4)), rows_max=3)
    assert [batch.num_rows for batch in outbox.batches] == [3, 4, 3, 1]


def test_rows_that_cannot_be_used_are_told_and_the_rest_goes_on(tmp_path):
    outbox = Outbox()
    path = csv(tmp_path / "a.csv", range(5))
    path.write_text(path.read_text().replace("m2,2026", "m2,20x6"))
    given = run(outbox, tmp_path, path)
    assert given.rows == 4
    assert outbox.values == [0, 1, 3, 4]
    assert (tmp_path / "rejects.jsonl").read_text().count("\n") == 1


def test_a_file_without_a_column_stops_all_before_anything_is_given(tmp_path):
    outbox = Outbox()
    pq.write_table(pa.table({"meter_id": ["a"]}), tmp_path / "bad.parquet")
    with pytest.raises(SourceError, match="no column 'at'"):
        run(outbox, tmp_path, csv(tmp_path / "a.csv", range(3)), tmp_path / "bad.parquet")
    assert outbox.batches == []


def test_a_note_that_cannot_be_read_is_not_overwritten(tmp_path):
    (tmp_path / "outbox.sent.json").write_text("{")
    with pytest.raises(SourceError, match=r"outbox\.sent\.json: .*expected it as it was written"):
        run(Outbox(), tmp_path, csv(tmp_path / "a.csv", range(3)))
    assert (tmp_path / "outbox.sent.json").read_text() == "{"
