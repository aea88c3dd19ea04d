"""A shard without its sockets: what a node journals and applies, in this process, for what a start does with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from benchmarks.answers import expect
from benchmarks.present import config
from pipeline.closing import Closing
from pipeline.journal import RealDisk
from pipeline.node.entries import Entry, encode
from pipeline.node.recovery import Recovered, recover
from pipeline.node.snapshots import Snapshots
from pipeline.wire import Kind, write_batch

__all__ = ["Shard", "entry"]


def entry(kind: str, batch: pa.RecordBatch, now_s: int) -> Entry:
    """A batch as an entry of the journal; of no producer, so that no line has to know it."""
    wire_kind = Kind[kind.upper()]
    return Entry(wire_kind, (), now_s, batch.num_rows, body=write_batch(wire_kind, batch, "uint64"))


class Shard(Closing):
    """A journal and snapshots in a folder, and their state; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.journal = RealDisk(folder / "journal")
        self.snapshots = Snapshots(RealDisk(folder / "snapshots"))
        self.now: Recovered = self.recover()

    def begin(self, now_s: int) -> None:
        """Journal and apply the configuration."""
        self._commit(Entry(Kind.CONFIG, now_s=now_s, body=config().encode()))

    def take(self, batches: Iterable[tuple[str, pa.RecordBatch]], now_s: int) -> None:
        """Journal and apply batches, a frame each."""
        for kind, batch in batches:
            self._commit(entry(kind, batch, now_s))

    def snapshot(self) -> str:
        """Have a snapshot of the state as it is, which counts; the name of its file."""
        number = self.snapshots.write(self.now.state)
        self.snapshots.count(number)
        return f"snapshot-{number:012d}.engine"

    def recover(self) -> Recovered:
        """What a start does."""
        return recover(self.journal, self.snapshots, new_id=bytes(16))

    def close(self) -> None:
        """Let the journal go."""
        self.now.journal.close()

    def _commit(self, one: Entry) -> None:
        state, journal = self.now.state, self.now.journal
        journal.commit(encode([one]), now_s=one.now_s, first_batch=state.batches, batches=1)
        outcome = state.apply(one)
        expect("a batch refused by the engine", outcome.refusal, None)
        state.mark = journal.durable
