"""How long ingestion stands still for a snapshot, while reads come.

A node on loopback makes one snapshot after the other; a sender has one message of reads under way at a time. What is
held against the limit is the longest that the engine's process itself stood still, as it tells, and, seen from outside,
how long messages took to be acknowledged while snapshots were written and checked: their 99th percentile, which holds
the disk's and the processor's share of it too. Beside it, the same before the first snapshot.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from benchmarks import disks
from benchmarks.answers import expect
from benchmarks.command import main
from benchmarks.errors import CannotRun
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.machine import need_memory
from benchmarks.node import Large, Run, running

QUESTION = Question("snapshot", "ingestion while a snapshot is made", "pause: p99 ≤ 100 ms")
SIZES: dict[Size, tuple[Large, ...]] = {
    "smoke": (Large(3_000, 1, 1_024, 2),),
    "full": (Large(1_000_000, 1, 8_192, 2), Large(10_000_000, 1, 8_192, 1)),
}
METER_BYTES: Final = 1_600
DISK_METER_BYTES: Final = 2_500
LIMIT_MS: Final = 100.0
EVERY: Final = "5s"
TIMES: Final = 300
"""Bursts of reads at the most, until so many snapshots as there are rounds were made."""


def run(size: Size) -> list[Figure]:
    """Measure it."""
    return [figure for load in SIZES[size] for figure in _figures(load)]


def _figures(load: Large) -> list[Figure]:
    need_memory(f"{load.meters:,} meters", load.meters * METER_BYTES)
    pauses: list[float] = []
    p99s: list[float] = []
    with running(load, snapshot_every=EVERY, in_flight=1) as run_:
        disks.need_room("snapshots", run_.node_.folder, load.meters * DISK_METER_BYTES)
        made: set[int] = set()
        latencies: list[float] = []
        for _ in range(TIMES):
            latencies += _burst(run_)
            status = run_.node_.status
            if status is not None and status.snapshot is not None and status.snapshot not in made:
                made.add(status.snapshot)
                pauses.append(1e3 * status.snapshot_pause_s)
                p99s.append(1e3 * float(np.percentile(latencies, 99, method="higher")))
                latencies = []
            if len(pauses) == ROUNDS:
                break
        else:
            raise CannotRun(f"snapshot: {len(pauses)} snapshots were verified; expected {ROUNDS}")
        run_.senders.close()
        run_.node_.stop()
        answer = run_.core_.check(run_.node_.recovered())
    what = f"{load.meters:,} meters"
    return [
        Figure(f"{what}, longest pause", "ms", tuple(pauses), "limit", (LIMIT_MS,), 1.0, True, answer),
        Figure(f"{what}, ack p99", "ms", tuple(p99s), "limit", (LIMIT_MS,), 1.0, True, answer),
    ]


def _burst(run_: Run) -> list[float]:
    """The next sweeps, one message at a time; how long each took."""
    reads = run_.senders.prepare(run_.load.sweeps)
    run_.core_.take(run_.load.sweeps)
    run_.tick(run_.core_.present.now_s)
    run_.senders.begin()
    told = run_.senders.told()
    expect("snapshot: reads acknowledged", told.reads, reads)
    return told.latencies_s


if __name__ == "__main__":
    main([QUESTION.name])
