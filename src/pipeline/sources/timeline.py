"""Reads and payments in order of time, cut into batches, each with its own `now`.

A batch holds the rows of one interval, or of one local day, `(start, end]` as an interval has it; payments
stand before the reads of the same stretch, as a customer who has paid would have it. Its `now` is the newest
instant in it and `delay_s`, and never less than the one before. Rows of one instant keep the order of their
files. Where data pause for longer than an engine's clock may jump, ticks stand between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fastcore.localtime import eras, midnights

__all__ = ["Batch", "Cut", "batches", "day_edges", "instants", "ticks"]

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of the log: `rows` is None for a tick."""

    kind: str
    now_s: int
    rows: pa.Table | None


@dataclass(frozen=True, slots=True)
class Cut:
    """How rows are cut: at `edges` (sorted, each the end of a stretch), into batches of at most `rows_max`.

    `delay_s` is how long after the newest instant in it a batch arrives; `step_s` the most that time may move
    at once.
    """

    edges: Int64s
    rows_max: int
    delay_s: int
    step_s: int


def instants(table: pa.Table) -> Int64s:
    """The column `at` in seconds since the epoch."""
    at_s: Int64s = table["at"].cast(pa.int64()).to_numpy()
    return at_s


def day_edges(timezone: str, first_s: int, last_s: int) -> Int64s:
    """The first instants of the local days, from before `first_s` to after `last_s`."""
    first, last = (datetime.fromtimestamp(at_s, UTC).date() for at_s in (first_s, last_s))
    first, last = first - timedelta(days=2), last + timedelta(days=2)
    edges: Int64s = midnights(eras(timezone, first, last), first, last)[1]
    return edges


def batches(start_s: int, reads: pa.Table, payments: pa.Table, cut: Cut) -> Iterator[Batch]:
    """The batches of both tables in order, from the engine's time `start_s` on."""
    now_s = start_s
    streams = [(kind, _sorted(table)) for kind, table in (("payments", payments), ("reads", reads))]
    ends = {kind: np.searchsorted(instants(table), cut.edges, side="right") for kind, table in streams}
    done = dict.fromkeys(ends, 0)
    for stretch in range(len(cut.edges)):
        for kind, table in streams:
            end = int(ends[kind][stretch])
            for start in range(done[kind], end, cut.rows_max):
                rows = table.slice(start, min(cut.rows_max, end - start))
                then_s = max(now_s, int(instants(rows)[-1]) + cut.delay_s)
                yield from ticks(now_s, then_s, cut.step_s)
                now_s = then_s
                yield Batch(kind, now_s, rows)
            done[kind] = end


def ticks(now_s: int, then_s: int, step_s: int) -> Iterator[Batch]:
    """Ticks between `now_s` and `then_s`, such that time never moves by more than `step_s`."""
    for at_s in range(now_s + step_s, then_s, step_s):
        yield Batch("tick", at_s, None)


def _sorted(table: pa.Table) -> pa.Table:
    order = np.argsort(instants(table), kind="stable")
    if np.array_equal(order, np.arange(len(order))):
        return table
    return table.take(pa.array(order))
