"""The data set of one shard: cuts become files, each made once, or again and then the same byte for byte."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_128_hexdigest

from pipeline.outputs.cuts import Cut
from pipeline.outputs.description import OutputsError
from pipeline.outputs.places import BALANCES, OutputPlaces, Piece
from pipeline.outputs.rendering import MAKER, render
from pipeline.outputs.tables import output_schema
from pipeline.outputs.tree import Tree

__all__ = ["MADE", "Cursor", "DataSet", "Made", "OutputsDiffer", "read_made"]

MADE: Final = "_made.json"
"""In the folder of a day that is compacted: what its files were made of."""
CURSOR: Final = "cursor.json"


class OutputsDiffer(OutputsError):
    """A file was made again, and is not what it was: nothing more is written until a person has looked."""


class Cursor(msgspec.Struct, frozen=True):
    """Files hold all rows of the batches up to `seq`."""

    seq: int = 0


class Made(msgspec.Struct, frozen=True):
    """What a compacted day was made of: the pieces by name, with the digest of their bytes, and who had made them."""

    maker: str
    pieces: dict[str, str]


class DataSet:
    """Writes a shard's cuts.

    Attributes:
        cursor: up to where files hold all, as the disk says; made again is what lies before it.
        written: files, since the start.
        same: files that were there already, since the start.
    """

    def __init__(self, places: OutputPlaces, shard: int, tree: Tree) -> None:
        self.written = self.same = 0
        self._places = places
        self._shard = shard
        self._tree = tree
        self.cursor = self._read_cursor()

    def write(self, cut: Cut, ids: pa.DataType, balances: pa.Table | None) -> None:
        """Make the files of a cut; at a day's end the balances, too. Then the cursor moves.

        Raises `OutputsDiffer`, `OSError`: then it is to be written again.
        """
        for name, batches in cut.rows.items():
            schema = output_schema(name, ids)
            parts = [batch if batch.schema == schema else batch.cast(schema) for batch in batches]
            data = render(pa.Table.from_batches(parts, schema))
            self._make(name, cut.day, Piece(self._shard, cut.first, cut.last), data)
        if balances is not None:
            path = self._places.day(BALANCES, cut.day) / f"{self._shard}.parquet"
            self._put(path, render(balances))
        if cut.last > self.cursor.seq and (cut.rows or balances is not None):
            self.move(Cursor(cut.last))

    def move(self, cursor: Cursor) -> None:
        """Say how far files hold all; raises `OSError`."""
        self._tree.put(self._places.of_shard(self._shard) / CURSOR, [msgspec.json.encode(cursor)])
        self.cursor = cursor

    def drop_behind(self, seq: int) -> None:
        """Remove this shard's files of batches behind `seq`: those of a cut that was never finished.

        Raises `OSError`.
        """
        for folder in sorted(each for each in self._places.root.glob("*/day=*") if each.is_dir()):
            for path in sorted(folder.glob(f"{self._shard}-*.parquet")):
                piece = _piece(path)
                if piece.last > seq:
                    self._tree.remove(path)

    def _make(self, name: str, day: date, piece: Piece, data: memoryview) -> None:
        folder = self._places.day(name, day)
        made = read_made(folder)
        if made is not None and any(
            there.shard == piece.shard and there.first <= piece.last and piece.first <= there.last
            for there in self._places.pieces(name, day)
        ):
            self._check_made(folder, piece, made, data)
            return
        self._put(folder / piece.name, data)

    def _put(self, path: Path, data: memoryview) -> None:
        try:
            there = path.read_bytes()
        except FileNotFoundError:
            self._tree.put(path, [data])
            self.written += 1
            return
        if there != data and not _of_other_maker(path, data):
            raise OutputsDiffer(
                f"{path}: made again from the journal, it is {len(data)} bytes with other content than the "
                f"{len(there)} that are there; expected the same. Nothing was changed: keep a copy of both the file "
                "and the journal, and report this"
            )
        self.same += 1

    def _check_made(self, folder: Path, piece: Piece, made: Made, data: memoryview) -> None:
        """A piece of a day that is compacted: it must be one of those that its files were made of."""
        if made.maker == MAKER and made.pieces.get(piece.name) != xxh3_128_hexdigest(data):
            raise OutputsDiffer(
                f"{folder}: {piece.name}, made again from the journal, is not among what its files were made of; "
                "expected it there. Nothing was changed: keep a copy of both the folder and the journal, and report "
                "this"
            )
        self.same += 1

    def _read_cursor(self) -> Cursor:
        path = self._places.of_shard(self._shard) / CURSOR
        try:
            return msgspec.json.decode(path.read_bytes(), type=Cursor)
        except FileNotFoundError:
            return Cursor()
        except msgspec.MsgspecError as error:
            raise OutputsError(f"{path}: {error}; expected how far the outputs are written") from None


def read_made(folder: Path) -> Made | None:
    """What the files of a day's folder were made of; None where they are as they were cut."""
    try:
        return msgspec.json.decode((folder / MADE).read_bytes(), type=Made)
    except FileNotFoundError:
        return None


def _piece(path: Path) -> Piece:
    shard, first, last = path.stem.split("-")
    return Piece(int(shard), int(first), int(last))


def _of_other_maker(path: Path, data: memoryview) -> bool:
    """Whether a file was written by another version of the writer, and has the same rows."""
    try:
        there = pq.ParquetFile(path)
    except (OSError, pa.ArrowException):
        return False  # it is damaged
    again = pq.ParquetFile(pa.BufferReader(data))
    if there.metadata.created_by == again.metadata.created_by:
        return False
    same: bool = there.read().equals(again.read())
    return same
