"""A shard's journal as a batch log: what the engine was given, in order, for a replay anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa

from pipeline.batchlog import BatchLogWriter
from pipeline.errors import LogError
from pipeline.journal import Disk, read
from pipeline.node.entries import Entry, decode, is_batch
from pipeline.node.state import content_of
from pipeline.wire import Kind, Refused, engine_kind

__all__ = ["Exported", "export"]


class Exported(NamedTuple):
    """What was written: the journal's frames, batches of the log, and those that no engine can be given."""

    frames: int
    batches: int
    unreadable: int


def export(
    disk: Disk, log: BatchLogWriter, *, on_frame: Callable[[int], None] = lambda size_bytes: None
) -> Exported:
    """Write the batches of a journal to a log; takes no lock. `on_frame` is told the bytes of each frame.

    A batch that the engine refused whole is in the log, and a replay refuses it too. Raises `JournalDamaged`,
    `OSError`, and `LogError` where the journal's begin has been pruned.
    """
    frames = batches = unreadable = 0
    for frame in read(disk):
        if not frames and frame.number != 1:
            raise LogError(
                f"journal {disk.where}: begins with frame {frame.number}, since snapshots hold what was before; a "
                "batch log needs the first one. Take a backup of the folder from before it was pruned"
            )
        for entry in decode(frame.buffers):
            if is_batch(entry):
                written = _write(entry, log)
                batches += written
                unreadable += not written
        frames += 1
        on_frame(frame.size_bytes)
    return Exported(frames, batches, unreadable)


def _write(entry: Entry, log: BatchLogWriter) -> bool:
    if entry.kind is Kind.TICK:
        log.tick(entry.now_s)
        return True
    try:
        content = content_of(entry)
    except (Refused, UnicodeDecodeError):
        return False
    if isinstance(content, pa.RecordBatch):
        log.write(engine_kind(entry.kind), content, entry.now_s)
    else:
        log.config(str(content), entry.now_s)
    return True
