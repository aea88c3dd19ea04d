"""In plain Python: a dict from id to state, a loop over the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from benchmarks.answers import integers
from benchmarks.peers.job import FROM_S, GAP, INTERVALS, MODULUS, START_S, Emit, Job, Output
from benchmarks.tariffs import CELL_S

__all__ = ["Meter", "make", "meters_of", "take_read"]


@dataclass(slots=True)
class Meter:
    """A meter with its account."""

    row: int
    meter_id: int
    account_id: int
    district_id: int
    prices: list[int]
    wh_per_count: int
    max_w: int
    last_value: int
    balance: int
    last_at: int = START_S


def meters_of(job: Job) -> dict[int, Meter]:
    """The registry by id, at the baseline."""
    prices = job.price_sum.tolist()
    names = ("meter_id", "account_id", "district_id", "tariff", "wh_per_count", "max_w", "value", "balance")
    rows = zip(*(job.registry[name].tolist() for name in names), strict=True)
    return {
        id_: Meter(row, id_, account, district, prices[tariff], wh, max_w, value, balance)
        for row, (id_, account, district, tariff, wh, max_w, value, balance) in enumerate(rows)
    }


def take_read(meter: Meter, at: int, value: int) -> tuple[int, ...] | int:
    """The reason for which a read is refused; or, taken: start, energy, quality, charge, balance, whether it trips."""
    if at % CELL_S:
        return 2
    if not 0 <= value < MODULUS:
        return 3
    start = meter.last_at
    if at <= start:
        return 5 if at == start and value != meter.last_value else 4
    energy = (value - meter.last_value) * meter.wh_per_count
    if energy < 0:
        return 6
    if energy * 3600 > meter.max_w * (at - start):
        return 7
    prices = meter.prices
    first, last = (start - FROM_S) // CELL_S, (at - FROM_S) // CELL_S
    base, rest = divmod(energy, last - first)
    charge = base * (prices[last] - prices[first]) + prices[first + rest] - prices[first]
    held = meter.balance
    balance = meter.balance = held - charge
    meter.last_at, meter.last_value = at, value
    return start, energy, GAP if last - first > 1 else 0, charge, balance, held > 0 >= balance


class PythonPeer:
    """State as objects in a dict."""

    def __init__(self, job: Job) -> None:
        self.meters = meters_of(job)

    def run(self, batches: list[pa.RecordBatch], now_s: list[int], emit: Emit) -> None:
        """Take all batches."""
        for seq, batch in enumerate(batches):
            emit(
                self._take(
                    seq, *(integers(batch.column(name)).tolist() for name in ("meter_id", "at", "value"))
                )
            )

    def _take(self, seq: int, ids: list[int], ats: list[int], values: list[int]) -> Output:
        out: list[tuple[int, ...]] = []
        refused: dict[str, Any] = {"row": [], "reason": []}
        tripped: list[tuple[int, int]] = []
        find = self.meters.get
        for row, (id_, at, value) in enumerate(zip(ids, ats, values, strict=True)):
            meter = find(id_)
            done = 1 if meter is None else take_read(meter, at, value)
            if meter is None or isinstance(done, int):
                refused["row"].append(row)
                refused["reason"].append(done)
                continue
            start, energy, quality, charge, balance, trips = done
            out.append(
                (
                    seq,
                    row,
                    id_,
                    meter.account_id,
                    meter.district_id,
                    start,
                    at,
                    energy,
                    quality,
                    charge,
                    balance,
                )
            )
            if trips:
                tripped.append((meter.row, meter.account_id))
        columns = zip(*out, strict=True) if out else ((),) * len(INTERVALS)
        intervals = dict(zip(INTERVALS, columns, strict=True))
        return Output(intervals, refused, [account for _, account in sorted(tripped)])


def make(job: Job) -> PythonPeer:
    """One over the registry of `job`, at the baseline."""
    return PythonPeer(job)
