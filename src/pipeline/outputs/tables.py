"""What the process of the outputs shows of itself, to whoever serves it: state tables, and rows as they come.

A row of an output is *sealed* once a file of the data set holds it. To have every row once, ask for the tail first,
then list the files, and of their rows take those whose `seq` is not above the tail's `sealed` of their shard: what is
sealed in between is in both::

    tail = tables.tail("ledger")
    rows = files where seq <= tail.sealed[shard], and tail.rows

Outputs and state tables have one column more than the engine's, the last: `shard`. Ids of commands, findings and orders
are those that everybody outside sees (`pipeline.outputs.outside`). Every method may be called from any thread, and
returns what is the caller's.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

import pyarrow as pa

from fastcore.errors import FeikongError
from fastcore.schemas import OUTPUTS, STATES
from pipeline.node.layout import Layout
from pipeline.wire.outputs import Cursor

__all__ = [
    "SHARD",
    "CursorGone",
    "Position",
    "Stretch",
    "Tables",
    "Tail",
    "output_schema",
    "state_schema",
]

SHARD: Final = pa.field("shard", pa.uint8(), nullable=False)


class CursorGone(FeikongError):
    """A cursor that is older than what is kept, or beyond what there is: which one, and what there is."""


class Position(NamedTuple):
    """How far a shard is followed.

    Attributes:
        frame: the last frame of the journal that is taken.
        seq: the engine's last batch.
        now_s: the engine's time, None before the first batch.
        sealed: the batch up to which files hold all rows.
        oldest: the batch from which on `Tables.after` has rows.
    """

    frame: int
    seq: int
    now_s: int | None
    sealed: int
    oldest: int


class Tail(NamedTuple):
    """Rows of an output that no file holds yet, and by shard the batch up to which files hold all."""

    rows: pa.Table
    sealed: dict[int, int]


class Stretch(NamedTuple):
    """Rows of one shard that follow one another, with one schema, None where there are none; the cursor behind them."""

    rows: pa.RecordBatch | None
    end: Cursor


class Tables(Protocol):
    """The outputs and the state of a node's shards, as far as they are followed."""

    @property
    def layout(self) -> Layout:
        """How many shards there are, in which generation."""

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs that are written; some of `fastcore.schemas.OUTPUTS`."""

    @property
    def states(self) -> tuple[str, ...]:
        """The state tables: those of `fastcore.schemas.STATES`."""

    def schema(self, name: str) -> pa.Schema:
        """The schema of an output as `tail` and `after` give it now; raises `KeyError` for one that is not written.

        Before the first registry batch the type of ids is not known, and told as utf8.
        """

    def state_schema(self, name: str) -> pa.Schema:
        """The schema of a state table; raises `KeyError`."""

    def positions(self) -> dict[int, Position]:
        """How far each shard is followed."""

    def state(self, name: str) -> pa.Table:
        """A state table as of now, shard by shard; raises `KeyError`."""

    def tail(self, name: str) -> Tail:
        """What no file holds yet; raises `KeyError`."""

    def after(self, name: str, shard: int, start: Cursor, most_bytes: int) -> Stretch:
        """Rows of a shard from a cursor on, sealed or not, as far as they are in memory; about so many bytes at most.

        A cursor is (seq, row), row counting the output's rows of that batch from 0. `NEWEST` begins with what comes
        next, `OLDEST` with what is kept. Raises `KeyError`, `CursorGone`.
        """

    def wait(self, shard: int, seq: int, timeout_s: float) -> bool:
        """Wait until a shard's engine is beyond batch `seq`, at most so long; whether it is."""


def output_schema(name: str, ids: pa.DataType) -> pa.Schema:
    """The schema of an output, for the type of ids; raises `KeyError`."""
    return OUTPUTS[name](ids).append(SHARD)


def state_schema(name: str, ids: pa.DataType) -> pa.Schema:
    """The schema of a state table, for the type of ids; raises `KeyError`."""
    return STATES[name](ids).append(SHARD)
