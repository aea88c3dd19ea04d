"""In NumPy: a search in sorted ids, then whole columns at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.answers import integers
from benchmarks.peers.job import FROM_S, GAP, MODULUS, START_S, Emit, Job, Output
from benchmarks.tariffs import CELL_S

__all__ = ["make"]

Ints = NDArray[np.int64]


class NumpyPeer:
    """State as arrays by row; no row of a batch is looked at by itself."""

    def __init__(self, job: Job) -> None:
        registry = job.registry
        self.order = np.argsort(registry["meter_id"])
        self.sorted_ids = registry["meter_id"][self.order]
        self.registry = registry
        self.prices = job.price_sum
        self.last_at = np.full(job.meters, START_S)
        self.last_value = registry["value"].copy()
        self.balance = registry["balance"].copy()

    def run(self, batches: list[pa.RecordBatch], now_s: list[int], emit: Emit) -> None:
        """Take all batches."""
        for seq, batch in enumerate(batches):
            emit(self._take(seq, *(integers(batch.column(name)) for name in ("meter_id", "at", "value"))))

    def _take(self, seq: int, ids: NDArray[np.uint64], at: Ints, value: Ints) -> Output:
        registry = self.registry
        place = np.minimum(np.searchsorted(self.sorted_ids, ids), len(self.sorted_ids) - 1)
        row = self.order[place]
        start, before = self.last_at[row], self.last_value[row]
        energy = (value - before) * registry["wh_per_count"][row]
        same = value == before
        reason = np.select(
            [
                self.sorted_ids[place] != ids,
                at % CELL_S != 0,
                (value < 0) | (value >= MODULUS),
                (at < start) | ((at == start) & same),
                at == start,
                energy < 0,
                energy * 3600 > registry["max_w"][row] * (at - start),
            ],
            [1, 2, 3, 4, 5, 6, 7],
        )
        good = np.flatnonzero(reason == 0)
        bad = np.flatnonzero(reason)
        row, at, value, start, energy = row[good], at[good], value[good], start[good], energy[good]
        charge = self._charge(registry["tariff"][row], start, at, energy)
        held = self.balance[row]
        balance = held - charge
        self.last_at[row], self.last_value[row], self.balance[row] = at, value, balance
        tripped = np.sort(row[(held > 0) & (balance <= 0)])
        intervals: dict[str, Any] = {
            "seq": np.full(len(good), seq, np.uint64),
            "row": good.astype(np.uint32),
            "meter_id": registry["meter_id"][row],
            "account_id": registry["account_id"][row],
            "district_id": registry["district_id"][row],
            "start": start,
            "end": at,
            "energy": energy,
            "quality": np.where(at - start > CELL_S, GAP, 0).astype(np.uint16),
            "charge": charge,
            "balance": balance,
        }
        return Output(
            intervals, {"row": bad.astype(np.uint32), "reason": reason[bad]}, registry["account_id"][tripped]
        )

    def _charge(self, tariff: Ints, start: Ints, end: Ints, energy: Ints) -> Ints:
        first, last = (start - FROM_S) // CELL_S, (end - FROM_S) // CELL_S
        base, rest = np.divmod(energy, last - first)
        prices = self.prices
        at_first = prices[tariff, first]
        out: Ints = base * (prices[tariff, last] - at_first) + (prices[tariff, first + rest] - at_first)
        return out


def make(job: Job) -> NumpyPeer:
    """One over the registry of `job`, at the baseline."""
    return NumpyPeer(job)
