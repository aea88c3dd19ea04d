"""A second engine of a shard, which replays the journal as it grows and makes the outputs that the first one need not.

It decides nothing and tells the writer nothing: whatever becomes of it, the node goes on, and any row can be made
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Condition
from typing import Final, NamedTuple

import pyarrow as pa

from fastcore import Config, ConfigError, Engine, SchemaError
from fastcore.effects import Effects
from fastcore.errors import FeikongError
from fastcore.schemas import OUTPUTS
from pipeline.feed.ring import Ring
from pipeline.journal import JournalDamaged
from pipeline.journal.follow import Following
from pipeline.journal.scan import Frame
from pipeline.node.entries import Entry, EntryError, decode, is_batch
from pipeline.node.state import content_of
from pipeline.outputs.checkpoints import Checkpoint, Checkpoints
from pipeline.outputs.cuts import Cutter
from pipeline.outputs.dataset import DataSet
from pipeline.outputs.outside import Outside
from pipeline.wire import Kind, Refused, engine_kind

__all__ = ["ALL", "Follower", "Parts"]

ALL: Final = tuple(OUTPUTS)
"""A follower's engine makes every output: which of them are written may change, what a checkpoint holds may not."""


class Parts(NamedTuple):
    """What a follower works with; `engine` is None before the first configuration."""

    journal: Following
    engine: Engine | None
    cutter: Cutter
    data_set: DataSet
    checkpoints: Checkpoints
    outside: Outside
    rings: dict[str, Ring]
    entries_taken: int = 0


class Follower:
    """Follows one shard. One thread calls `turn`; others may read, holding `changed`.

    Attributes:
        changed: held while the engine and the rows change, notified afterwards.
        engine: None before the first configuration.
        rings: the newest rows of each output that is written.
        checkpoint_due: whether a checkpoint is to be made at the next cut.
        ids: the type of ids, None as long as no registry has come.
    """

    def __init__(self, parts: Parts) -> None:
        self.changed = Condition()
        self.engine = parts.engine
        self.rings = parts.rings
        self.cutter = parts.cutter
        self.data_set = parts.data_set
        self.checkpoint_due = False
        self.ids: pa.DataType | None = None
        self._journal = parts.journal
        self._checkpoints = parts.checkpoints
        self._outside = parts.outside
        self._skipped = parts.entries_taken
        self._before = parts.journal.mark
        self._entries: Iterator[Entry] | None = None
        self._taken = 0
        self._balances: list[pa.Table | None] = []
        for ring in self.rings.values():
            ring.oldest = self.seq + 1
        if self.engine is not None:
            self.cutter.begin(self.engine.config.engine.timezone, self.engine.now_s)
        self._learn()

    @property
    def seq(self) -> int:
        """The engine's last batch."""
        return self.engine.sequence if self.engine is not None else 0

    @property
    def frame(self) -> int:
        """The last frame that was taken whole."""
        return self._before.number if self._before is not None else 0

    @property
    def sealed(self) -> int:
        """Files hold all rows up to this batch."""
        return max(self.cutter.sealed_seq, self.data_set.cursor.seq)

    def turn(self, until: int) -> bool:
        """Take one frame, if there is one up to `until`, which is durable; whether there was one.

        Raises what the journal and the data set raise. What failed is done again by the next call.
        """
        self._write()
        if self._entries is None:
            if self._before is None and self._journal.find():
                self._before = self._journal.mark
            frame = next(self._journal.frames(until), None)
            if frame is None:
                return False
            self._entries = self._decoded(frame)
        for entry in self._entries:
            self._taken += 1
            self._take(entry)
            self._write()
            self._keep()
        with self.changed:
            self._entries, self._before, self._taken = None, self._journal.mark, 0
        return True

    def _keep(self) -> None:
        """Make a checkpoint, if one is due and a cut stands behind the newest batch."""
        if self.checkpoint_due and self.engine is not None and self.cutter.clean and self.ids is not None:
            assert self._before is not None
            place = Checkpoint(self._before.number, self._before.chain, self._taken, self.seq)
            self._checkpoints.save(place, self.engine)
            self.checkpoint_due = False

    def _decoded(self, frame: Frame) -> Iterator[Entry]:
        """The entries of a frame that are not taken yet."""
        try:
            entries = [*decode(frame.buffers)]
        except EntryError as error:
            raise JournalDamaged(
                f"frame {frame.number} is whole, and not of this version: {error}. Start the version of feikong that "
                "wrote it"
            ) from None
        skipped, self._skipped = self._skipped, 0
        self._taken = skipped
        return iter(entries[skipped:])

    def _take(self, entry: Entry) -> None:
        """Give a batch to the engine, and its rows to the cutter and the rings; of one that is refused, nothing."""
        if not is_batch(entry):
            return
        with self.changed:
            ending = self._ending(entry)
            effects = self._applied(entry)
            if effects is None:
                return
            assert self.engine is not None
            assert self.engine.now_s is not None
            self._learn()
            rows = {name: self._outside.batch(name, batch) for name, batch in effects if batch.num_rows}
            due = len(self.cutter.due)
            self.cutter.take(self.seq, self.engine.now_s, _Rows(rows), self.ids is not None)
            for cut in list(self.cutter.due)[due:]:
                self._balances.append(ending if cut.day_ends else None)
            for name, ring in self.rings.items():
                if name in rows:
                    ring.add(self.seq, rows[name])
            self.changed.notify_all()

    def _applied(self, entry: Entry) -> Effects | None:
        try:
            content = content_of(entry)
            if self.engine is not None:
                return self.engine.apply(engine_kind(entry.kind), content, entry.now_s)
            if entry.kind is not Kind.CONFIG:
                raise FeikongError(f"the journal begins with {entry.kind.name}; expected the configuration")
            self.engine = Engine(Config.from_toml(str(content)), ALL)
            self.cutter.begin(self.engine.config.engine.timezone, self.engine.now_s)
        except (SchemaError, ConfigError, Refused):
            return None
        return None

    def _ending(self, entry: Entry) -> pa.Table | None:
        """The accounts as they stand, where this batch may begin another day."""
        if self.engine is None or self.cutter.day is None or self.ids is None:
            return None
        if self.cutter.day_at(max(entry.now_s, self.engine.now_s or entry.now_s)) == self.cutter.day:
            return None
        return self._outside.table("accounts", self.engine.accounts())

    def _learn(self) -> None:
        """See of what type ids are, once known: an engine that holds nobody says uint64, and may yet take utf8."""
        if self.ids is None and self.engine is not None and (districts := self.engine.districts()).num_rows:
            self.ids = districts.schema.field("district_id").type

    def _write(self) -> None:
        """Write the cuts that are due."""
        while self.cutter.due:
            self.data_set.write(self.cutter.due[0], self.ids or pa.string(), self._balances[0])
            with self.changed:
                self.cutter.sealed()
                self._balances.pop(0)
                self.changed.notify_all()


class _Rows(dict[str, pa.RecordBatch]):
    """The rows of a batch by output; of an output without any, none."""

    def __missing__(self, name: str) -> pa.RecordBatch:
        return _NOTHING


_NOTHING: Final = pa.RecordBatch.from_arrays([], names=[])
