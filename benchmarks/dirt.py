"""Reads as they come from the field: of every hundred, five are late, sent twice, spiking, or missing.

Late: not with its sweep but with the second one after it, behind the meter's own read of then, so that it
falls into a gap. Sent twice: the same read again in the same sweep, refused as `duplicate`. Spiking: a
value far off, refused as `spike`. Missing: never sent. The last two leave gaps that the next read closes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.county import County
from benchmarks.sweeps import Sweep, read_batches
from benchmarks.tariffs import CELL_S

__all__ = ["DirtyFeed", "DirtyReads"]

Ints = NDArray[np.int64]

OF: Final = 80
LATE, TWICE, SPIKING, MISSING = range(4)
"""Of every 80 reads one of each: five in a hundred."""
LATE_SWEEPS: Final = 2
SPIKE_COUNTS: Final = 1_000_000


@dataclass
class DirtyReads:
    """The reads of one sweep, late ones of an earlier sweep among them."""

    ids: pa.Array
    at_s: Ints
    values: Ints
    now_s: int

    @property
    def reads(self) -> int:
        """How many they are."""
        return len(self.values)

    @cached_property
    def batches(self) -> list[pa.RecordBatch]:
        """In batches of at most 65,536, made once."""
        return read_batches(self.ids, self.at_s, self.values)


class DirtyFeed:
    """Makes dirty reads of a county's sweeps, and counts what must become of them.

    `sent`, `twice`, `spiking`, `late` and `missing` count reads so far; `newest` is each meter's value of
    the newest read that was neither spiking nor withheld, which is what its register must show.
    """

    def __init__(self, county: County) -> None:
        self.county = county
        self.sent = self.twice = self.spiking = self.late = 0
        self.missing = 0
        self.newest: Ints = county.value.copy()
        self._newest_at_s: Ints = np.zeros(county.meters, np.int64)
        self._withheld: dict[int, tuple[NDArray[np.uint32], Ints]] = {}
        self._made: tuple[int, DirtyReads] | None = None

    def sweep(self, number: int) -> DirtyReads:
        """The reads that arrive with sweep `number`, the county's next or newest."""
        if self._made is None or self._made[0] != number:
            self._made = (number, self._dirty(self.county.sweep(number)))
        return self._made[1]

    def _dirty(self, clean: Sweep) -> DirtyReads:
        fate = self._fates(clean)
        place = np.arange(clean.reads)
        values = np.where(fate == SPIKING, clean.values + SPIKE_COUNTS, clean.values)
        late = fate == LATE
        self._withheld[clean.number] = (place[late].astype(np.uint32), clean.values[late])
        due_place, due_values = self._withheld.pop(
            clean.number - LATE_SWEEPS, (np.empty(0, np.uint32), np.empty(0, np.int64))
        )
        now, again = (fate != LATE) & (fate != MISSING), fate == TWICE
        places = np.concatenate([place[now], place[again], due_place.astype(np.int64)])
        at_s = np.full(len(places), clean.at_s)
        at_s[len(places) - len(due_place) :] -= LATE_SWEEPS * CELL_S
        all_values = np.concatenate([values[now], values[again], due_values])
        order = np.argsort(places, kind="stable")  # a meter's own read first, then what else there is of it
        self._count(clean, places, at_s, all_values, fate)
        self.late += len(due_place)
        return DirtyReads(
            clean.ids.take(pa.array(places[order])), at_s[order], all_values[order], clean.now_s
        )

    def _fates(self, clean: Sweep) -> Ints:
        """What becomes of each read: one of four fates, or a higher number for none. A baseline is clean."""
        mixed = (
            clean.rows.astype(np.uint64) * np.uint64(2_654_435_761) + np.uint64(clean.number * 97_531)
        ) >> np.uint64(9)
        fates: Ints = (mixed % np.uint64(OF)).astype(np.int64)
        return fates if clean.number else np.full(clean.reads, OF, np.int64)

    def _count(self, clean: Sweep, places: Ints, at_s: Ints, values: Ints, fate: Ints) -> None:
        self.sent += len(places)
        self.twice += int((fate == TWICE).sum())
        self.spiking += int((fate == SPIKING).sum())
        self.missing += int((fate == MISSING).sum())
        good = fate[places] != SPIKING
        good[at_s != clean.at_s] = True
        rows, when, what = clean.rows[places[good]], at_s[good], values[good]
        newer = when > self._newest_at_s[rows]
        # Where a meter has its own read of this sweep and a late one, its own is written last, and stays.
        for own in (False, True):
            part = newer & ((when == clean.at_s) == own)
            self.newest[rows[part]], self._newest_at_s[rows[part]] = what[part], when[part]
