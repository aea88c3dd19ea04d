"""Who changed what: the updates, configurations and ticks of a shard's journal, each with the key that sent it.

A journal that was cut back has only those since; `keep_journal` keeps them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pipeline.journal import Disk, read
from pipeline.node.entries import Entry, decode, is_batch
from pipeline.node.state import content_of
from pipeline.wire import Kind, Refused

__all__ = ["Change", "changes"]

_COLUMNS: Final = ("op", "account_id", "meter_id", "value", "text", "at")


class Change(NamedTuple):
    """Something that was asked of the engine; what it refused of that is in the output ``exceptions``.

    Attributes:
        frame: of the journal.
        at_s: the time that its batch brought.
        producer: the public key that sent it, 32 bytes; None for the node itself.
        op: of an update; or `configuration`, `tick`.
    """

    frame: int
    at_s: int
    producer: bytes | None
    op: str
    account_id: int | str | None = None
    meter_id: int | str | None = None
    value: int | None = None
    text: str | None = None
    about_s: int | None = None


def changes(journal: Disk, ids: pa.DataType | None = None) -> Iterator[Change]:
    """The changes in a journal, in order; takes no lock. Raises `JournalDamaged` and `OSError`.

    Updates whose ids are not of the type `ids`, where that is known, are left out: the engine took none of their batch.
    """
    for frame in read(journal):
        for entry in decode(frame.buffers):
            if not is_batch(entry):
                continue
            if entry.kind is Kind.CONFIG:
                yield Change(frame.number, entry.now_s, _sender(entry), "configuration")
            elif entry.kind is Kind.TICK and entry.parts:
                yield Change(frame.number, entry.now_s, _sender(entry), "tick")
            elif entry.kind is Kind.UPDATES:
                yield from _updates(frame.number, entry, ids)


def _updates(frame: int, entry: Entry, ids: pa.DataType | None) -> Iterator[Change]:
    try:
        content = content_of(entry)
    except Refused:
        return
    assert isinstance(content, pa.RecordBatch)
    if ids is not None and content.schema.field("account_id").type != ids:
        return
    senders: list[bytes | None] = [part.producer for part in entry.parts for _ in range(part.rows)]
    senders = senders or [None] * content.num_rows
    columns = [_cells(content, name) for name in _COLUMNS]
    for sender, (op, account_id, meter_id, value, text, at) in zip(
        senders, zip(*columns, strict=True), strict=True
    ):
        about_s = None if at is None else int(at.timestamp())
        yield Change(frame, entry.now_s, sender, op, account_id, meter_id, value, text, about_s)


def _cells(batch: pa.RecordBatch, name: str) -> list[Any]:
    if name not in batch.schema.names:
        return [None] * batch.num_rows
    cells: list[Any] = batch[name].to_pylist()
    return cells


def _sender(entry: Entry) -> bytes | None:
    return entry.parts[0].producer if entry.parts else None
