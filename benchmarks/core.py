"""The core as a contestant: an engine over a county, fed, and held to the county's own answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.answers import combined, expect, expect_columns, fingerprint, integers
from benchmarks.contest import Reads
from benchmarks.county import START_S, County
from benchmarks.sweeps import BATCH_ROWS, Sweep
from benchmarks.tariffs import CELL_S, CONFIG
from fastcore import Config, Engine

__all__ = ["Core"]

FIRST = 1  # the bit of a baseline's quality


class Core:
    """An engine with all outputs, over the registry of `county`, which has taken the baseline, sweep 0."""

    def __init__(self, county: County, name: str = "core") -> None:
        self.county = county
        self.name = name
        self.engine = Engine(Config.from_toml(CONFIG))
        for kind, batch in county.registry():
            self.engine.apply(kind, batch, START_S)
        self.check(county.sweep(0))

    def take(self, reads: Reads) -> None:
        """Take reads, and let go of what comes out batch by batch, as one does who has passed it on."""
        apply, now_s = self.engine.apply, reads.now_s
        for batch in reads.batches:
            apply("reads", batch, now_s)

    def check(self, sweep: Sweep) -> str:
        """Take a whole sweep and hold every row to the county's answer, none left out; the hash of what came."""
        hashes = []
        for index, batch in enumerate(sweep.batches):
            effects = self.engine.apply("reads", batch, sweep.now_s)
            where = f", sweep {sweep.number}, batch {index}"
            expect(f"{self.name}{where}: rows of exceptions", effects.exceptions.num_rows, 0)
            found = self._columns(effects.intervals, batch, where)
            first = index * BATCH_ROWS
            expected = self._expected(sweep, slice(first, first + batch.num_rows))
            expect_columns(self.name, found, expected, where)
            hashes.append(fingerprint({name: column for name, column in found.items() if name != "seq"}))
        return combined(hashes)

    def check_state(self) -> None:
        """Hold every register and balance to the county's, and audit the books."""
        self.engine.audit()
        county = self.county
        meters = self.engine.meters()
        expect(f"{self.name}: meters", meters.num_rows, county.meters)
        expect_columns(
            self.name, {"last_value": integers(meters["last_value"])}, {"last_value": county.value}, ", state"
        )
        del meters
        found = {"balance": integers(self.engine.accounts()["balance"])}
        expect_columns(self.name, found, {"balance": county.balance_nano[county.consumer]}, ", state")

    def _columns(
        self, intervals: pa.RecordBatch, batch: pa.RecordBatch, where: str
    ) -> dict[str, NDArray[Any]]:
        """The columns to compare. Ids of text are compared as text, and hashed as the numbers they are."""
        ids = intervals.column("meter_id")
        if not ids.equals(batch.column("meter_id")):
            _refuse_ids(self.name, ids, batch.column("meter_id"), where)
        names = ("seq", "row", "start", "end", "energy", "quality", "charge", "balance")
        found = {name: integers(intervals.column(name)) for name in names}
        for name in ("meter_id", "account_id", "district_id"):
            column = intervals.column(name)
            found[name] = integers(column.cast(pa.uint64()) if pa.types.is_string(column.type) else column)
        return found

    def _expected(self, sweep: Sweep, part: slice) -> dict[str, NDArray[Any]]:
        rows = sweep.rows[part].astype(np.int64)
        n, consumer = len(rows), self.county.consumer[rows]
        baseline = sweep.number == 0
        return {
            "seq": np.full(n, self.engine.sequence, np.uint64),
            "row": np.arange(n, dtype=np.uint32),
            "meter_id": self.county.meter_ids[rows],
            "account_id": np.where(consumer, self.county.account_ids(rows), np.uint64(0)),
            "district_id": self.county.district_ids(rows),
            "start": np.full(n, sweep.at_s - (0 if baseline else CELL_S)),
            "end": np.full(n, sweep.at_s),
            "energy": sweep.energy_wh[part],
            "quality": np.full(n, FIRST if baseline else 0, np.uint16),
            "charge": sweep.charge_nano[part],
            "balance": np.where(consumer, sweep.balance_nano[part], 0),
        }


def _refuse_ids(who: str, found: pa.Array, expected: pa.Array, where: str) -> None:
    """Raise `WrongAnswer` for the first row in which two columns of ids differ."""
    as_texts = (np.array(column.cast(pa.string()).to_pylist(), object) for column in (found, expected))
    texts, right = as_texts
    expect_columns(who, {"meter_id": texts}, {"meter_id": right}, where)
