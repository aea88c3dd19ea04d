"""The long run: ``python -m simulation --hours 1``.

Schedules, in as many processes as there are cores, until the time is up: some in turn, most of them those that aim
at what was injected least often so far. It prints how often each fault was really injected. Exit status 1 if a
violation was found, or something was injected less often than ``--least``, which is 100 times an hour. ``--seed``
begins elsewhere; ``--only`` runs one schedule again: its number is all that makes it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count, islice

from simulation.faults import AIMS, aim_of, seed_of
from simulation.tally import Tally, run_seeds

AT_ONCE = 40
IN_TURN = 10
LEAST_AN_HOUR = 100
AIMED = 1_000_000_000
"""Schedules that are not in turn come from here on: none is run twice."""


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--least", type=int, help="how often all must be injected; 100 times an hour")
    parser.add_argument("--only", type=int, help="a schedule by its seed")
    arguments = parser.parse_args()
    if arguments.only is not None:
        print(f"seed {arguments.only}, aiming at: {aim_of(arguments.only)}")
        return report(run_seeds([arguments.only]), 0)
    least = arguments.least
    if least is None:
        least = max(1, round(LEAST_AN_HOUR * arguments.hours))
    print(f"seed {arguments.seed}", flush=True)
    return report(run_for(arguments.hours * 3600, arguments.seed, arguments.jobs), least)


def run_for(seconds: float, seed: int, jobs: int) -> Tally:
    """Schedules until the time is up, or something is found."""
    tally = Tally()
    until = time.monotonic() + seconds
    turns = count(seed)
    aimed: Counter[str] = Counter()

    def submit() -> Future[Tally]:
        seeds = list(islice(turns, IN_TURN))
        for aim in tally.seldom(AT_ONCE - len(seeds)):
            seeds.append(seed_of(aim, (AIMED + seed) // len(AIMS) + aimed[aim]))
            aimed[aim] += 1
        return pool.submit(run_seeds, seeds)

    with ProcessPoolExecutor(jobs) as pool:
        running: set[Future[Tally]] = {submit() for _ in range(2 * jobs)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                tally.add(future.result())
                if time.monotonic() < until and not tally.violations:
                    running.add(submit())
            print(f"\r{tally.schedules:,} schedules", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return tally


def report(tally: Tally, least: int) -> int:
    """Print what it came to; the exit status."""
    for line in tally.lines(least):
        print(line)
    missing = tally.missing(least)
    if missing:
        print(f"{len(missing)} of these were injected less often than {least} times: they are marked")
    for seed, what in tally.violations.items():
        print(f"VIOLATION, --only {seed}, aiming at {aim_of(seed)}: {what}")
    print("something was found" if tally.violations else "nothing was found")
    return 1 if tally.violations or missing else 0


if __name__ == "__main__":
    sys.exit(main())
