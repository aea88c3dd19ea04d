"""A batch cut by shard: each row goes where its account, meter or district is.

What nobody knows goes to shard 0, which refuses it as a single engine would. What concerns the whole node goes to all:
configurations, ticks, and the updates that suspend or resume all trips. Ids that an engine counts by itself, of
commands, findings and orders, carry generation and shard in their bits from 40 on, and are given to it without; one of
another generation becomes 0, which none has.

A meter stays in the shard that has it, as long as there is one: that one knows what its relay was told last, and counts
its commands. So a row that gives it to an account of another shard goes where the meter is, and is refused there, as
of an account that is unknown; one that gives a supply meter to a district of another shard goes there without the
district, and is refused, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.node.layout import Layout, command_of
from pipeline.wire import Kind
from pipeline.worker.directory import UNKNOWN, Directory, Shards, homes

__all__ = ["Piece", "Split", "with_column"]

EVERY: Final = -2
"""A row for all shards."""
OF_DISTRICT_OR_ALL: Final = ("suspend_trips", "resume_trips")
COUNTED: Final = ("close_finding", "close_order")


class Piece(NamedTuple):
    """What one shard gets of a batch: its rows, and how many of each part's."""

    batch: pa.RecordBatch
    rows: list[int]


class Split:
    """Cuts batches for the shards of a layout."""

    def __init__(self, layout: Layout, *, meters_move: bool = False) -> None:
        """`meters_move`: a meter follows its account into another shard, as one engine has let it once."""
        self.directory = Directory()
        self._meters_move = meters_move
        self._layout = layout
        self._shards = layout.shards

    def must(self, kind: Kind) -> bool:
        """Whether a batch of this kind cannot pass as it came."""
        if self._shards > 1:
            return True
        return self._layout.generation > 0 and kind in (Kind.ACKS, Kind.UPDATES)

    def cut(self, kind: Kind, batch: pa.RecordBatch, rows: Sequence[int]) -> list[Piece]:
        """A piece for each shard, of a batch whose parts have so many rows, in their order."""
        places = self._places(kind, batch)
        ends = np.cumsum(np.array(rows, np.int64))
        out = []
        for shard in range(self._shards):
            mine = (places == shard) | (places == EVERY)
            before = np.concatenate([[0], np.cumsum(mine)])
            counts = np.diff(before[ends], prepend=0).tolist() if len(ends) else []
            piece = batch.filter(pa.array(mine))
            if kind is Kind.ACKS:
                piece = self._own_commands(piece)
            elif kind is Kind.UPDATES:
                piece = self._own_counted(piece)
            elif kind is Kind.METERS:
                piece = self._own_districts(piece, shard)
            out.append(Piece(piece, counts))
        return out

    def _places(self, kind: Kind, batch: pa.RecordBatch) -> Shards:
        directory = self.directory
        if kind is Kind.READS:
            places = directory.places("meters", batch["meter_id"])
        elif kind is Kind.PAYMENTS:
            places = directory.places("accounts", batch["account_id"])
        elif kind is Kind.DISTRICTS:
            places = homes(batch["district_id"], self._shards)
        elif kind is Kind.ACCOUNTS:
            places = self._accounts(batch)
        elif kind is Kind.METERS:
            places = self._meters(batch)
        elif kind is Kind.ACKS:
            places = _of_ids(batch["command_id"].to_numpy(zero_copy_only=False))
        else:
            places = self._updates(batch)
        places[(places == UNKNOWN) | (places >= self._shards)] = 0
        return places

    def _accounts(self, batch: pa.RecordBatch) -> Shards:
        ids = batch["account_id"]
        places = self.directory.places("accounts", ids)
        fresh = places == UNKNOWN
        places = np.where(fresh, homes(batch["district_id"], self._shards), places)
        if fresh.any():
            self._first(places, fresh, ids)
            self.directory.expect("accounts", ids.filter(pa.array(fresh)), places[fresh])
        return places

    def _meters(self, batch: pa.RecordBatch) -> Shards:
        ids = batch["meter_id"]
        known = self.directory.places("meters", ids)
        by_account = self.directory.places("accounts", batch["account_id"])
        places = np.where(_supply(batch), homes(batch["district_id"], self._shards), by_account)
        if self._meters_move:
            return np.where(places == UNKNOWN, known, places)
        fresh = (known == UNKNOWN) & (places != UNKNOWN)
        places = np.where(known == UNKNOWN, places, known)
        if fresh.any():
            self._first(places, fresh, ids)
            self.directory.expect("meters", ids.filter(pa.array(fresh)), places[fresh])
        return places

    def _first(self, places: Shards, fresh: npt.NDArray[np.bool_], ids: pa.Array) -> None:
        """Of two rows of something new the first decides where it is, as it will in the directory."""
        of = ids.filter(pa.array(fresh))
        new, at = np.unique(_plain(of), return_index=True)
        first = dict(zip(new.tolist(), places[fresh][at].tolist(), strict=True))
        places[fresh] = [first[each] for each in of.to_pylist()]

    def _updates(self, batch: pa.RecordBatch) -> Shards:
        by_account = self.directory.places("accounts", batch["account_id"])
        by_meter = self.directory.places("meters", batch["meter_id"])
        places = np.where(by_account == UNKNOWN, by_meter, by_account)
        for row, op in enumerate(batch["op"].to_pylist()):
            if op in OF_DISTRICT_OR_ALL:
                text = batch["text"][row].as_py()
                places[row] = EVERY if text is None else self._district(batch, text)
            elif op in COUNTED:
                value = batch["value"][row].as_py()
                places[row] = _of_ids(np.array([max(value or 0, 0)], np.uint64))[0]
        return places

    def _district(self, batch: pa.RecordBatch, text: str) -> int:
        if not pa.types.is_uint64(batch["account_id"].type):
            return int(homes(pa.array([text]), self._shards)[0])
        whole = text.isascii() and text.isdigit() and int(text) < 1 << 64
        return int(homes(pa.array([int(text)], pa.uint64()), self._shards)[0]) if whole else 0

    def _own_commands(self, piece: pa.RecordBatch) -> pa.RecordBatch:
        """Acks with the ids of commands as their engine counts them."""
        return with_column(piece, "command_id", [self._own(each) for each in piece["command_id"].to_pylist()])

    def _own_counted(self, piece: pa.RecordBatch) -> pa.RecordBatch:
        """Updates with the ids of findings and orders as their engine counts them."""
        counted = pc.is_in(piece["op"], pa.array(COUNTED)).to_pylist()
        values = [
            self._own(value) if mine and value is not None and value >= 0 else value
            for mine, value in zip(counted, piece["value"].to_pylist(), strict=True)
        ]
        return with_column(piece, "value", values) if any(counted) else piece

    def _own_districts(self, piece: pa.RecordBatch, shard: int) -> pa.RecordBatch:
        """Meters, those of supply without a district that another shard has."""
        if self._meters_move:
            return piece
        there = homes(piece["district_id"], self._shards)
        away = _supply(piece) & (there != UNKNOWN) & (there != shard)
        if not away.any():
            return piece
        kept = zip(piece["district_id"].to_pylist(), away.tolist(), strict=True)
        return with_column(piece, "district_id", [None if gone else each for each, gone in kept])

    def _own(self, outside: int) -> int:
        generation, _, own = command_of(outside)
        return own if generation == self._layout.generation else 0


def with_column(piece: pa.RecordBatch, name: str, values: list[Any]) -> pa.RecordBatch:
    """A batch with other values in one column, of the same type."""
    place = piece.schema.get_field_index(name)
    field = piece.schema.field(place)
    return piece.set_column(place, field, pa.array(values, field.type))


def _supply(meters: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    supply: npt.NDArray[np.bool_] = pc.equal(meters["role"], "supply").to_numpy(zero_copy_only=False)
    return supply


def _plain(ids: pa.Array) -> npt.NDArray[Any]:
    return np.asarray(ids.to_pylist()) if pa.types.is_string(ids.type) else ids.to_numpy()


def _of_ids(ids: npt.NDArray[np.uint64]) -> Shards:
    return np.array([command_of(each)[1] for each in ids.tolist()], np.int16)
