"""The long run: ``python -m simulation --hours 1``.

Schedules, in as many processes as there are cores, until the time is up. It prints the seed that it began with, and how
often each fault was really injected; most schedules aim at what was injected least often. Exit status 1 if a
violation was found, or something was injected less often than ``--least`` says. ``--seed`` begins elsewhere; ``--only``
runs one schedule again, which aimed ``--at`` something.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count

from simulation.tally import Tally, run_seeds

AT_ONCE = 50


def main() -> int:
    """Run; the exit status."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--least", type=int, default=100)
    parser.add_argument("--only", type=int, help="a schedule by its seed")
    parser.add_argument("--at", help="what that schedule aims at, if it says so")
    arguments = parser.parse_args()
    if arguments.only is not None:
        tally = run_seeds(range(arguments.only, arguments.only + 1), [arguments.at])
        return report(tally, arguments.only, 0)
    return report(
        run_for(arguments.hours * 3600, arguments.seed, arguments.jobs), arguments.seed, arguments.least
    )


def run_for(seconds: float, seed: int, jobs: int) -> Tally:
    """Schedules until the time is up, or something is found."""
    tally = Tally()
    until = time.monotonic() + seconds
    seeds = (range(start, start + AT_ONCE) for start in count(seed, AT_ONCE))

    def submit() -> Future[Tally]:
        return pool.submit(run_seeds, next(seeds), [None, *tally.seldom(AT_ONCE // 2)])

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


def report(tally: Tally, seed: int, least: int) -> int:
    """Print what it came to; the exit status."""
    print(f"seed {seed}")
    for line in tally.lines():
        print(line)
    missing = tally.missing(least)
    for each in missing:
        print(f"injected only {tally.injected[each]} times, expected {least}: {each}")
    for where, what in tally.violations.items():
        print(f"VIOLATION, {where}: {what}")
    print("something was found" if tally.violations else "nothing was found")
    return 1 if tally.violations or missing else 0


if __name__ == "__main__":
    sys.exit(main())
