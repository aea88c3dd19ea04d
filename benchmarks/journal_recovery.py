"""How fast a node comes back from its journal alone, against the core's own rate in memory.

Frames of one batch of 65,536 reads, as a node under load writes them: scanned, digests checked, bodies checked as on
the wire, applied with what a node asks for, commands. The core applies the same batches with the same outputs. Both
end with the same digest.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa

from benchmarks import disks
from benchmarks.answers import expect, expect_columns, fingerprint, integers
from benchmarks.command import main
from benchmarks.contest import seconds
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.machine import need_memory
from benchmarks.present import Present, config, newest_quarter_s
from benchmarks.shard import Shard
from fastcore import Config, Engine
from pipeline.node.engine_process import OUTPUTS
from pipeline.node.recovery import Recovered, recover

QUESTION = Question("journal", "a node's journal replayed", "≥ 0.7 × the core's own rate")
SIZES: dict[Size, tuple[int, int]] = {"smoke": (3_000, 4), "full": (1_000_000, 16)}
"""Meters, and sweeps of them."""
METER_BYTES: Final = 2_000
READ_BYTES: Final = 60


def run(size: Size) -> list[Figure]:
    """Measure it: the registry lies in the journal too, and is as large a part of both."""
    meters, sweeps = SIZES[size]
    need_memory(f"{meters:,} meters", meters * METER_BYTES)
    replayed: list[float] = []
    own: list[float] = []
    with TemporaryDirectory(prefix="feikong-bench-") as name:
        folder = Path(name)
        reads = meters * sweeps
        disks.need_room("a journal", folder, reads * READ_BYTES + meters * METER_BYTES)
        now_s = newest_quarter_s()
        present = Present(meters, now_s)
        batches = [("reads", batch) for batch in present.batches(sweeps)]
        everything = [*present.county.registry(), *batches]
        with Shard(folder) as shard:
            shard.begin(now_s)
            shard.take(everything, present.now_s)
            assert shard.now.state.engine is not None
            digest = shard.now.state.engine.digest()
            shard.now.state.engine = None
        for _ in range(ROUNDS):
            found: list[Recovered] = []
            replayed.append(reads / seconds(partial(_recover, shard, found)) / 1e6)
            found[0].journal.close()
            recovered = found.pop().state.engine
            assert recovered is not None
            expect("journal: digest of what was recovered", recovered.digest(), digest)
            engine = Engine(Config.from_toml(config()), OUTPUTS)
            own.append(reads / seconds(partial(_apply, engine, everything, present.now_s)) / 1e6)
            expect("journal: digest of the core", engine.digest(), digest)
        registers = {"last_value": integers(engine.meters()["last_value"])}
        expect_columns("journal", registers, {"last_value": present.county.value}, ", state")
    what = f"{meters:,} meters, {reads:,} reads"
    answer = fingerprint(registers)
    return [Figure(what, "M reads/s", tuple(replayed), "core", tuple(own), 0.7, answer=answer)]


def _recover(shard: Shard, found: list[Recovered]) -> None:
    found.append(recover(shard.journal, shard.snapshots, new_id=bytes(16), outputs=OUTPUTS))


def _apply(engine: Engine, batches: list[tuple[str, pa.RecordBatch]], now_s: int) -> None:
    for kind, batch in batches:
        engine.apply(kind, batch, now_s)


if __name__ == "__main__":
    main([QUESTION.name])
