"""NumPy columns and rows as the Arrow batches that the engine takes, without a copy where that can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

INSTANT: Final = pa.timestamp("s", "UTC")
MONEY: Final = pa.decimal64(18, 9)


def instants(at_s: NDArray[np.int64]) -> pa.Array:
    """Seconds since the epoch as ``timestamp[s, UTC]``."""
    return pa.array(at_s.view("datetime64[s]")).cast(INSTANT)


def money(amount_nano: NDArray[np.int64] | Sequence[int]) -> pa.Array:
    """Nano-units as ``decimal64(18, 9)``: the same eight bytes."""
    amounts = np.ascontiguousarray(amount_nano, np.int64)
    return pa.Array.from_buffers(MONEY, len(amounts), [None, pa.py_buffer(amounts)])


def raw_int64(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """The eight bytes of each value of a column as they are; under a null lies anything."""
    if isinstance(column, pa.ChunkedArray):
        if column.num_chunks != 1:
            return np.concatenate([raw_int64(chunk) for chunk in column.chunks] or [np.empty(0, np.int64)])
        column = column.chunk(0)
    values = column.buffers()[1]
    if values is None:
        return np.empty(0, np.int64)
    return np.frombuffer(values, np.int64, len(column), column.offset * 8)


class Reads(NamedTuple):
    """Columns of a batch of reads, of equal length."""

    meter_id: NDArray[np.uint64]
    at_s: NDArray[np.int64]
    value: NDArray[np.int64]
    status: NDArray[np.uint16]

    def batch(self) -> pa.RecordBatch:
        """The reads as the engine takes them."""
        return pa.record_batch(
            {
                "meter_id": self.meter_id,
                "at": instants(self.at_s),
                "value": self.value,
                "status": self.status,
            }
        )


def join(parts: Sequence[Reads]) -> Reads:
    """Several runs of reads, one after the other."""
    return Reads(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class Payment(NamedTuple):
    """A row of a batch of payments."""

    payment_id: bytes
    account_id: int
    kind: str
    amount_nano: int
    at_s: int
    channel: str


def payments_batch(rows: Sequence[Payment]) -> pa.RecordBatch:
    """Payments as the engine takes them; of no rows, the empty batch that says that the channel is up."""
    ids, accounts, kinds, amounts, at_s, channels = zip(*rows, strict=True) if rows else ((),) * 6
    return pa.record_batch(
        {
            "payment_id": pa.array(ids, pa.binary(16)),
            "account_id": pa.array(accounts, pa.uint64()),
            "kind": pa.array(kinds, pa.string()),
            "amount": money(amounts),
            "at": instants(np.array(at_s, np.int64)),
            "channel": pa.array(channels, pa.string()),
        }
    )


class Ack(NamedTuple):
    """A row of a batch of acknowledgements."""

    command_id: int
    outcome: str
    at_s: int


def acks_batch(rows: Sequence[Ack]) -> pa.RecordBatch:
    """Acknowledgements as the engine takes them."""
    ids, outcomes, at_s = zip(*rows, strict=True)
    return pa.record_batch(
        {
            "command_id": pa.array(ids, pa.uint64()),
            "outcome": pa.array(outcomes, pa.string()),
            "at": instants(np.array(at_s, np.int64)),
        }
    )


class Update(NamedTuple):
    """A row of a batch of updates."""

    op: str
    account_id: int | None = None
    meter_id: int | None = None
    value: int | None = None
    text: str | None = None
    at_s: int | None = None


_UPDATE_TYPES: Final[Mapping[str, pa.DataType]] = {
    "op": pa.string(),
    "account_id": pa.uint64(),
    "meter_id": pa.uint64(),
    "value": pa.int64(),
    "text": pa.string(),
    "at": INSTANT,
}


def updates_batch(rows: Sequence[Update]) -> pa.RecordBatch:
    """Updates as the engine takes them."""
    columns = zip(*rows, strict=True)
    return pa.record_batch(
        {
            name: pa.array(column, kind)
            for (name, kind), column in zip(_UPDATE_TYPES.items(), columns, strict=True)
        }
    )
