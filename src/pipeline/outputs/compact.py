"""A day that is over, in few files: what was cut each minute, sorted by who asks for it.

Of each shard's pieces, as many as follow one another and fit `BYTES_MOST` and `ROWS_MOST` become one file, whose name
has the first and the last batch of them. Its rows are sorted (`ORDER`), so that the statistics of its row groups tell a
reader what it may pass over; of rows that are alike the order is that in which they were made. What the files were made
of stands beside them (`MADE`), so that pieces which are made again can still be checked.

The new folder is made aside, synced, and exchanged with the day's in one step; the old one is kept for a while, out of
readers' way, for those that have begun to list it. Who lists the day's folder has every row once, or is told by the
system that a file is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_128_hexdigest

from pipeline.outputs.dataset import MADE, Made, read_made
from pipeline.outputs.places import OutputPlaces, Piece, day_text
from pipeline.outputs.rendering import MAKER, render
from pipeline.outputs.tree import Tree

__all__ = ["ORDER", "Compactor"]

BYTES_MOST: Final = 64 << 20
ROWS_MOST: Final = 1 << 21
ORDER: Final[dict[str, tuple[str, ...]]] = {
    "intervals": ("meter_id", "start", "seq", "row"),
    "ledger": ("account_id", "at", "seq", "row"),
    "exceptions": ("seq", "row"),
    "notices": ("account_id", "at", "seq"),
    "commands": ("account_id", "issued_at", "seq"),
    "districts": ("district_id", "start", "seq"),
    "collection": ("district_id", "start", "seq"),
    "findings": ("seq",),
    "orders": ("seq",),
}
_PLACE: Final = "place in the order in which they were made"


class Compactor:
    """Compacts days of a data set, one after the other; nobody else may write to a day that is being compacted."""

    def __init__(self, places: OutputPlaces, tree: Tree) -> None:
        self._places = places
        self._tree = tree
        self._new = places.own / "new"
        self.before = places.own / "before"

    def recover(self) -> None:
        """After a start: put back what a step that was cut off has left out of its place; raises `OSError`."""
        self._tree.clear(self._new)
        for old in sorted(self.before.glob("*/day=*")):
            place = self._places.root / old.parent.name / old.name
            if not place.exists():
                self._tree.move(old, place)

    def open_days(self, name: str, before: date) -> list[date]:
        """The days of an output before a date that are not compacted."""
        days = [day for day in self._places.days(name) if day < before]
        return [day for day in days if read_made(self._places.day(name, day)) is None]

    def compact(self, name: str, day: date) -> int:
        """Compact a day of an output; the number of files it has now. Raises `OSError`: then all is as it was."""
        pieces = self._places.pieces(name, day)
        folder, new = self._places.day(name, day), self._new / name / day_text(day)
        self._tree.clear(new)
        digests, count = {}, 0
        for group in _groups(folder, pieces):
            data = []
            for piece in group:
                data.append((folder / piece.name).read_bytes())
                digests[piece.name] = xxh3_128_hexdigest(data[-1])
            table = pa.concat_tables(pq.read_table(pa.BufferReader(each)) for each in data)
            whole = Piece(group[0].shard, group[0].first, group[-1].last)
            self._tree.put(new / whole.name, [render(ordered(name, table))])
            count += 1
        self._tree.put(new / MADE, [msgspec.json.encode(Made(MAKER, digests))])
        self._replace(new, folder, self.before / name / day_text(day))
        return count

    def _replace(self, new: Path, folder: Path, before: Path) -> None:
        self._tree.clear(before)
        if self._tree.exchange(new, folder):
            self._tree.move(new, before)
            return
        self._tree.move(folder, before)
        self._tree.move(new, folder)


def ordered(name: str, table: pa.Table) -> pa.Table:
    """The rows of an output in the order in which a compacted file has them."""
    keys = [(column, "ascending") for column in (*ORDER[name], _PLACE)]
    placed = table.append_column(_PLACE, pa.array(np.arange(table.num_rows)))
    return placed.sort_by(keys).drop_columns([_PLACE]).combine_chunks()


def _groups(folder: Path, pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Pieces of one shard that become one file."""
    group: list[Piece] = []
    size_bytes = rows = 0
    for piece in pieces:
        path = folder / piece.name
        piece_bytes, piece_rows = path.stat().st_size, pq.read_metadata(path).num_rows
        full = size_bytes + piece_bytes > BYTES_MOST or rows + piece_rows > ROWS_MOST
        if group and (full or piece.shard != group[0].shard):
            yield group
            group, size_bytes, rows = [], 0, 0
        group.append(piece)
        size_bytes += piece_bytes
        rows += piece_rows
    if group:
        yield group
