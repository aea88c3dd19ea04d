"""The state of a shard: a function of its journal. Entries in, in order; what each did comes out.

The writer applies what it has journaled, recovery what it reads: both here, by the same code. What is kept beside the
engine and the lines is who suspended trips, since the engine knows only that they are:

- an operator, by an update ``suspend_trips`` without a district, until an operator resumes them;
- the node itself, after a start (`Hold`), by the same update in a batch without a sender.

The engine's own alarms, ``mass_trip`` and ``clock_jump``, are findings that stay open until trips are resumed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from fastcore import Config, ConfigError, Engine, SchemaError
from fastcore.effects import Effects
from fastcore.errors import FeikongError
from pipeline.journal import Mark
from pipeline.node.entries import Entry, is_batch
from pipeline.node.lines import Lines
from pipeline.wire import Kind, Refused, engine_kind, read_batch, write_batch

__all__ = ["RESUME", "SUSPEND", "Outcome", "State", "content_of", "of_all_trips", "trips_update"]

SUSPEND: Final = "suspend_trips"
RESUME: Final = "resume_trips"
_ALARMS: Final = ("mass_trip", "clock_jump")


Content: TypeAlias = pa.RecordBatch | str | None


class Outcome(NamedTuple):
    """What an entry did: the engine's effects, or why it refused the batch whole; of other entries neither.

    `content` is what the engine was given. `resumed` says whether an operator resumed the trips of the whole engine.
    """

    effects: Effects | None = None
    refusal: str | None = None
    content: Content = None
    resumed: bool = False


class State:
    """The state of a shard.

    Attributes:
        engine: None before the first configuration.
        lines: where each producer stands.
        mark: behind the last frame that was applied whole.
        batches: that were given to the engine, taken or not.
        suspended_by_node: whether trips are suspended since a start of the node.
        suspended_by_operator: whether an operator suspended them.
    """

    def __init__(self, outputs: Collection[str] | None = None) -> None:
        self.outputs = outputs
        self.engine: Engine | None = None
        self.lines = Lines()
        self.mark = Mark(0, b"")
        self.batches = 0
        self.suspended_by_node = False
        self.suspended_by_operator = False

    @property
    def now_s(self) -> int | None:
        """The engine's time, None before the first batch that sets it."""
        return self.engine.now_s if self.engine else None

    @property
    def suspended(self) -> bool:
        """Whether anything but the node itself has suspended the trips of this shard."""
        alarms = self.engine.findings()["kind"].to_pylist() if self.engine else []
        return self.suspended_by_operator or any(kind in _ALARMS for kind in alarms)

    def apply(self, entry: Entry) -> Outcome:
        """Take an entry that is in the journal."""
        self.lines.record(entry)
        if not is_batch(entry):
            return Outcome()
        self.batches += 1
        try:
            content = content_of(entry)
            effects = self._run(entry, content)
        except (SchemaError, ConfigError, Refused) as error:
            self.lines.refuse(entry)
            return Outcome(refusal=str(error))
        if entry.kind is not Kind.UPDATES:
            return Outcome(effects, content=content)
        return Outcome(effects, content=content, resumed=self._note(entry, content))

    def _run(self, entry: Entry, content: Content) -> Effects | None:
        if self.engine is not None:
            return self.engine.apply(engine_kind(entry.kind), content, entry.now_s)
        if entry.kind is not Kind.CONFIG:
            raise FeikongError(f"the journal begins with {entry.kind.name}; expected the configuration")
        self.engine = Engine(Config.from_toml(str(content)), self.outputs)
        return None

    def _note(self, entry: Entry, updates: pa.RecordBatch) -> bool:
        """Keep who suspended the trips of the whole engine, by the last row that says so; whether one resumed them."""
        rows = updates.filter(of_all_trips(updates))
        if not rows.num_rows:
            return False
        suspended = rows["op"][-1].as_py() == SUSPEND
        if not entry.parts:
            self.suspended_by_node = suspended
        else:
            self.suspended_by_operator = suspended
            self.suspended_by_node = self.suspended_by_node and suspended
        return not suspended and bool(entry.parts)


def of_all_trips(updates: pa.RecordBatch) -> pa.BooleanArray:
    """Which rows of updates suspend or resume the trips of a whole engine."""
    return pc.and_(pc.is_in(updates["op"], pa.array([SUSPEND, RESUME])), pc.is_null(updates["text"]))


def trips_update(op: str, engine: Engine | None) -> bytes:
    """The body of a batch of UPDATES that suspends or resumes all trips of an engine, which may be about to be made."""
    whole = engine is None or pa.types.is_integer(engine.findings().schema.field("district_id").type)
    return write_batch(Kind.UPDATES, pa.record_batch({"op": pa.array([op])}), "uint64" if whole else "utf8")


def content_of(entry: Entry) -> Content:
    """What the engine is given: the same for the writer, for recovery and for an export."""
    if entry.kind is Kind.TICK:
        return None
    if entry.kind is Kind.CONFIG:
        return bytes(entry.body).decode("utf8")
    return read_batch(entry.kind, entry.body, entry.rows)
