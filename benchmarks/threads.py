"""Whether two engines in two threads do twice as much as one.

`apply` lets go of the GIL for the whole batch. In every round one engine takes its hour alone, and two take
theirs side by side; the rate of the two is over the time until both are done.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

from benchmarks.answers import combined, expect
from benchmarks.command import main
from benchmarks.contest import SWEEPS, WARM_SWEEPS, seconds, undisturbed
from benchmarks.core import Core
from benchmarks.county import County
from benchmarks.errors import CannotRun
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.machine import need_memory
from benchmarks.sweeps import Sweep

QUESTION = Question("threads", "two engines in two threads", "≥ 1.8 × one")
SIZES: dict[Size, int] = {"smoke": 3_000, "full": 1_000_000}
METER_BYTES = 1_500


def run(size: Size) -> list[Figure]:
    """Measure it: three engines of their own counties, the first of which works alone."""
    meters = SIZES[size]
    if (os.cpu_count() or 1) < 2:
        raise CannotRun("threads: one core; expected two or more")
    need_memory(f"{meters:,} meters, three times", meters * METER_BYTES)
    cores = [Core(County(meters, seed=seed), f"core {seed}") for seed in (1, 2, 3)]
    for core in cores:
        for number in range(1, WARM_SWEEPS):
            core.take(core.county.sweep(number))
        core.check(core.county.sweep(WARM_SWEEPS))
    alone, both = [], []
    number = WARM_SWEEPS + 1
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            alone_s = both_s = 0.0
            for _ in range(SWEEPS):
                sweeps = [core.county.sweep(number) for core in cores]
                for sweep in sweeps:
                    _ = sweep.batches
                alone_s += seconds(partial(cores[0].take, sweeps[0]))
                both_s += _side_by_side(pool, cores[1:], sweeps[1:])
                number += 1
            alone.append(SWEEPS * meters / alone_s / 1e6)
            both.append(2 * SWEEPS * meters / both_s / 1e6)
    answers = [core.check(core.county.sweep(number)) for core in cores]
    for core in cores:
        core.check_state()
    expect("threads: different counties with the same answer", len(set(answers)), len(cores))
    answer = combined(answers)
    return [
        Figure(
            f"two engines of {meters:,} meters",
            "M reads/s",
            tuple(both),
            "one",
            tuple(alone),
            1.8,
            answer=answer,
        )
    ]


def _side_by_side(pool: ThreadPoolExecutor, cores: list[Core], sweeps: list[Sweep]) -> float:
    """How long it takes from the moment at which the first begins until the last is done.

    Each thread looks at the clock itself: the one that waits for them may be late to run.
    """
    ready = Barrier(len(cores))

    def work(core: Core, sweep: Sweep) -> tuple[float, float]:
        ready.wait()
        started_s = time.perf_counter()
        core.take(sweep)
        return started_s, time.perf_counter()

    with undisturbed():
        done = [pool.submit(work, core, sweep) for core, sweep in zip(cores, sweeps, strict=True)]
        times = [one.result() for one in done]
    return max(ended_s for _, ended_s in times) - min(started_s for started_s, _ in times)


if __name__ == "__main__":
    main([QUESTION.name])
