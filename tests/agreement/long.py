"""Twin against engine over as many random logs as there is time for.

``python -m tests.agreement.long --logs 10000 --jobs 2`` from the repository's root; ``--seed N`` runs one,
and with ``--write DIR`` it is written as a batch log instead.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS)] if str(TESTS) not in sys.path else []

from agreement import compare, native, record  # noqa: E402

CHUNK = 25
RELOAD_SHARE = 5
"""One log in so many is also saved and loaded, every few batches."""


def chunk(seeds: range) -> tuple[compare.Counts, list[str]]:
    """Some logs; what they counted, and the differences found."""
    counts, wrong = compare.Counts(), []
    for seed in seeds:
        try:
            counts.add(compare.run(seed, native.engine, reload_every=7 if seed % RELOAD_SHARE == 0 else 0))
        except Exception as error:
            wrong.append(f"seed {seed}: {type(error).__name__}: {error}")
    return counts, wrong


def together(chunks: list[range], jobs: int) -> tuple[compare.Counts, list[str]]:
    """Some chunks; where one brings its process down, each of their logs runs in a process of its own."""
    counts, wrong = compare.Counts(), []
    try:
        with ProcessPoolExecutor(jobs) as pool:
            for found, differences in pool.map(chunk, chunks):
                counts.add(found)
                wrong += differences
    except BrokenProcessPool:
        if len(chunks) == 1 and len(chunks[0]) == 1:
            return compare.Counts(), [f"seed {chunks[0][0]}: the process died"]
        counts, wrong = compare.Counts(), []
        for seed in (seed for some in chunks for seed in some):
            found, differences = together([range(seed, seed + 1)], 1)
            counts.add(found)
            wrong += differences
    return counts, wrong


def report(counts: compare.Counts, wrong: list[str], seconds: float) -> None:
    """Print what was compared and met, then the differences."""
    print(f"{counts.logs} logs, {counts.batches} batches, {counts.reloads} reloads in {seconds:.0f} s")
    for title, counter in (("rows compared", counts.rows), ("met", counts.met)):
        print(f"\n{title}")
        for name, count in sorted(counter.items()):
            print(f"  {name:40} {count:>12}")
    for text in wrong:
        print(f"\nDIFFERENT {text}")
    print(f"\n{len(wrong)} logs differ; {sum(counts.rows.values())} rows are the same")


def main() -> int:
    """Run; 0 when every log agrees, and there was something to agree on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--stop", type=int, default=20, help="stop after so many logs that differ")
    parser.add_argument("--seed", type=int, help="one log alone")
    parser.add_argument("--write", type=Path, help="write the log of --seed as a batch log")
    x = parser.parse_args()
    if x.write is not None:
        if x.seed is None:
            parser.error("--write needs --seed")
        print(f"{record.write(x.seed, x.write)} batches in {x.write}")
        return 0
    seeds = range(x.seed, x.seed + 1) if x.seed is not None else range(x.first, x.first + x.logs)
    counts, wrong, start = compare.Counts(), [], time.monotonic()
    chunks = (seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK))
    while some := list(islice(chunks, 4 * x.jobs)):
        found, differences = together(some, x.jobs)
        counts.add(found)
        wrong += differences
        print(f"{counts.logs + len(wrong)} of {len(seeds)}, {len(wrong)} differ", file=sys.stderr)
        if len(wrong) >= x.stop:
            break
    report(counts, wrong, time.monotonic() - start)
    return 1 if wrong or not counts.rows["intervals"] else 0


if __name__ == "__main__":
    sys.exit(main())
