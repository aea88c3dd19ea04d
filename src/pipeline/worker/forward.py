"""What was checked goes on to the shards: as it came, gathered, or cut by shard."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.node.internal import LANES, Batch, Part, Spent
from pipeline.wire import Buffer, Checked, Form, Kind, Reason
from pipeline.wire.check import Content
from pipeline.wire.schemas import ARROW_KINDS
from pipeline.worker.gather import SMALL_ROWS, Gather, Sending, body_of, columns_of
from pipeline.worker.outbound import Outbound
from pipeline.worker.split import Split

__all__ = ["Forward"]


class Forward:
    """Passes batches on. With one shard a body is hardly ever looked into again; with more, `split` cuts it."""

    def __init__(self, shards: Sequence[Outbound], split: Split) -> None:
        self._shards = shards
        self._split = split
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
        self._send(header.kind, [sending], content, checked.body)

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
            self._send(Kind.READS, gathered.sendings, gathered.batch, None)

    def _send(self, kind: Kind, sendings: Sequence[Sending], content: Content, body: Buffer | None) -> None:
        """Send a batch to whom it concerns; `body` is that of `content`, if there is one already."""
        if kind in ARROW_KINDS and self._split.must(kind):
            batch = columns_of(body, content) if isinstance(content, Form) and body is not None else content
            pieces = self._split.cut(kind, batch, [sending.rows for sending in sendings])
            for shard, piece in enumerate(pieces):
                self._put(shard, kind, sendings, piece.rows, body_of(piece.batch))
            return
        rows = [sending.rows for sending in sendings]
        for shard in range(len(self._shards)):
            self._put(shard, kind, sendings, rows, body_of(content) if body is None else body)

    def _put(
        self, shard: int, kind: Kind, sendings: Sequence[Sending], rows: Sequence[int], body: Buffer
    ) -> None:
        parts = [_part(sending, shard, count) for sending, count in zip(sendings, rows, strict=True)]
        self._shards[shard].put(LANES[kind], Batch(kind, parts), body)


def _part(sending: Sending, shard: int, rows: int) -> Part:
    session = sending.session
    return Part(session.key, session.line.epoch, session.numbers[shard], sending.seq, rows, sending.digest)
