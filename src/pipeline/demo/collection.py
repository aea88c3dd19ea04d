"""The concentrators: they read all meters at each quarter-hour, and hand the reads in, wave by wave.

What becomes of each read has been decided in ``fates``; here it gets its value, its status and its time of
arrival.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.demo import fates
from pipeline.demo.arrow import Reads, join
from pipeline.demo.county import MODULUS, County, Flags, Ints
from pipeline.demo.fates import Plan
from pipeline.demo.settings import MIDNIGHT_S, QUARTER_S

CLOCK_INVALID, ESTIMATED_AT_SOURCE = 1, 4
WAVES: Final = 2


class Collection:
    """The county's concentrators; call :meth:`take` once a quarter-hour, in order."""

    def __init__(self, county: County, decided: Plan, rng: np.random.Generator) -> None:
        self._county = county
        self._plan = decided
        self._reset_at = np.zeros(county.meters, np.int64)
        self._wave: Ints = county.meter_district * WAVES // county.districts
        self._on_hand: dict[tuple[int, int], list[Reads]] = {}
        self._strangers = county.meter_id[-1] + rng.integers(
            1_000, 9_000, max(1, county.meters // 25_000)
        ).astype(np.uint64)

    def take(self, quarter: int, registers: Ints) -> None:
        """Read all meters at the end of quarter-hour ``quarter``; ``registers`` in counts, shape (M,)."""
        county, fate = self._county, self._plan.fate[quarter]
        for meter, from_quarter in self._plan.reset.items():
            if from_quarter == quarter:
                self._reset_at[meter] = registers[meter]
        shown = self.shown(registers)
        status = np.zeros(county.meters, np.uint16)
        at_s = np.full(county.meters, MIDNIGHT_S + QUARTER_S * (quarter + 1))
        value = shown.copy()

        value[fate == fates.SPIKE] += (5 * county.max_w // county.wh_per_count)[fate == fates.SPIKE]
        value[fate == fates.BACKWARD] //= 2
        status[fate == fates.BAD_CLOCK] = CLOCK_INVALID
        status[fate == fates.ESTIMATED] = ESTIMATED_AT_SOURCE
        at_s[fate == fates.MISALIGNED] -= 7
        at_s[fate == fates.FUTURE] += 6 * 3600
        for wave in range(WAVES):
            here = self._wave == wave
            coming = np.flatnonzero(here & (fate != fates.LOST) & (fate != fates.LATE))
            self._hand_in(quarter + 1, wave, self._reads(coming, at_s, value, status))
            self._hand_in(quarter + 1, wave, self._again(here & (fate == fates.TWICE), at_s, value))
            self._hand_in(quarter + 1, wave, self._again(here & (fate == fates.CONFLICT), at_s, value + 1))
            late = np.flatnonzero(here & (fate == fates.LATE))
            for delay in np.unique(self._plan.delay[quarter, late]):
                delayed = late[self._plan.delay[quarter, late] == delay]
                self._hand_in(quarter + 1 + int(delay), wave, self._reads(delayed, at_s, value, status))
        strangers = len(self._strangers)
        at_all_s = np.full(strangers, MIDNIGHT_S + QUARTER_S * (quarter + 1))
        no_value, no_status = np.zeros(strangers, np.int64), np.zeros(strangers, np.uint16)
        self._hand_in(quarter + 1, 0, Reads(self._strangers, at_all_s, no_value, no_status))

    def handed_in(self, quarter: int, wave: int) -> Reads | None:
        """The reads that come in ``wave`` of quarter-hour ``quarter``, taken at its start or earlier."""
        parts = self._on_hand.pop((quarter, wave), [])
        return join(parts) if parts else None

    def shown(self, registers: Ints) -> Ints:
        """What the meters' displays show: the registers, less what those that fell to zero have lost."""
        return (registers - self._reset_at) % MODULUS

    def _hand_in(self, quarter: int, wave: int, reads: Reads) -> None:
        if len(reads.meter_id):
            self._on_hand.setdefault((quarter, wave), []).append(reads)

    def _reads(self, rows: Flags | Ints, at_s: Ints, value: Ints, status: NDArray[np.uint16]) -> Reads:
        return Reads(self._county.meter_id[rows], at_s[rows], value[rows], status[rows])

    def _again(self, rows: Flags, at_s: Ints, value: Ints) -> Reads:
        return self._reads(rows, at_s, value, np.zeros(self._county.meters, np.uint16))
