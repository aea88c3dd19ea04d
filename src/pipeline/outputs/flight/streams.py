"""The rows that a ticket asks for, made while they are sent: however slow a client is, nothing is gathered for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from threading import BoundedSemaphore
from typing import Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import flight

from pipeline.clock import Clock
from pipeline.outputs.flight.kept import Kept
from pipeline.outputs.flight.sealed import BATCH_ROWS, Sealed, Whole
from pipeline.outputs.flight.tickets import Ask, refusal
from pipeline.outputs.flight.wanted import Wanted
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.tables import CursorGone, Tables
from pipeline.wire.outputs import Cursor

__all__ = ["Limits", "Moment", "Streams"]

READ_BYTES: Final = 1 << 20
WAIT_S: Final = 0.25
TELL_S: Final = 1.0
"""So often is a client told how far its shard is, when no row comes for it."""

Sent = Iterator[tuple[pa.RecordBatch, bytes]]


class Moment(msgspec.Struct, frozen=True):
    """Of which moment a shard's rows are: its last batch, the engine's time then, and the last batch in files."""

    seq: int
    now_s: int | None
    sealed: int


class Limits(NamedTuple):
    """How much is done at once for those who come through one door.

    Attributes:
        streams: that run.
        tables: of these, those that hold a table in memory: a state, or what no file holds.
    """

    streams: BoundedSemaphore
    tables: BoundedSemaphore


class Streams:
    """Makes streams; each runs in a thread of whoever takes from it. `ending` says that all should end."""

    def __init__(
        self,
        tables: Tables,
        places: OutputPlaces,
        dropped: Collection[str],
        clock: Clock,
        ending: Callable[[], bool],
    ) -> None:
        self._tables = tables
        self._places = places
        self._dropped = dropped
        self._clock = clock
        self._ending = ending

    def wanted(self, ask: Ask) -> Wanted:
        """What an `Ask` wants, as far as there is such a table; raises `FlightServerError`."""
        states, outputs = self._tables.states, self._tables.names
        known = states if ask.kind == "state" else outputs
        if ask.name not in known:
            what = "state table" if ask.kind == "state" else "output"
            raise refusal(f"{ask.name!r} is no {what} of this node; expected one of {', '.join(known)}")
        schema = (self._tables.state_schema if ask.kind == "state" else self._tables.schema)(ask.name)
        if ask.kind == "follow" and ask.shard >= self._tables.layout.shards:
            raise refusal(f"there is no shard {ask.shard}; expected 0 to {self._tables.layout.shards - 1}")
        return Wanted(ask, schema)

    def run(self, ask: Ask, wanted: Wanted, limits: Limits, allowed: Callable[[], bool]) -> Sent:
        """The rows; ends by an error if the client is not `allowed` to have them any more."""
        make = {"output": self._output, "state": self._state, "tail": self._tail, "follow": self._follow}
        with ExitStack() as held:
            _hold(held, limits.streams)
            if ask.kind in ("state", "tail", "output"):
                _hold(held, limits.tables)
            for each in make[ask.kind](ask, wanted):
                if self._ending():
                    raise flight.FlightUnavailableError("the node's outputs end; try again")
                if not allowed():
                    raise flight.FlightUnauthenticatedError("the token was revoked")
                yield each

    def _state(self, ask: Ask, wanted: Wanted) -> Sent:
        said = self._moments()
        yield from _batches(wanted.of(self._tables.state(ask.name)), said)

    def _tail(self, ask: Ask, wanted: Wanted) -> Sent:
        moments = self._tables.positions()
        tail = self._tables.tail(ask.name)
        said = {
            shard: Moment(moments[shard].seq, moments[shard].now_s, sealed)
            for shard, sealed in tail.sealed.items()
            if shard in moments
        }
        yield from _batches(wanted.of(tail.rows), msgspec.json.encode(said))

    def _output(self, ask: Ask, wanted: Wanted) -> Sent:
        """First the tail, so that what is cut meanwhile is not missing; see `pipeline.outputs.tables`."""
        rows, sealed = self._tables.tail(ask.name)
        rows = wanted.of(rows)
        for each in Sealed(self._places, ask.name).rows(wanted, sealed):
            yield from _batches(wanted.select(each))
        yield from _batches(rows)

    def _follow(self, ask: Ask, wanted: Wanted) -> Sent:
        shard, seq = ask.shard, self._first(ask)
        told_s = float("-inf")
        while True:
            moved = False
            for whole in self._next(ask, wanted, seq):
                moved = moved or whole.next_seq != seq
                seq = whole.next_seq
                if whole.rows.num_rows:
                    told_s = self._clock.monotonic_s()
                    yield _message(wanted.select(whole.rows), seq)
            now_s = self._clock.monotonic_s()
            if now_s >= told_s + TELL_S:
                told_s = now_s
                yield _message(wanted.schema.empty_table(), seq)
            if self._ending():
                raise flight.FlightUnavailableError("the node's outputs end; try again")
            if not moved:
                self._tables.wait(shard, seq - 1, WAIT_S)

    def _first(self, ask: Ask) -> int:
        """The batch with which to begin."""
        at = self._tables.positions().get(ask.shard)
        if at is None:
            raise flight.FlightUnavailableError(f"shard {ask.shard} is not followed yet; try again")
        if ask.seq is None:
            return at.seq + 1
        if ask.seq > at.seq + 1:
            raise refusal(
                f"{ask.name} of shard {ask.shard} is there up to batch {at.seq}; asked for from batch {ask.seq}",
                b"cursor",
            )
        return ask.seq or self._kept(ask).first

    def _kept(self, ask: Ask) -> Kept:
        return Kept(self._places, ask.name, ask.shard, self._dropped)

    def _next(self, ask: Ask, wanted: Wanted, seq: int) -> Iterator[Whole]:
        """What there is from a batch on: of memory, or of files where it is not there any more."""
        try:
            yield self._of_memory(ask, wanted, seq)
            return
        except CursorGone:
            at = self._tables.positions().get(ask.shard)
        if at is None:
            raise flight.FlightUnavailableError(f"shard {ask.shard} is not followed now; try again")
        if seq > at.sealed:
            return  # neither in files nor in memory: the next cut brings it
        last = self._kept(ask).until(seq, at.sealed)
        yield from Sealed(self._places, ask.name).after(wanted, ask.shard, seq, last)
        yield Whole(wanted.schema.empty_table(), last + 1)

    def _of_memory(self, ask: Ask, wanted: Wanted, seq: int) -> Whole:
        """Whole batches from memory: as many as `READ_BYTES` has room for, and at least one."""
        most_bytes = READ_BYTES
        while True:
            rows, end = self._tables.after(ask.name, ask.shard, Cursor(seq), most_bytes)
            if end.row and end.seq == seq:
                most_bytes *= 2
                continue
            if rows is None:
                return Whole(wanted.schema.empty_table(), end.seq)
            whole = int(np.searchsorted(rows["seq"].to_numpy(), end.seq))
            return Whole(wanted.of(pa.Table.from_batches([rows.slice(0, whole)])), end.seq)

    def _moments(self) -> bytes:
        return msgspec.json.encode(
            {shard: Moment(at.seq, at.now_s, at.sealed) for shard, at in self._tables.positions().items()}
        )


def _hold(held: ExitStack, limit: BoundedSemaphore) -> None:
    if not limit.acquire(blocking=False):
        raise flight.FlightUnavailableError("too many ask at once; try again")
    held.callback(limit.release)


def _batches(rows: pa.Table, said: bytes | None = None) -> Sent:
    """Messages of at most `BATCH_ROWS` rows; the first says what is to be said, so there is one."""
    batches = rows.to_batches(max_chunksize=BATCH_ROWS)
    if said is not None:
        first = batches.pop(0) if batches else rows.schema.empty_table().to_batches() or None
        if not isinstance(first, pa.RecordBatch):
            first = pa.RecordBatch.from_pylist([], schema=rows.schema)
        yield first, said
    for batch in batches:
        yield batch, b""


def _message(rows: pa.Table, seq: int) -> tuple[pa.RecordBatch, bytes]:
    """Whole batches as one message, with the cursor behind them."""
    found = rows.combine_chunks().to_batches()
    batch = found[0] if found else pa.RecordBatch.from_pylist([], schema=rows.schema)
    return batch, msgspec.json.encode({"seq": seq})
