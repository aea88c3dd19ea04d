"""How fast an engine comes back: a batch log replayed, against the core's own rate in memory.

The log holds the registry and two hours of reads as Arrow files, which the system still has in its cache.
Replayed is what recovery must do and no more: each batch read, and applied with all outputs made, none
written. Both engines end with the same digest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from benchmarks.answers import expect, expect_columns, fingerprint, integers
from benchmarks.command import main
from benchmarks.contest import seconds
from benchmarks.county import START_S, County
from benchmarks.errors import WrongAnswer
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.machine import need_memory
from benchmarks.tariffs import CONFIG
from fastcore import Config, Engine
from pipeline.batchlog import BatchLog, BatchLogWriter, Broken, Entry

QUESTION = Question("recovery", "a batch log replayed", "≥ 0.7 × the core's own rate")
SIZES: dict[Size, int] = {"smoke": 3_000, "full": 1_000_000}
METER_BYTES = 1_500
SWEEPS = 8

Batches = list[tuple[str, pa.RecordBatch, int]]


def run(size: Size) -> list[Figure]:
    """Measure it; a new engine for each replay, and for each run in memory."""
    meters = SIZES[size]
    need_memory(f"{meters:,} meters", meters * METER_BYTES)
    county = County(meters)
    registry = [(kind, batch, START_S) for kind, batch in county.registry()]
    reads = [
        ("reads", batch, sweep.now_s)
        for sweep in map(county.sweep, range(SWEEPS + 1))
        for batch in sweep.batches
    ]
    n = sum(batch.num_rows for _, batch, _ in reads)
    replayed: list[float] = []
    own: list[float] = []
    answers: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="feikong-bench-") as folder:
        path = Path(folder) / "log"
        _write(path, [*registry, *reads])
        for _ in range(ROUNDS):
            engines = []
            for rates in (replayed, own):
                engine = Engine(Config.from_toml(CONFIG))
                log = iter(BatchLog.open(path))
                next(log)  # the configuration
                for kind, batch, now_s in registry:
                    engine.apply(kind, batch, now_s)
                    next(log)
                work = partial(_replay, engine, log) if rates is replayed else partial(_apply, engine, reads)
                rates.append(n / seconds(work) / 1e6)
                engines.append(engine)
            expect("recovery: digest of the engine replayed", engines[0].digest(), engines[1].digest())
            engines[0].audit()
            answers.add(_state(engines[0], county))
    if len(answers) != 1:
        raise WrongAnswer(f"recovery: hashes {', '.join(sorted(answers))}; expected the same each time")
    what = f"{meters:,} meters, {n:,} reads"
    return [Figure(what, "M reads/s", tuple(replayed), "core", tuple(own), 0.7, answer=answers.pop())]


def _write(path: Path, batches: Batches) -> None:
    with BatchLogWriter(path, "arrow") as writer:
        writer.config(CONFIG)
        for kind, batch, now_s in batches:
            writer.write(kind, batch, now_s)


def _replay(engine: Engine, log: Iterator[Entry | Broken]) -> None:
    for entry in log:
        if not isinstance(entry, Entry) or entry.now_s is None:
            raise WrongAnswer(f"recovery: {entry}; expected a batch")
        engine.apply(entry.kind, entry.batch, entry.now_s)


def _apply(engine: Engine, batches: Batches) -> None:
    for kind, batch, now_s in batches:
        engine.apply(kind, batch, now_s)


def _state(engine: Engine, county: County) -> str:
    """The hash of the registers and the balances, which are the county's."""
    found = {
        "value": integers(engine.meters()["last_value"]),
        "balance": integers(engine.accounts()["balance"]),
    }
    expect_columns(
        "recovery", found, {"value": county.value, "balance": county.balance_nano[county.consumer]}, ", state"
    )
    return fingerprint(found)


if __name__ == "__main__":
    main([QUESTION.name])
