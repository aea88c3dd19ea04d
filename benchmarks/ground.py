"""The floor as a contestant, over the same county and held to the same answers."""

from __future__ import annotations

import numpy as np

from benchmarks.answers import combined, expect, expect_columns, fingerprint
from benchmarks.contest import Reads
from benchmarks.county import START_S, WH_PER_COUNT, County
from benchmarks.floor import Floor
from benchmarks.sweeps import BATCH_ROWS, Sweep
from benchmarks.tariffs import CELL_S

__all__ = ["Ground"]


class Ground:
    """The floor over the meters of `county`, all of which have read at the baseline."""

    name = "floor"

    def __init__(self, county: County) -> None:
        self.county = county
        self.floor = Floor(county.meter_ids, county.value, START_S, WH_PER_COUNT, BATCH_ROWS)

    def take(self, reads: Reads) -> None:
        """Take reads, id by id."""
        take = self.floor.take
        for batch in reads.batches:
            take(batch)

    def take_rows(self, reads: Sweep) -> None:
        """Take reads whose rows are known already."""
        for index, batch in enumerate(reads.batches):
            first = index * BATCH_ROWS
            self.floor.take_rows(reads.rows[first : first + batch.num_rows], batch)

    def check(self, sweep: Sweep, known_rows: bool = False) -> str:
        """Take a whole sweep and hold every row to the county's answer; the hash of what came."""
        hashes = []
        for index, batch in enumerate(sweep.batches):
            first, n = index * BATCH_ROWS, batch.num_rows
            rows = sweep.rows[first : first + n]
            where = f", sweep {sweep.number}, batch {index}"
            if known_rows:
                self.floor.take_rows(rows, batch)
            else:
                expect(f"floor{where}: ids without a row", self.floor.take(batch), 0)
            found = {name: column[:n].copy() for name, column in self.floor.output.items()}
            expected = {
                "row": rows.astype(np.int64),
                "start_s": np.full(n, sweep.at_s - CELL_S),
                "end_s": np.full(n, sweep.at_s),
                "energy_wh": sweep.energy_wh[first : first + n],
                "total_wh": self.county.used_wh[rows],
            }
            expect_columns("floor", found, expected, where)
            hashes.append(fingerprint(found))
        return combined(hashes)
