"""Rounds, paired and interleaved: in every sweep each contestant takes its turn on the same reads.

Whatever else the machine does falls on all of them alike, and a ratio is taken round by round. Making the
reads is not timed, nor is Python's garbage collector at work meanwhile. A round is an hour, so that each
has a window to close.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

import pyarrow as pa

from benchmarks.figures import ROUNDS

__all__ = ["SWEEPS", "WARM_SWEEPS", "Contestant", "Reads", "contest", "seconds", "undisturbed"]

SWEEPS: Final = 4
"""Sweeps of a round: the quarter-hours of an hour."""
WARM_SWEEPS: Final = 4
"""Sweeps before the first round, after the baseline; the newest of them is compared."""


class Reads(Protocol):
    """Some reads that arrive together."""

    @property
    def batches(self) -> Sequence[pa.RecordBatch]:
        """In batches, made beforehand."""

    @property
    def now_s(self) -> int:
        """When they arrive."""

    @property
    def reads(self) -> int:
        """How many they are."""


@dataclass
class Contestant:
    """One that takes what `feed` makes of a sweep: only `take` is timed. `rates` are its reads/s by round."""

    name: str
    feed: Callable[[int], Reads]
    take: Callable[[Reads], object]
    rates: list[float] = field(default_factory=list)

    @property
    def rates_m(self) -> tuple[float, ...]:
        """Its rates in millions a second."""
        return tuple(rate / 1e6 for rate in self.rates)


def contest(contestants: Sequence[Contestant], first: int, rounds: int = ROUNDS, sweeps: int = SWEEPS) -> int:
    """Hold `rounds` of `sweeps` from sweep `first` on, another one beginning in each; the sweep after the last."""
    number = first
    for _ in range(rounds):
        spent_s = dict.fromkeys(range(len(contestants)), 0.0)
        taken = dict.fromkeys(range(len(contestants)), 0)
        for _ in range(sweeps):
            for turn in range(len(contestants)):
                who = (number + turn) % len(contestants)
                reads = contestants[who].feed(number)
                _ = reads.batches
                spent_s[who] += seconds(partial(contestants[who].take, reads))
                taken[who] += reads.reads
            number += 1
        for who, contestant in enumerate(contestants):
            contestant.rates.append(taken[who] / spent_s[who])
    return number


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes, undisturbed."""
    with undisturbed():
        started_s = time.perf_counter()
        work()
        return time.perf_counter() - started_s


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the garbage collector of Python from running."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
