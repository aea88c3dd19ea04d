"""What was checked goes on to the shards: as it came, gathered, or cut by shard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from pipeline.node.internal import LANES, Batch, Part, Spent
from pipeline.wire import Buffer, Checked, Kind, Reason
from pipeline.worker.gather import SMALL_ROWS, Gather, Sending, body_of
from pipeline.worker.outbound import Outbound

__all__ = ["Forward", "Split"]


class Split(Protocol):
    """Which rows of a batch go to which shard."""

    def shards_of(
        self, kind: Kind, batch: pa.RecordBatch
    ) -> Sequence[tuple[pa.RecordBatch, Sequence[int]]] | None:
        """For each shard its rows, and of these rows how many of the batch's own come before each of them."""


class Forward:
    """Passes batches on. With one shard a body is never looked into again; with more, `split` cuts it."""

    def __init__(self, shards: Sequence[Outbound]) -> None:
        self._shards = shards
        self._gather = Gather()

    def due_s(self) -> float | None:
        """When `flush` should be called at the latest; None if nothing waits."""
        return self._gather.due_s()

    def batch(self, sending: Sending, checked: Checked, now_s: float) -> None:
        """Pass a batch on, soon."""
        header, content = checked.header, checked.content
        if header.kind is Kind.READS and header.rows < SMALL_ROWS:
            if not self._gather.fits(content, header.rows, header.length):
                self.flush()
            if self._gather.add(sending, content, checked.body, now_s):
                self.flush()
            return
        if self._gather.holds(sending.session.key):
            self.flush()
        self._send(header.kind, [sending], checked.body)

    def spent(self, kind: Kind, sending: Sending, reason: Reason, text: str) -> None:
        """Tell all shards that a number is used up."""
        if self._gather.holds(sending.session.key):
            self.flush()
        for shard, outbound in enumerate(self._shards):
            outbound.put(LANES[kind], Spent(kind, _part(sending, shard, 0), reason, text))

    def flush(self) -> None:
        """Pass on what was gathered."""
        gathered = self._gather.take()
        if gathered is not None:
            self._send(Kind.READS, gathered.sendings, body_of(gathered.batch))

    def _send(self, kind: Kind, sendings: Sequence[Sending], body: Buffer) -> None:
        parts = [_part(sending, 0, sending.rows) for sending in sendings]
        self._shards[0].put(LANES[kind], Batch(kind, parts), body)


def _part(sending: Sending, shard: int, rows: int) -> Part:
    session = sending.session
    return Part(session.key, session.line.epoch, session.numbers[shard], sending.seq, rows, sending.digest)
