"""The county of the benchmarks: a registry of any size, and its reads, quarter-hour by quarter-hour.

Every district has 200 meters: a supply meter and 199 consumers, each with an account of its own. Registers
count 10 Wh; nine in ten accounts are households with yearly tiers, the others shops and farms. All of it
follows from the number of meters and the seed; what each read must cost follows from `benchmarks.tariffs`,
so the county knows the right answers without asking an engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.sweeps import BATCH_ROWS, Sweep
from benchmarks.tariffs import CELL_S, HOURLY, STANDING_NANO, TARIFFS, ZONE_S

__all__ = ["DISTRICT_METERS", "START_S", "WH_PER_COUNT", "County", "Order"]

Ints = NDArray[np.int64]
Order = Literal["grouped", "random"]

DISTRICT_METERS: Final = 200
WH_PER_COUNT: Final = 10
START_S: Final = 1_784_030_400
"""2026-07-14 20:00 in Shanghai, a Tuesday: a midnight comes in the fifth hour."""
MONEY: Final = pa.decimal64(18, 9)
NANO: Final = 1_000_000_000


class County:
    """A county of `meters`, whose reads arrive in `order`, with ids of `id_type`.

    `grouped`: as head-ends send them, district by district, the districts in any order. `random`: each
    meter anywhere. Sweep 0 is the baseline at `START_S`; sweep s holds every meter's read of the s-th
    quarter-hour after it. Sweeps are made in turn. Needs about 40 bytes a meter, and 34 more for the sweep
    at hand.
    """

    def __init__(
        self,
        meters: int,
        order: Order = "grouped",
        id_type: Literal["uint64", "utf8"] = "uint64",
        seed: int = 1,
    ) -> None:
        self.meters = meters
        self.id_type = id_type
        self._rng = np.random.default_rng([seed, meters])
        self._sequence = self._ordered(order)
        rows = np.arange(meters, dtype=np.uint64)
        self.meter_ids = _scattered(rows, 100_000_000_000, 0x9E3779B9)
        self.consumer: NDArray[np.bool_] = rows % np.uint64(DISTRICT_METERS) != 0
        kind = _mixed(rows.astype(np.uint32), 0xFFFF) % np.uint32(100)
        self.tariff: NDArray[np.uint8] = ((kind >= 90).astype(np.uint8) + (kind >= 98)).astype(np.uint8)
        self.value: Ints = self._rng.integers(0, 5_000_000, meters)
        self.used_wh: Ints = np.zeros(meters, np.int64)
        self.opening_nano = self._openings()
        self.balance_nano: Ints = self.opening_nano.copy()
        self._texts = pa.array(self.meter_ids).cast(pa.string()) if id_type == "utf8" else None
        self._sweep: Sweep | None = None
        self.sweeps = 0

    # ---- registry

    def registry(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Accounts and meters in batches, with the kind of each."""
        for kind, make in (("accounts", self._accounts), ("meters", self._meters)):
            for first in range(0, self.meters, BATCH_ROWS):
                batch = make(np.arange(first, min(first + BATCH_ROWS, self.meters)))
                if batch.num_rows:
                    yield kind, batch

    def account_ids(self, rows: Ints) -> NDArray[np.uint64]:
        """The account of each meter; of a supply meter, which has none, a number that no other has."""
        return _scattered(rows.astype(np.uint64), 200_000_000_000, 0x85EBCA6B)

    def district_ids(self, rows: Ints) -> NDArray[np.uint64]:
        """The district of each meter."""
        return np.uint64(300_000_000_000) + (rows // DISTRICT_METERS).astype(np.uint64)

    def ids(self, numbers: NDArray[np.uint64]) -> pa.Array:
        """Ids as the engine gets them."""
        array = pa.array(numbers)
        return array.cast(pa.string()) if self.id_type == "utf8" else array

    def _accounts(self, rows: Ints) -> pa.RecordBatch:
        rows = rows[self.consumer[rows]]
        tariff = self.tariff[rows]
        opening = pa.Array.from_buffers(MONEY, len(rows), [None, pa.py_buffer(self.opening_nano[rows])])
        no = pa.array(np.zeros(len(rows), np.bool_))
        return pa.RecordBatch.from_pydict(
            {
                "account_id": self.ids(self.account_ids(rows)),
                "district_id": self.ids(self.district_ids(rows)),
                "tariff": _words(TARIFFS, tariff),
                "policy": _words(("household", "commerce"), (tariff == 1).astype(np.int8)),
                "klass": _words(("low_voltage", "special"), (tariff == 1).astype(np.int8)),
                "opening_balance": opening,
                "protected": no,
                "manual_approval": no,
            }
        )

    def _meters(self, rows: Ints) -> pa.RecordBatch:
        n, consumer = len(rows), self.consumer[rows]
        account = np.where(consumer, self.account_ids(rows), 0).astype(np.uint64)
        accounts = (
            self.ids(account)
            if consumer.all()
            else pa.compute.if_else(pa.array(consumer), self.ids(account), None)
        )
        return pa.RecordBatch.from_pydict(
            {
                "meter_id": self.ids(self.meter_ids[rows]),
                "role": _words(("supply", "consumer"), consumer.astype(np.int8)),
                "account_id": accounts,
                "district_id": self.ids(self.district_ids(rows)),
                "reading": _words(("register",), np.zeros(n, np.int8)),
                "interval_s": pa.array(np.full(n, CELL_S, np.int32)),
                "wh_per_count": pa.array(np.full(n, WH_PER_COUNT)),
                "modulus": pa.array(np.full(n, 100_000_000)),
                "max_w": pa.array(np.where(consumer, 20_000, 630_000)),
                "switchable": pa.array(consumer),
            }
        )

    def _openings(self) -> Ints:
        """Cents in nano-units: most accounts hold a month's money, few are about to be warned, fewer in debt."""
        draw = self._rng.random(self.meters)
        yuan = np.where(draw < 0.005, -5.0, np.where(draw < 0.03, 10.0, np.where(draw < 0.1, 35.0, 50.0)))
        spread = np.where(draw < 0.1, 14.0, 450.0) * self._rng.random(self.meters)
        out: Ints = np.rint(np.where(self.tariff == 1, 10, 1) * (yuan + spread) * 100).astype(np.int64) * (
            NANO // 100
        )
        return out

    # ---- reads

    def sweep(self, number: int) -> Sweep:
        """All reads of a quarter-hour and what each must come to; `number` is the next one, or the one just made."""
        if self._sweep is not None and number == self._sweep.number:
            return self._sweep
        if number != self.sweeps:
            raise ValueError(f"sweep {number}; expected {self.sweeps}, the next")
        self._sweep = None
        at_s, rows = START_S + number * CELL_S, self._sequence
        local_s = at_s - CELL_S + ZONE_S
        price = HOURLY[:, local_s // 3600 % 24]
        counts = self._counts(rows, number) if number else np.zeros(self.meters, np.int64)
        self.value[rows] += counts
        energy_wh = counts * WH_PER_COUNT
        self.used_wh[rows] += energy_wh
        charge_nano = np.where(self.consumer[rows], energy_wh * price[self.tariff[rows]], 0)
        self.balance_nano[rows] -= charge_nano
        self._sweep = Sweep(
            number=number,
            at_s=at_s,
            rows=rows,
            ids=pa.array(self.meter_ids[rows]) if self._texts is None else self._texts.take(pa.array(rows)),
            values=self.value[rows],
            energy_wh=energy_wh,
            charge_nano=charge_nano,
            balance_nano=self.balance_nano[rows],
        )
        if number and (at_s + ZONE_S) % 86_400 == 0:  # the standing charge comes after the charge of the read
            self.balance_nano -= np.where(self.consumer, STANDING_NANO[self.tariff], 0)
        self.sweeps += 1
        return self._sweep

    def forget_sweep(self) -> None:
        """Let go of the sweep at hand, which is as large as the county."""
        self._sweep = None

    def _ordered(self, order: Order) -> NDArray[np.uint32]:
        if order == "random":
            return self._rng.permutation(self.meters).astype(np.uint32)
        districts = self._rng.permutation(-(-self.meters // DISTRICT_METERS)).astype(np.uint32)
        within = np.arange(DISTRICT_METERS, dtype=np.uint32)
        rows: NDArray[np.uint32] = (districts[:, None] * np.uint32(DISTRICT_METERS) + within).ravel()
        return rows[rows < self.meters]

    def _counts(self, rows: NDArray[np.uint32], number: int) -> Ints:
        """What each register advances: 50 to 200 Wh of a consumer, 26 kWh of a transformer."""
        drawn = 5 + (_mixed(rows, number) & np.uint32(15)).astype(np.int64)
        return np.where(self.consumer[rows], drawn, drawn + 2_600)


def _mixed(rows: NDArray[np.uint32], number: int) -> NDArray[np.uint32]:
    mixed = (rows + np.uint32(number * 40_503 & 0xFFFFFFFF)) * np.uint32(2_654_435_761)
    return (mixed ^ (mixed >> np.uint32(15))) * np.uint32(2_246_822_519) >> np.uint32(8)


def _scattered(rows: NDArray[np.uint64], base: int, odd: int) -> NDArray[np.uint64]:
    """Twelve-digit numbers, each once, in no order: an odd factor maps the numbers below 2**36 onto themselves."""
    return np.uint64(base) + (rows * np.uint64(odd) & np.uint64(2**36 - 1))


def _words(words: tuple[str, ...], codes: NDArray[np.generic]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), pa.array(words))
