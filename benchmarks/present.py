"""The county in the present: its quarter-hours from now on, as messages for a node and as batches for a core.

A node's time is the clock's, or later where an operator says so: the county's first quarter-hour is the newest one that
is over, and each sweep is one more, so a run that takes minutes goes on for days.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from xxhash import xxh3_128_digest

from benchmarks.answers import expect
from benchmarks.county import START_S, County
from benchmarks.sweeps import LATENCY_S, instants, read_batches
from benchmarks.tariffs import CELL_S, CONFIG
from pipeline.wire import Forms, Header, Kind, pack, write_batch

__all__ = ["Body", "Present", "config", "newest_quarter_s"]

LATENESS: Final = '"6h"'
"""How long windows stay open: a round may be some hours of reads, and time moves between rounds only."""


class Body(NamedTuple):
    """The body of a message of reads, and its digest."""

    rows: int
    data: memoryview
    digest: bytes


def newest_quarter_s() -> int:
    """The newest quarter-hour that is over."""
    return int(time.time()) // CELL_S * CELL_S


def config() -> str:
    """The configuration of the benchmarks' county, with prices for these years."""
    year = datetime.now(UTC).year
    text = CONFIG.replace(
        "{ from = 2026-01-01, to = 2028-01-01 }", f"{{ from = {year}-01-01, to = {year + 2}-01-01 }}"
    )
    text = text.replace("2026-01-01", f"{year}-01-01")
    return text.replace("mass_trip_fraction", f"allowed_lateness = {LATENESS}\nmass_trip_fraction")


class Present:
    """The reads of a county of `meters`, from sweep 0 at `start_s` on.

    They are the same for the same arguments, in any process.
    """

    def __init__(self, meters: int, start_s: int) -> None:
        self.county = County(meters)
        self.sweeps = 0
        self._start_s = start_s
        self._shapes: dict[int, _Shape] = {}

    @property
    def now_s(self) -> int:
        """When the newest sweep has reached the engine."""
        return self._start_s + (self.sweeps - 1) * CELL_S + LATENCY_S

    def batches(self, sweeps: int) -> list[pa.RecordBatch]:
        """The next sweeps, in batches of 65,536 reads."""
        out = []
        for _ in range(sweeps):
            ids, at_s, values = self._next()
            out += read_batches(pa.array(ids), at_s, values)
        return out

    def bodies(self, sweeps: int, rows: int, senders: int) -> list[list[Body]]:
        """The next sweeps as messages of so many reads, by sender; each meter's reads come from one sender."""
        out: list[list[Body]] = [[] for _ in range(senders)]
        for _ in range(sweeps):
            ids, at_s, values = self._next()
            share = -(-len(ids) // (rows * senders)) * rows
            for sender, mine in enumerate(out):
                part = slice(sender * share, (sender + 1) * share)
                mine += self._messages(ids[part], at_s[part], values[part], rows)
        return out

    def _next(self) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
        sweep = self.county.sweep(self.sweeps)
        self.sweeps += 1
        at_s = np.full(sweep.reads, sweep.at_s - START_S + self._start_s)
        return self.county.meter_ids[sweep.rows], at_s, sweep.values

    def _messages(
        self, ids: NDArray[np.uint64], at_s: NDArray[np.int64], values: NDArray[np.int64], rows: int
    ) -> list[Body]:
        out: list[Body] = []
        whole = len(ids) // rows * rows
        for part, each in ((slice(0, whole), rows), (slice(whole, None), len(ids) - whole)):
            if len(ids[part]):
                shape = self._shapes.setdefault(each, _Shape(each))
                out += shape.bodies(ids[part], at_s[part], values[part])
        return out


class _Shape:
    """How a body of so many reads lies: made by Arrow once, and filled for each message after that."""

    def __init__(self, rows: int) -> None:
        none = np.zeros(rows, np.int64)
        columns = [
            pa.array(none.astype(np.uint64)),
            instants(none),
            pa.array(none),
            pa.array(none.astype(np.uint16)),
        ]
        batch = pa.RecordBatch.from_arrays(columns, ["meter_id", "at", "value", "status"])
        data = write_batch(Kind.READS, batch)
        form = Forms().read(Header.unpack(pack(Kind.READS, bytes(32), data, rows=rows)), data)
        if isinstance(form, pa.RecordBatch):
            raise TypeError("reads with ids of uint64 have a form")
        self._rows = rows
        self._columns: Sequence[slice] = form.columns
        self._template = np.frombuffer(data, np.uint8)

    def bodies(
        self, ids: NDArray[np.uint64], at_s: NDArray[np.int64], values: NDArray[np.int64]
    ) -> list[Body]:
        count = len(ids) // self._rows
        data = np.empty((count, len(self._template)), np.uint8)
        data[:] = self._template
        for place, column in zip(self._columns, (ids, at_s, values), strict=False):
            data[:, place] = np.ascontiguousarray(column).view(np.uint8).reshape(count, -1)
        bodies = [row.data for row in data]
        expect("bytes of a message", len(bodies[0]), len(self._template))
        return [Body(self._rows, body, xxh3_128_digest(body)) for body in bodies]
