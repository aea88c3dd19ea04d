"""Instructions that the hot loop takes for a read, by valgrind's callgrind: they repeat where the machine is noisy.

    python -m benchmarks.instructions

Two processes take the same reads, one of them eight sweeps more; what is counted within `apply_reads` differs by
what those sweeps took. Of their reads, those that open a district's window and those that cross a threshold are
not ordinary.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, get_args

from benchmarks.core import Core
from benchmarks.county import County, Order
from benchmarks.errors import BenchmarkError, CannotRun

__all__ = ["instructions_a_read", "take"]

METERS: Final = 20_000
WARM: Final = 3
MORE: Final = 8


def take(meters: int, order: Order, sweeps: int) -> None:
    """Have an engine take the baseline and so many sweeps."""
    county = County(meters, order)
    core = Core(county)
    for number in range(1, sweeps + 1):
        core.take(county.sweep(number))


def instructions_a_read(order: Order, meters: int = METERS) -> float:
    """Count them. Raises `CannotRun` without valgrind."""
    if shutil.which("valgrind") is None:
        raise CannotRun("instructions: no valgrind on this machine")
    few, many = (_counted(order, meters, sweeps) for sweeps in (WARM, WARM + MORE))
    return (many - few) / (MORE * meters)


def _counted(order: Order, meters: int, sweeps: int) -> int:
    code = f"from benchmarks.instructions import take; take({meters}, {order!r}, {sweeps})"
    with tempfile.TemporaryDirectory(prefix="feikong-bench-") as folder:
        out = Path(folder) / "callgrind"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--collect-atstart=no",
             "--toggle-collect=*apply_reads*", sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
            check=False,
        )  # fmt: skip
        found = (
            re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE) if out.exists() else None
        )
    if done.returncode or found is None:
        raise BenchmarkError(f"instructions: {done.stderr.strip().rpartition(chr(10))[2]}")
    return int(found[1])


if __name__ == "__main__":
    for each in get_args(Order):
        print(f"{each:8} {instructions_a_read(each):6.0f} instructions a read")
