"""How many bytes a meter with its account takes, everything in.

A process of its own loads the registry and two hours of reads, windows and all, and asks the system how
much more of it is resident than before; the county that made the reads is not counted, being let go of.
Counted: the states, both indexes of ids, registry, windows, gaps, whatever the allocator keeps. uint64 ids.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.command import main
from benchmarks.core import Core
from benchmarks.county import County
from benchmarks.errors import BenchmarkError, CannotRun, WrongAnswer
from benchmarks.figures import ROUNDS, Figure, Question, Size
from fastcore import Engine

__all__ = ["LIMIT_BYTES", "bytes_a_meter", "measured"]

QUESTION = Question("memory", "resident bytes of a meter with its account, uint64 ids", "≤ 200")
LIMIT_BYTES = 200.0
SIZES: dict[Size, tuple[int, ...]] = {"smoke": (200_000,), "full": (1_000_000, 10_000_000)}
SWEEPS = 9
STATM = Path("/proc/self/statm")


def run(size: Size) -> list[Figure]:
    """Measure it; a figure for each number of meters."""
    out = []
    for meters in SIZES[size]:
        rounds = 1 if size == "smoke" else ROUNDS
        found = [bytes_a_meter(meters) for _ in range(rounds)]
        values, answers = tuple(bytes_ for bytes_, _ in found), {answer for _, answer in found}
        if len(answers) != 1:
            raise WrongAnswer(
                f"memory, {meters:,} meters: hashes {', '.join(sorted(answers))}; expected the same each time"
            )
        what = f"{meters:,} meters"
        out.append(
            Figure(what, "bytes", values, "limit", (LIMIT_BYTES,), 1.0, at_most=True, answer=answers.pop())
        )
    return out


def bytes_a_meter(meters: int) -> tuple[float, str]:
    """Resident bytes of an engine by meter, measured in a process of its own, and the hash of its newest sweep."""
    if not STATM.exists():
        raise CannotRun(f"memory: no {STATM} on this system; expected Linux")
    command = [sys.executable, "-c", f"from benchmarks.memory import measured; print(measured({meters}))"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise BenchmarkError(f"memory, {meters:,} meters: {done.stderr.strip().rpartition(chr(10))[2]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told["resident_bytes"] / meters, told["answer"]


def measured(meters: int) -> str:
    """What the process measures of itself, as JSON."""
    _loaded(2_000)  # what Python and PyArrow load once is there before
    before = _resident_bytes()
    engine, answer = _loaded(meters)
    resident = _resident_bytes() - before
    if engine.stats()["meters"] != meters:
        raise WrongAnswer(
            f"memory: the engine holds {engine.stats()['meters']:,} meters; expected {meters:,}"
        )
    return json.dumps({"resident_bytes": resident, "answer": answer})


def _loaded(meters: int) -> tuple[Engine, str]:
    """An engine with everything in, and the hash of its newest sweep; the county is let go of."""
    county = County(meters)
    core = Core(county)
    for number in range(1, SWEEPS):
        core.take(county.sweep(number))
    answer = core.check(county.sweep(SWEEPS))
    core.check_state()
    return core.engine, answer


def _resident_bytes() -> int:
    """Resident bytes of this process, after what is free has been given back."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main([QUESTION.name])
