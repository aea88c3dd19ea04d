"""By hand with Numba: one compiled loop over the rows, an open-addressed table of ids, states in arrays of structs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.answers import integers
from benchmarks.errors import CannotRun
from benchmarks.peers.job import FROM_S, GAP, MODULUS, START_S, Emit, Job, Output
from benchmarks.tariffs import CELL_S

try:
    import numba
except ImportError:
    numba = None  # type: ignore[assignment]

__all__ = ["make"]

STATE = np.dtype(
    [
        ("id", np.uint64),
        ("account", np.uint64),
        ("district", np.uint64),
        ("last_at", np.int64),
        ("last_value", np.int64),
        ("balance", np.int64),
        ("wh_per_count", np.int32),
        ("max_w", np.int32),
        ("tariff", np.int64),
    ]
)
assert STATE.itemsize == 64


def _place(id_: int, mask: int) -> int:
    mixed = id_ * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(mask))  # type: ignore[return-value]


def _fill(ids: Any, slots: Any) -> None:
    mask = len(slots) - 1
    for row in range(len(ids)):
        place = _place(ids[row], mask)
        while slots[place] >= 0:
            place = (place + 1) & mask
        slots[place] = row


def _take(
    states: Any, slots: Any, prices: Any, seq: int, ids: Any, ats: Any, values: Any,
    tripped: Any, refused_row: Any, refused_reason: Any,
    o_seq: Any, o_row: Any, o_meter: Any, o_account: Any, o_district: Any, o_start: Any, o_end: Any,
    o_energy: Any, o_quality: Any, o_charge: Any, o_balance: Any,
) -> tuple[int, int, int]:  # fmt: skip
    mask = len(slots) - 1
    done = refused = trips = 0
    for i in range(len(ids)):
        place = _place(ids[i], mask)
        row = slots[place]
        while row >= 0 and states[row].id != ids[i]:
            place = (place + 1) & mask
            row = slots[place]
        at, value, reason = ats[i], values[i], 0
        start = energy = np.int64(0)
        if row < 0:
            reason = 1
        elif at % CELL_S != 0:
            reason = 2
        elif value < 0 or value >= MODULUS:
            reason = 3
        else:
            start = states[row].last_at
            energy = (value - states[row].last_value) * states[row].wh_per_count
            if at <= start:
                reason = 5 if at == start and energy != 0 else 4
            elif energy < 0:
                reason = 6
            elif energy * 3600 > states[row].max_w * (at - start):
                reason = 7
        if reason:
            refused_row[refused] = i
            refused_reason[refused] = reason
            refused += 1
            continue
        price = prices[states[row].tariff]
        first, last = (start - FROM_S) // CELL_S, (at - FROM_S) // CELL_S
        if last - first == 1:
            charge = energy * (price[last] - price[first])
        else:
            base, rest = energy // (last - first), energy % (last - first)
            charge = base * (price[last] - price[first]) + price[first + rest] - price[first]
        held = states[row].balance
        balance = held - charge
        states[row].balance = balance
        states[row].last_at = at
        states[row].last_value = value
        if held > 0 and balance <= 0:
            tripped[trips] = row
            trips += 1
        o_seq[done] = seq
        o_row[done] = i
        o_meter[done] = ids[i]
        o_account[done] = states[row].account
        o_district[done] = states[row].district
        o_start[done] = start
        o_end[done] = at
        o_energy[done] = energy
        o_quality[done] = GAP if last - first > 1 else 0
        o_charge[done] = charge
        o_balance[done] = balance
        done += 1
    return done, refused, trips


if numba is not None:
    _place = numba.njit(inline="always")(_place)
    _fill = numba.njit(cache=True)(_fill)
    _take = numba.njit(cache=True, boundscheck=False)(_take)

COLUMNS = (
    ("seq", np.uint64), ("row", np.uint32), ("meter_id", np.uint64), ("account_id", np.uint64),
    ("district_id", np.uint64), ("start", np.int64), ("end", np.int64), ("energy", np.int64),
    ("quality", np.uint16), ("charge", np.int64), ("balance", np.int64),
)  # fmt: skip


class NumbaPeer:
    """State as 64-byte structs by row."""

    def __init__(self, job: Job) -> None:
        registry = job.registry
        states = np.zeros(job.meters, STATE)
        states["id"], states["account"] = registry["meter_id"], registry["account_id"]
        states["district"], states["last_at"] = registry["district_id"], START_S
        for name in ("balance", "wh_per_count", "max_w", "tariff"):
            states[name] = registry[name]
        states["last_value"] = registry["value"]
        self.states = states.view(np.recarray)
        self.slots = np.full(1 << (2 * job.meters - 1).bit_length(), -1, np.int32)
        self.prices = job.price_sum
        _fill(registry["meter_id"], self.slots)
        self._take(
            0, *(np.empty(0, dtype) for dtype in (np.uint64, np.int64, np.int64))
        )  # compiled before it is timed

    def run(self, batches: list[pa.RecordBatch], now_s: list[int], emit: Emit) -> None:
        """Take all batches."""
        for seq, batch in enumerate(batches):
            emit(self._take(seq, *(integers(batch.column(name)) for name in ("meter_id", "at", "value"))))

    def _take(self, seq: int, ids: NDArray[Any], at: NDArray[Any], value: NDArray[Any]) -> Output:
        n = len(ids)
        tripped, row, reason = np.empty(n, np.int64), np.empty(n, np.uint32), np.empty(n, np.int64)
        out = {name: np.empty(n, dtype) for name, dtype in COLUMNS}
        done, refused, trips = _take(
            self.states, self.slots, self.prices, seq, ids, at, value, tripped, row, reason, *out.values()
        )
        intervals = {name: column[:done] for name, column in out.items()}
        accounts = self.states["account"][np.sort(tripped[:trips])]
        return Output(intervals, {"row": row[:refused], "reason": reason[:refused]}, accounts)


def make(job: Job) -> NumbaPeer:
    """One over the registry of `job`, at the baseline, compiled; raises `CannotRun` without Numba."""
    if numba is None:
        raise CannotRun("numba is not installed")
    return NumbaPeer(job)
