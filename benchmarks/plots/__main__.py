"""`python -m benchmarks.plots [--size smoke|full] [--out FILE]`: measure, and draw reads per second against meters."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.plots.rates import draw, lines

OUT = Path(__file__).with_name("reads-per-second.svg")


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line; the rates go to standard output as JSON."""
    parser = argparse.ArgumentParser(description="Draw reads per second against the number of meters.")
    parser.add_argument("--size", choices=("smoke", "full"), default="smoke", help="full: up to 10 M meters")
    parser.add_argument(
        "--out", type=Path, default=OUT, help="the SVG file; benchmarks/plots/reads-per-second.svg"
    )
    given = parser.parse_args(arguments)
    try:
        found = lines(given.size)
        draw(found, given.out)
    except BenchmarkError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(json.dumps({line.name: line.points for line in found}, indent=2))


if __name__ == "__main__":
    main()
