"""A producer: reads, payments, registry rows or updates to a node, each exactly once, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from fastcore import SchemaError
from pipeline.client.conversation import Conversation
from pipeline.client.events import Event, Patience
from pipeline.client.outbox import Body
from pipeline.client.station import Files, Station
from pipeline.clock import Clock, RealClock
from pipeline.keys import KeyPair, PublicKey
from pipeline.wire import ROWS_MAX, Kind, tick_body, write_batch
from pipeline.wire.schemas import ARROW_KINDS, Ids

__all__ = ["Producer"]


class Producer(Station):
    """A producer; a context manager, for one thread.

    ::

        with Producer("tcp://node:7070", "feeder-1.key", "node.pub", outbox="feeder-1.outbox") as producer:
            for batch in batches:
                producer.send("reads", batch)
            if not producer.flush(timeout_s=60):
                print(f"{producer.waiting} batches will be sent the next time")

    What `send` has taken is on this machine's disk and will arrive, once, even if this process and the node die in
    between: start again with the same outbox. Messages move while `send`, `poll` or `flush` is called. `ids` is the
    type of the deployment's ids, needed where a batch does not show it. `on_event` is told of progress and of refusals.
    Raises `ClientError`.
    """

    def __init__(
        self,
        endpoint: str,
        key: str | Path | KeyPair,
        node: str | Path | PublicKey,
        outbox: str | Path,
        *,
        ids: Ids | None = None,
        on_event: Callable[[Event], None] | None = None,
        clock: Clock | None = None,
        patience: Patience | None = None,
    ) -> None:
        files = Files(endpoint, key, node, outbox)
        conversation = Conversation(files.pair.public.curve, files.outbox, patience)
        super().__init__(files, conversation, clock or RealClock(), on_event)
        self._ids = ids

    def send(self, kind: str, batch: Any) -> int:
        """Take a batch, and send what can be sent; returns its number, of several the last.

        `kind` is the engine's name for it. `batch` is Arrow data of any library, or columns by name; of ``config``
        its text, of ``tick`` the time in seconds. One of more than 65,536 rows becomes several. Raises, with nothing
        taken, `SchemaError` for columns that do not fit, and `OutboxFull` where the disk is full.
        """
        seq = self._keep(*_bodies(kind, batch, self._ids))
        self.poll()
        return seq


def _bodies(kind: str, batch: Any, ids: Ids | None) -> list[Body]:
    wire_kind = _kind(kind)
    if wire_kind is Kind.CONFIG:
        return [(wire_kind, 0, batch.encode("utf8"))]
    if wire_kind is Kind.TICK:
        return [(wire_kind, 0, tick_body(batch))]
    table = _table(kind, batch)
    parts = [table.slice(start, ROWS_MAX) for start in range(0, max(table.num_rows, 1), ROWS_MAX)]
    return [(wire_kind, part.num_rows, write_batch(wire_kind, part, ids)) for part in parts]


def _kind(name: str) -> Kind:
    kind = Kind.__members__.get(name.upper())
    if kind is None or (kind not in ARROW_KINDS and kind not in (Kind.CONFIG, Kind.TICK)):
        names = ", ".join(sorted(kind.name.lower() for kind in (*ARROW_KINDS, Kind.CONFIG, Kind.TICK)))
        raise SchemaError(f"{name!r} is no kind of batch; expected one of {names}")
    return kind


def _table(kind: str, batch: Any) -> pa.Table:
    try:
        return batch if isinstance(batch, pa.Table) else pa.table(batch)
    except (TypeError, ValueError, pa.ArrowException):
        pass
    try:
        return pa.Table.from_batches([pa.record_batch(batch)])
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise SchemaError(
            f"{kind}: expected Arrow data or columns by name; found {type(batch).__name__} ({error})"
        ) from None
