"""The body of an OUTPUT: where its rows stand in a shard's output, then the rows.

::

    offset  bytes
         0      8  from_seq    the message begins here: where the one before it ended, or where SUBSCRIBE asked from;
         8      8  next_seq    it ends before here: there is no row between but its own
        16      4  from_row
        20      4  next_row
        24      2  shard
        26      2  shards      how many the node has: each is subscribed to by itself
        28      4  generation  of the shards: where their number changes, all cursors end
        32         one Arrow IPC stream of one batch; nothing where there are no rows

Little-endian. A row's place in an output is its batch's number, which is its column `seq`, and how many rows of that
batch stand before it. So the first row has the place (from_seq, from_row) if its `seq` is from_seq, else (seq, 0).
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import pyarrow as pa

from pipeline.wire.header import Buffer
from pipeline.wire.refusals import Reason, Refused

__all__ = ["NEWEST", "OLDEST", "Cursor", "Output", "output_body", "read_output"]

_HEAD: Final = struct.Struct("<QQIIHHI")


class Cursor(NamedTuple):
    """A place in a shard's output: a batch's number, and a row among the rows of that batch, from 0 on."""

    seq: int
    row: int = 0


OLDEST: Final = Cursor(0)
"""From the oldest row that is kept; of a journal that was replayed from its start, all."""
NEWEST: Final = Cursor((1 << 64) - 1)
"""From what comes next."""


class Output(NamedTuple):
    """What an OUTPUT says; `rows` is None where there are none."""

    start: Cursor
    end: Cursor
    shard: int
    shards: int
    generation: int
    rows: pa.RecordBatch | None


def output_body(output: Output) -> bytes:
    """The body of an OUTPUT."""
    start, end = output.start, output.end
    head = _HEAD.pack(start.seq, end.seq, start.row, end.row, output.shard, output.shards, output.generation)
    if output.rows is None:
        return head
    sink = pa.BufferOutputStream()
    sink.write(head)
    with pa.ipc.new_stream(sink, output.rows.schema) as writer:
        writer.write_batch(output.rows)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def read_output(body: Buffer, rows: int) -> Output:
    """What the body of an OUTPUT says, its rows over the body's own bytes; raises `Refused`."""
    if len(body) < _HEAD.size:
        raise Refused(
            Reason.BODY_LENGTH, f"OUTPUT has a body of {len(body)} bytes; expected {_HEAD.size} or more"
        )
    from_seq, next_seq, from_row, next_row, shard, shards, generation = _HEAD.unpack_from(body)
    place = Cursor(from_seq, from_row), Cursor(next_seq, next_row), shard, shards, generation
    if not rows:
        return Output(*place, None)
    try:
        found = pa.ipc.open_stream(pa.py_buffer(body)[_HEAD.size :]).read_next_batch()
        found.validate(full=True)
    except (pa.ArrowException, StopIteration, OSError, ValueError) as error:
        raise Refused(Reason.INVALID, f"an OUTPUT without whole rows: {error}") from None
    if found.num_rows != rows:
        raise Refused(Reason.ROWS, f"an OUTPUT of {found.num_rows} rows; the header says {rows}")
    return Output(*place, found)
