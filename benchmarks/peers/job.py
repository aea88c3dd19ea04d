"""The reduced job: validate, rate, balance, trip. Small enough to be written by hand in any tool, and exact.

A batch holds reads of registers, each meter at most once, none late. A read is refused, for the first
reason that applies, if its meter is unknown, its instant is no whole quarter-hour, its value is negative or
the modulus or more, its instant is not after the meter's newest, its register fell, or it spikes: `energy ·
3600 > max_w · seconds`. Else its energy is spread over the quarter-hours since the newest read and charged
at their prices, by running sums; the balance falls; an account whose balance comes from above zero to zero
or below is tripped. All in whole Wh and nano-units: reference, sections 4, 5 and 7, without gaps' late
reads, tiers, standing charges, suspects, notices, windows and findings, which the engine does besides.

What comes out of a batch: the columns of `intervals` for the accepted reads, row and reason of the others,
and the accounts tripped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.sweeps import LATENCY_S, read_batches
from benchmarks.tariffs import CELL_S, HOURLY, ZONE_S
from fastcore import Effects

__all__ = ["INTERVALS", "MODULUS", "REASONS", "Emit", "Job", "Output", "Peer", "make_job"]

Ints = NDArray[np.int64]

REASONS: Final = (
    "",
    "unknown_meter",
    "misaligned",
    "bad_value",
    "duplicate",
    "conflict",
    "backward",
    "spike",
)
"""By code; 0 is accepted."""
INTERVALS: Final = (
    "seq", "row", "meter_id", "account_id", "district_id", "start", "end", "energy", "quality", "charge", "balance"
)  # fmt: skip
MODULUS: Final = 100_000_000
GAP: Final = 4
START_S: Final = 1_784_030_400
"""2026-07-14 20:00 in Shanghai: the baseline."""
FROM_S: Final = START_S - 20 * 3600
"""The first instant with a price: the midnight before."""
DAYS: Final = 3


@dataclass(frozen=True)
class Output:
    """What comes out of one batch, as arrays or as the tool's own columns of the same values.

    `intervals` has a column for each of `INTERVALS`, `refused` has `row` and `reason`, `tripped` the
    accounts in the order of the registry. `effects` is what the core gives, of which the others are a part.
    """

    intervals: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, Any] = field(default_factory=dict)
    tripped: Any = ()
    effects: Effects | None = None


class Emit(Protocol):
    """Where the outputs go: each is handed on when its batch is done."""

    def __call__(self, output: Output) -> None:
        """Take it."""


class Peer(Protocol):
    """One way to do the job; it keeps the state from batch to batch."""

    def run(self, batches: list[pa.RecordBatch], now_s: list[int], emit: Emit) -> None:
        """Take all batches, the first of which is number `seq` = 0, in turn; for each, hand its output to `emit`."""


@dataclass
class Job:
    """A registry, its reads, and prices: all that a peer may look at.

    Arrays of the registry have an item a meter, and each meter an account: `meter_id`, `account_id`,
    `district_id` (uint64), `tariff`, `wh_per_count`, `max_w`, `value` (at `START_S`, where all have read)
    and `balance` (nano-units). `price_sum[t, k]` is the sum of tariff t's prices, in nano-units per Wh,
    over the quarter-hours before the k-th since `FROM_S`.
    """

    meters: int
    registry: dict[str, NDArray[Any]]
    price_sum: Ints
    batches: list[pa.RecordBatch] = field(default_factory=list)
    now_s: list[int] = field(default_factory=list)

    @property
    def reads(self) -> int:
        """How many reads there are."""
        return sum(batch.num_rows for batch in self.batches)


def make_job(meters: int, sweeps: int = 8, seed: int = 1) -> Job:
    """A job of `sweeps` quarter-hours: every meter once in each, in random order; of 1,000 reads 5 are bad.

    A batch holds at most 65,536 reads, and none of two sweeps, so that no meter is in it twice.
    """
    rng = np.random.default_rng([seed, meters, sweeps])
    row = np.arange(meters, dtype=np.uint64)
    registry: dict[str, NDArray[Any]] = {
        "meter_id": np.uint64(100_000_000_000) + (row * np.uint64(0x9E3779B9) & np.uint64(2**36 - 1)),
        "account_id": np.uint64(200_000_000_000) + (row * np.uint64(0x85EBCA6B) & np.uint64(2**36 - 1)),
        "district_id": np.uint64(300_000_000_000) + row // np.uint64(200),
        "tariff": rng.choice(len(HOURLY), meters, p=[0.9, 0.08, 0.02]).astype(np.int64),
        "wh_per_count": np.full(meters, 10, np.int64),
        "max_w": np.full(meters, 20_000, np.int64),
        "value": rng.integers(0, 5_000_000, meters),
        "balance": rng.integers(1, 45_000, meters) * 10_000_000,
    }
    near = rng.random(meters) < 0.01
    registry["balance"][near] = rng.integers(1, 40, int(near.sum())) * 10_000_000
    job = Job(meters, registry, _price_sums())
    value = registry["value"].copy()
    for number in range(1, sweeps + 1):
        _add_sweep(job, rng, value, START_S + number * CELL_S)
    return job


def _add_sweep(job: Job, rng: np.random.Generator, value: Ints, at_s: int) -> None:
    order = rng.permutation(job.meters)
    before = value.copy()
    value += rng.integers(5, 21, job.meters)
    ids, values, at = job.registry["meter_id"][order], value[order], np.full(job.meters, at_s)
    bad = np.where(rng.random(job.meters) < 0.005, rng.integers(1, len(REASONS), job.meters), 0)
    ids = np.where(bad == 1, ids ^ np.uint64(1 << 40), ids)
    at[bad == 2] += 7
    values = np.where(bad == 3, -1, values)
    repeated = (bad == 4) | (bad == 5)
    # A duplicate, or a conflict, only where the meter's read before was accepted; else a read of that time.
    at[repeated] -= CELL_S
    values = np.where(repeated, before[order] + (bad == 5), values)
    values = np.where(bad == 6, before[order] - 1_000, values)
    values = np.where(bad == 7, values + 1_000_000, values)
    for batch in read_batches(pa.array(ids), at, values):
        job.batches.append(batch)
        job.now_s.append(at_s + LATENCY_S)


def _price_sums() -> Ints:
    cells = np.arange(DAYS * 86_400 // CELL_S)
    hours = (FROM_S + ZONE_S + cells * CELL_S) // 3600 % 24
    sums = np.zeros((len(HOURLY), len(cells) + 1), np.int64)
    np.cumsum(HOURLY[:, hours], axis=1, out=sums[:, 1:])
    return sums
