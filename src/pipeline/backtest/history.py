"""What has been: the batches of a batch log, or of a shard's journal, in the order in which an engine took them.

A journal that still has its first frame begins there. One that was cut back begins at the oldest verified snapshot that
lies before what is left of it: an engine can be made of that as often as is asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from fastcore import Engine
from pipeline.batchlog import INDEX, BatchLog, Broken
from pipeline.errors import LogError
from pipeline.journal import Disk, RealDisk, read
from pipeline.node.entries import decode, is_batch
from pipeline.node.layout import Places, read_layout
from pipeline.node.snapshots import Snapshots
from pipeline.node.state import content_of
from pipeline.wire import Refused, engine_kind

__all__ = ["Batch", "History", "JournalHistory", "LogHistory", "open_histories"]

LAYOUT = "layout.json"


class Batch(NamedTuple):
    """What an engine is given; `now_s` is None for a log's first line alone.

    `line` is where it stands: the log's line, or the journal's frame; 0 for what is of no history.
    """

    kind: str
    now_s: int | None
    content: pa.Table | pa.RecordBatch | str | None
    line: int = 0


class History(ABC):
    """Batches, in order; iterating it again reads it again.

    Attributes:
        name: what a person calls it.
        batches: how many there are, None where that is not known beforehand.
    """

    name: str
    batches: int | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[Batch | Broken]:
        """Each batch, or what is wrong with it."""

    def start(self, outputs: Collection[str]) -> Engine | None:
        """A new engine in the state that the history begins with; None: its first batch makes it."""
        return None


class LogHistory(History):
    """A batch log."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._log = BatchLog.open(path)
        self.batches = len(self._log)

    def __iter__(self) -> Iterator[Batch | Broken]:
        """Each batch, or what is wrong with it."""
        for entry in self._log:
            yield (
                entry
                if isinstance(entry, Broken)
                else Batch(entry.kind, entry.now_s, entry.batch, entry.line)
            )


class JournalHistory(History):
    """A shard's journal, with its snapshots; takes no lock.

    Raises `LogError` where the journal was cut back and no verified snapshot lies before what is left.
    """

    def __init__(self, journal: Disk, snapshots: Disk | None) -> None:
        self.name = str(journal.where)
        self._journal = journal
        self._snapshots = None if snapshots is None else Snapshots(snapshots)
        first = next((frame.number for frame in read(journal)), None)
        if first is None:
            raise LogError(
                f"journal {self.name}: holds no frame; expected the journal of a node that has run"
            )
        self._snapshot = None if first == 1 else self._before(first)

    def __iter__(self) -> Iterator[Batch | Broken]:
        """Each batch, or what is wrong with it."""
        start = None if self._snapshot is None else self._shelf.outline(self._snapshot).mark
        for frame in read(self._journal, start):
            for entry in decode(frame.buffers):
                if not is_batch(entry):
                    continue
                kind = engine_kind(entry.kind)
                try:
                    yield Batch(kind, entry.now_s, content_of(entry), frame.number)
                except (Refused, UnicodeDecodeError) as error:
                    yield Broken(frame.number, kind, str(error))

    def start(self, outputs: Collection[str]) -> Engine | None:
        """A new engine of the snapshot; None where the journal has its first frame."""
        return None if self._snapshot is None else self._shelf.load(self._snapshot, outputs).engine

    @property
    def _shelf(self) -> Snapshots:
        assert self._snapshots is not None
        return self._snapshots

    def _before(self, first: int) -> int:
        for number in reversed(self._snapshots.verified()) if self._snapshots else ():
            if number >= first - 1:
                return number
        raise LogError(
            f"journal {self.name}: begins with frame {first}, and no verified snapshot lies before it; expected the "
            "data directory of a node, with its snapshots"
        )


def open_histories(path: Path, shard: int | None = None) -> list[History]:
    """The histories in a folder: of a batch log, of a journal, or of each shard of a node's data directory.

    Raises `LogError`, `LayoutError`, `JournalDamaged` and `OSError`.
    """
    if (path / LAYOUT).is_file():
        shards = range(read_layout(RealDisk(path)).shards)
        if shard is not None and shard not in shards:
            raise LogError(f"{path}: has the shards 0 to {len(shards) - 1}; there is no shard {shard}")
        return [_of_shard(Places(path, each)) for each in (shards if shard is None else [shard])]
    if shard is not None:
        raise LogError(
            f"{path}: is no data directory of a node, and has no shards; expected none to be chosen"
        )
    if (path / INDEX).is_file() or not any(path.glob("*.journal")):
        return [LogHistory(path)]
    shelf = path.parent / "snapshots"
    return [JournalHistory(RealDisk(path), RealDisk(shelf) if shelf.is_dir() else None)]


def _of_shard(places: Places) -> JournalHistory:
    if not places.journal.is_dir():
        raise LogError(f"{places.journal}: does not exist; expected the journal of a node that has run")
    shelf = RealDisk(places.snapshots) if places.snapshots.is_dir() else None
    return JournalHistory(RealDisk(places.journal), shelf)
