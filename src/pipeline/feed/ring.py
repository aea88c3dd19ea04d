"""The newest rows of one output, bounded in bytes, in their order: by batch, and within it by place."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, NamedTuple

import pyarrow as pa

from pipeline.wire import ROWS_MAX
from pipeline.wire.outputs import Cursor

__all__ = ["Ring", "Stretch"]

ENTRY_BYTES: Final = 1024
"""What a batch costs beside its rows, about."""
UNUSED_MAX: Final = 4096
"""So many entries may be forgotten before the list of them is cut."""


class Stretch(NamedTuple):
    """Rows that follow one another, None where there are none, and the cursor behind them."""

    rows: pa.RecordBatch | None
    end: Cursor


class Ring:
    """One output's rows.

    What is kept is whole batches: the newest, whatever it takes, and as many before it as have room.

    Attributes:
        oldest: the number of the batch from which on all rows are here.
        kept_bytes: what they take, about.
    """

    def __init__(self, most_bytes: int) -> None:
        self.oldest = 0
        self.kept_bytes = 0
        self._most_bytes = most_bytes
        self._first = 0
        self._seqs: list[int] = []
        self._batches: list[pa.RecordBatch | None] = []

    def add(self, seq: int, batch: pa.RecordBatch) -> None:
        """The rows of a batch; their order is that of the calls."""
        if not batch.num_rows:
            return
        self._seqs.append(seq)
        self._batches.append(batch)
        self.kept_bytes += _cost_bytes(batch)
        while self.kept_bytes > self._most_bytes and self._first < len(self._seqs) - 1:
            self._forget()

    def read(self, start: Cursor, until_seq: int, most_bytes: int) -> Stretch:
        """Rows from a cursor on that is not before `oldest`, at most about so many bytes, and at least one row.

        `until_seq` is the number behind the newest batch. Rows of one stretch have one schema: it changes once, with
        the first registry batch.
        """
        seq, row = start
        found: list[pa.RecordBatch] = []
        rows, left_bytes = 0, most_bytes
        for i in range(bisect_left(self._seqs, seq, self._first), len(self._seqs)):
            batch = self._batches[i]
            assert batch is not None, "what was forgotten lies before the first"
            row = row if self._seqs[i] == seq else 0
            seq = self._seqs[i]
            if found and batch.schema != found[0].schema:
                return Stretch(pa.concat_batches(found), Cursor(seq, row))
            each_bytes = max(1, batch.nbytes // batch.num_rows)
            room = min(ROWS_MAX - rows, left_bytes // each_bytes)
            taken = min(batch.num_rows - row, room if found else max(room, 1))
            if taken > 0:
                found.append(batch.slice(row, taken))
                rows += taken
                left_bytes -= taken * each_bytes
            if row + taken < batch.num_rows:
                return Stretch(pa.concat_batches(found), Cursor(seq, row + max(taken, 0)))
            seq, row = seq + 1, 0
        return Stretch(pa.concat_batches(found) if found else None, Cursor(max(until_seq, seq), 0))

    def _forget(self) -> None:
        """Forget the oldest batch."""
        batch = self._batches[self._first]
        assert batch is not None
        self.kept_bytes -= _cost_bytes(batch)
        self.oldest = self._seqs[self._first] + 1
        self._batches[self._first] = None
        self._first += 1
        if self._first >= UNUSED_MAX:
            del self._seqs[: self._first]
            del self._batches[: self._first]
            self._first = 0


def _cost_bytes(batch: pa.RecordBatch) -> int:
    return int(batch.nbytes) + ENTRY_BYTES
