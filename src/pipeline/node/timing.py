"""How long things took in a shard: counted by the batch or the group, never by the row, and shown in its status."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import msgspec

__all__ = ["BOUNDS_S", "Durations", "Times", "Timings"]

BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes of durations, the bound itself in the class; what is longer is in one more."""


class Durations(msgspec.Struct, frozen=True):
    """How often something was seen in each class of `BOUNDS_S` and beyond, not added up, and the sum of all."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    sum_s: float = 0.0

    @property
    def seen(self) -> int:
        """How often in all."""
        return sum(self.counts)

    def quantile_s(self, share: float) -> float | None:
        """The bound below which so large a share lies; infinite beyond the last, None of nothing."""
        left = share * self.seen
        if not left:
            return None
        for count, bound_s in zip(self.counts, (*BOUNDS_S, float("inf")), strict=True):
            left -= count
            if left <= 0:
                return bound_s
        return float("inf")

    def __add__(self, other: Durations) -> Durations:
        pairs = zip(self.counts, other.counts, strict=True)
        return Durations(tuple(a + b for a, b in pairs), self.sum_s + other.sum_s)


class Times:
    """Counts durations; for one thread. Another may ask what was counted."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._sum_s = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self._sum_s += seconds

    @property
    def shown(self) -> Durations:
        """What was counted so far."""
        return Durations(tuple(self._counts), self._sum_s)


class Timings:
    """The durations of a shard.

    Attributes:
        write: of a frame, until it is handed to the system.
        sync: of a frame, until it is on the disk.
        apply: of a group, in the engine, with what it gives to outlets.
        commit: of a group, from the arrival of its oldest message until its answers are handed on.
        restore: of a group with payments, from the arrival of its oldest message until restores that they brought are
            handed on; those whose head-end is not there wait, and are not counted.
    """

    def __init__(self) -> None:
        self.write = Times()
        self.sync = Times()
        self.apply = Times()
        self.commit = Times()
        self.restore = Times()

    @property
    def shown(self) -> dict[str, Durations]:
        """What was counted so far, by name."""
        return {name: times.shown for name, times in vars(self).items()}
