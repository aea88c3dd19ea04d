"""How many bytes a meter with its account takes, everything in.

A process of its own replays a batch log of the registry and two hours of reads, with all outputs made, and
asks the system how much more of it is resident than before. Counted is whatever the engine keeps: states,
both indexes of ids, registry, windows, controls, room to grow as far as it was touched, what the allocator
does not give back. The log is made elsewhere, so that nobody else's memory is in the account, and the
registers and balances at the end are compared. uint64 ids.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.answers import expect, fingerprint, integers
from benchmarks.command import main
from benchmarks.county import START_S, County
from benchmarks.errors import BenchmarkError, CannotRun, WrongAnswer
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.tariffs import CONFIG
from fastcore import Config, Engine
from pipeline.batchlog import BatchLog, BatchLogWriter, Entry

__all__ = ["LIMIT_BYTES", "bytes_a_meter", "measured"]

QUESTION = Question("memory", "resident bytes of a meter with its account, uint64 ids", "≤ 200")
LIMIT_BYTES = 200.0
SIZES: dict[Size, tuple[int, ...]] = {"smoke": (200_000,), "full": (1_000_000, 10_000_000)}
SWEEPS = 9
SMALL = 2_000
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
    """Resident bytes of an engine by meter, measured in a process of its own, and the hash of its state."""
    if not STATM.exists():
        raise CannotRun(f"memory: no {STATM} on this system; expected Linux")
    with tempfile.TemporaryDirectory(prefix="feikong-bench-") as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        _write(small, County(SMALL))
        county = County(meters)
        _write(large, county)
        code = f"from benchmarks.memory import measured; print(measured({str(small)!r}, {str(large)!r}))"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
        )
    if done.returncode:
        raise BenchmarkError(f"memory, {meters:,} meters: {done.stderr.strip().rpartition(chr(10))[2]}")
    told: dict[str, Any] = json.loads(done.stdout)
    answer = fingerprint({"value": county.value, "balance": county.balance_nano[county.consumer]})
    expect(f"memory, {meters:,} meters: hash of the registers and balances", told["answer"], answer)
    return told["resident_bytes"] / meters, answer


def measured(small: str, large: str) -> str:
    """What the process measures of itself, as JSON: one log replayed to have all code loaded, and then the other."""
    _state(_replayed(small))
    before = _resident_bytes()
    engine = _replayed(large)
    resident = _resident_bytes() - before
    engine.audit()
    return json.dumps({"resident_bytes": resident, "answer": _state(engine)})


def _write(path: Path, county: County) -> None:
    with BatchLogWriter(path, "arrow") as writer:
        writer.config(CONFIG)
        for kind, batch in county.registry():
            writer.write(kind, batch, START_S)
        for number in range(SWEEPS):
            sweep = county.sweep(number)
            for batch in sweep.batches:
                writer.write("reads", batch, sweep.now_s)


def _replayed(path: str) -> Engine:
    engine = Engine(Config.from_toml(CONFIG))
    for entry in islice(BatchLog.open(path), 1, None):
        if not isinstance(entry, Entry) or entry.now_s is None:
            raise WrongAnswer(f"memory: {entry}; expected a batch")
        engine.apply(entry.kind, entry.batch, entry.now_s)
    return engine


def _state(engine: Engine) -> str:
    values, balances = engine.meters()["last_value"], engine.accounts()["balance"]
    return fingerprint({"value": integers(values), "balance": integers(balances)})


def _resident_bytes() -> int:
    """Resident bytes of this process, after what is free has been given back."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main([QUESTION.name])
