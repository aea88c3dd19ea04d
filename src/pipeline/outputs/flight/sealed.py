"""Rows that files of the data set hold, read while the process writes, compacts and removes files beside.

A file that is open stays readable whatever becomes of its name. One that is gone when it is to be opened was
compacted, with others of its day: so the day is listed again, and of its files come the rows behind those that were
read already. Files of one shard never overlap, so the number of a batch says which those are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipeline.outputs.flight.tickets import refusal
from pipeline.outputs.flight.wanted import Wanted
from pipeline.outputs.places import OutputPlaces, Piece

__all__ = ["BATCH_ROWS", "Sealed", "Whole"]

BATCH_ROWS: Final = 65_536
WINDOW_ROWS: Final = 1 << 18
"""So many rows of a file, about, are put at once in the order in which they were made."""
AGAIN_MAX: Final = 100
"""So often may a day be listed anew: each time all that was left to read of it had been replaced."""
_FORMAT: Final = ds.ParquetFileFormat()


class Whole(NamedTuple):
    """All rows of some batches of one shard, in order, and the number behind the last of those batches."""

    rows: pa.Table
    next_seq: int


class Sealed:
    """The files of one output."""

    def __init__(self, places: OutputPlaces, name: str) -> None:
        self._places = places
        self._name = name

    def rows(self, wanted: Wanted, sealed: Mapping[int, int]) -> Iterator[pa.Table]:
        """Wanted rows of each shard's batches up to the one that `sealed` says; file by file."""
        for day in self._places.days(self._name):
            done = dict.fromkeys(sealed, 0)
            for piece, file in self._opened(day, done):
                yield from _scanned(file, wanted, done[piece.shard] + 1, min(piece.last, sealed[piece.shard]))
                done[piece.shard] = piece.last

    def after(self, wanted: Wanted, shard: int, seq: int, last: int) -> Iterator[Whole]:
        """Wanted rows of a shard's batches `seq` to `last`, in the order in which they were made."""
        for day in self._places.days(self._name):
            done = {shard: seq - 1}
            for piece, file in self._opened(day, done):
                for first, until in _windows(file, done[shard] + 1, min(piece.last, last)):
                    parts = list(_scanned(file, wanted, first, until))
                    if parts:
                        yield Whole(_made(pa.concat_tables(parts)), until + 1)
                done[shard] = piece.last

    def _opened(self, day: date, done: dict[int, int]) -> Iterator[tuple[Piece, ds.ParquetFileFragment]]:
        """The files of a day, of shards that are in `done`, with rows behind what that says; by shard and number."""
        for _ in range(AGAIN_MAX):
            for piece in self._places.pieces(self._name, day):
                if piece.shard not in done or piece.last <= done[piece.shard]:
                    continue
                path = self._places.day(self._name, day) / piece.name
                try:
                    file = pa.OSFile(str(path))
                except FileNotFoundError:
                    break
                with file:
                    yield piece, _FORMAT.make_fragment(file)
            else:
                return
        raise refusal(f"{self._name} of {day} is being replaced all the time; try again", b"again")


def _scanned(file: ds.ParquetFileFragment, wanted: Wanted, first: int, last: int) -> Iterator[pa.Table]:
    """Wanted rows of the batches `first` to `last`, in the order of the file."""
    if first > last:
        return
    schema = file.physical_schema
    expression = (pc.field("seq") >= first) & (pc.field("seq") <= last)
    if (more := wanted.expression(schema)) is not None:
        expression &= more
    batches = file.to_batches(
        columns=wanted.read, filter=expression, batch_size=BATCH_ROWS, batch_readahead=1, use_threads=False
    )
    for batch in batches:
        if batch.num_rows:
            yield pa.Table.from_batches([batch])


def _windows(file: ds.ParquetFileFragment, first: int, last: int) -> Iterator[tuple[int, int]]:
    """The batches from `first` to `last` in a file as stretches of about `WINDOW_ROWS` rows, both ends included."""
    seqs = file.to_table(columns=["seq"], use_threads=False)["seq"].to_numpy()
    numbers, counts = np.unique(seqs[(seqs >= first) & (seqs <= last)], return_counts=True)
    window = (np.cumsum(counts) - 1) // WINDOW_ROWS
    for each in np.unique(window):
        of = numbers[window == each]
        yield int(of[0]), int(of[-1])


def _made(rows: pa.Table) -> pa.Table:
    """Rows of whole batches in the order in which they were made, as far as that can be seen."""
    keys = [(name, "ascending") for name in ("seq", "row") if name in rows.column_names]
    return rows.take(pc.sort_indices(rows, sort_keys=keys))
