"""Small messages of reads, gathered: many senders' rows become one batch, in the order in which they came.

Bodies of a known form are joined column by column, as bytes; others, which have ids of text, as Arrow does it. A batch
is of one of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.node.internal import PARTS_MAX
from pipeline.wire import ROWS_MAX, Buffer, Form, Kind
from pipeline.wire.schemas import SCHEMAS
from pipeline.worker.sessions import Session

__all__ = ["GATHER_S", "SMALL_ROWS", "Gather", "Gathered", "Sending", "body_of", "columns_of"]

GATHER_S: Final = 0.02
"""No message waits longer for others."""
SMALL_ROWS: Final = 8192
"""Messages of fewer rows are gathered."""
GATHER_BYTES_MAX: Final = 8 << 20
"""Of bodies, in one batch: texts may be long."""

_READS: Final = SCHEMAS[Kind.READS]["uint64"]


class Sending(NamedTuple):
    """A checked batch on its way to the shards: whose, its number, its rows, the digest of its own body."""

    session: Session
    seq: int
    rows: int
    digest: bytes


class Gathered(NamedTuple):
    """Some senders' batches as one: one behind the other, in this order."""

    sendings: list[Sending]
    batch: pa.RecordBatch


class Gather:
    """What waits to become a batch."""

    def __init__(self) -> None:
        self._sendings: list[Sending] = []
        self._bodies: list[Buffer] = []
        self._forms: list[Form] = []
        self._batches: list[pa.RecordBatch] = []
        self._rows = 0
        self._bytes = 0
        self._keys: set[bytes] = set()
        self._since_s = 0.0

    def holds(self, key: bytes) -> bool:
        """Whether something of this producer waits here."""
        return key in self._keys

    def due_s(self) -> float | None:
        """When what waits has waited long enough; None if nothing does."""
        return self._since_s + GATHER_S if self._sendings else None

    def fits(self, content: Form | pa.RecordBatch, rows: int, length: int) -> bool:
        """Whether a batch can be added to what waits."""
        if not self._sendings:
            return True
        if self._rows + rows > ROWS_MAX or self._bytes + length > GATHER_BYTES_MAX:
            return False
        if not self._batches:
            return isinstance(content, Form)
        return not isinstance(content, Form) and bool(content.schema.equals(self._batches[0].schema))

    def add(self, sending: Sending, content: Form | pa.RecordBatch, body: Buffer, now_s: float) -> bool:
        """Add one that fits; returns whether there is no room for more."""
        if not self._sendings:
            self._since_s = now_s
        self._sendings.append(sending)
        if isinstance(content, Form):
            self._bodies.append(body)
            self._forms.append(content)
        else:
            self._batches.append(content)
        self._keys.add(sending.session.key)
        self._rows += sending.rows
        self._bytes += len(body)
        return self._rows >= ROWS_MAX or len(self._sendings) >= PARTS_MAX

    def take(self) -> Gathered | None:
        """All that waits, as one batch; None if nothing does."""
        if not self._sendings:
            return None
        if self._batches:
            batch = pa.concat_batches(self._batches)
        else:
            batch = _batch_of(_joined(self._bodies, self._forms), self._rows)
        gathered = Gathered(self._sendings, batch)
        self._sendings, self._bodies, self._forms, self._batches = [], [], [], []
        self._rows = self._bytes = 0
        self._keys.clear()
        return gathered


def columns_of(body: Buffer, form: Form) -> pa.RecordBatch:
    """The batch in a body of a known form, over the body's own bytes."""
    view = memoryview(body)
    return _batch_of([view[place] for place in form.columns], form.rows)


def body_of(batch: pa.RecordBatch) -> Buffer:
    """The body of a batch whose schema is the published one."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue()).cast("B")


def _joined(bodies: list[Buffer], forms: list[Form]) -> list[Buffer]:
    """The columns of bodies of known forms, each one behind the other; where all are of one form, in one go."""
    first = forms[0]
    if any(form is not first for form in forms):
        places = zip(*(form.columns for form in forms), strict=True)
        return [
            b"".join(body[place] for body, place in zip(bodies, column, strict=True)) for column in places
        ]
    rows = np.frombuffer(b"".join(bodies), np.uint8).reshape(len(bodies), first.length)
    return [np.ascontiguousarray(rows[:, column]).reshape(-1).data for column in first.columns]


def _batch_of(columns: Sequence[Buffer], rows: int) -> pa.RecordBatch:
    arrays = [
        pa.Array.from_buffers(kind, rows, [None, pa.py_buffer(values)], null_count=0)
        for kind, values in zip(_READS.types, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=_READS)
